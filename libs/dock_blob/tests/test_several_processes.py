"""One folder of packages, and several processes that write there."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dock_blob.file import FileBlobStore

KEY = "packages/t/one"
PATIENCE_S = 120.0
HOLDER = """
import sys
from pathlib import Path
from dock_blob.file import FileBlobStore
folder, key, marker = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
store = FileBlobStore(folder, alone=False)
with store._key_lock(key), store._names:
    print("held", flush=True)
    sys.stdin.readline()
    marker.touch()
"""
WRITER = """
import sys
from pathlib import Path
from dock_blob.file import FileBlobStore
store, name = FileBlobStore(Path(sys.argv[1]), alone=False), sys.argv[2]
for number in range(60):
    key = f"packages/shared/{number % 3}/{name}"
    assert store.append_part(key, 0, name.encode() * 10) == 10 * len(name)
    store.complete(key)
    assert b"".join(store.read(key)) == name.encode() * 10
    store.delete(key)
"""


@pytest.fixture
def store(tmp_path) -> FileBlobStore:
    return FileBlobStore(tmp_path / "shared", alone=False)


@pytest.fixture
def holder(tmp_path, store) -> Iterator[subprocess.Popen[str]]:
    """Another process, in the midst of something with the key."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "shared"), KEY, str(tmp_path / "over")]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


class Waiting(threading.Thread):
    """Does something, and notes whether the other process was over with it by then."""

    def __init__(self, act, marker: Path) -> None:
        super().__init__(daemon=True)
        self._act, self._marker = act, marker
        self.other_was_over: bool | None = None
        self.start()

    def run(self) -> None:
        """Do it."""
        self._act()
        self.other_was_over = self._marker.exists()


@pytest.mark.parametrize(
    "act",
    [
        lambda store: store.append_part(KEY, 0, b"abc"),
        lambda store: store.put(KEY, [b"abc"]),
        lambda store: store.delete(KEY),
        lambda store: store.abort(KEY),
    ],
    ids=["append", "put", "delete", "abort"],
)
def test_what_another_process_is_at_is_waited_for(tmp_path, store, holder, act):
    waiting = Waiting(lambda: act(store), tmp_path / "over")
    waiting.join(0.5)  # as long as somebody who does not wait may need
    holder.stdin.write("\n")
    holder.stdin.flush()
    waiting.join(PATIENCE_S)
    assert waiting.other_was_over is True


def test_who_dies_lets_go(tmp_path, store, holder):
    waiting = Waiting(lambda: store.append_part(KEY, 0, b"abc"), tmp_path / "over")
    holder.send_signal(signal.SIGKILL)
    waiting.join(PATIENCE_S)
    assert waiting.other_was_over is False
    assert store.persisted_bytes(KEY) == 3


def test_folders_come_and_go_under_the_hands_of_several(tmp_path, store):
    command = [sys.executable, "-c", WRITER, str(tmp_path / "shared")]
    writers = [subprocess.Popen([*command, name], stderr=subprocess.PIPE, text=True) for name in ("ann", "bob", "cyd")]
    said = [writer.communicate()[1] for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0, 0], said
    assert list(store.list()) == []
    assert list(store.list_unfinished()) == []


def test_a_store_of_one_process_has_no_locks_to_leave_behind(tmp_path):
    FileBlobStore(tmp_path / "own").put(KEY, [b"abc"])
    assert not (tmp_path / "own" / "locks").exists()
