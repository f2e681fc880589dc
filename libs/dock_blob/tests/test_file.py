from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dock_blob.file import FileBlobStore
from dock_blob.tests.contract import BlobStoreContract, new_key
from learndock.errors import DockError, FailedPrecondition, Overloaded, Unavailable


@pytest.fixture
def store(tmp_path):
    return FileBlobStore(tmp_path / "blobs")


class TestFileBlobStore(BlobStoreContract):
    pass


def test_everything_is_there_after_a_restart(tmp_path):
    first = FileBlobStore(tmp_path)
    first.put("a/b", [b"object"])
    first.append_part("c", 0, b"unfinished")
    again = FileBlobStore(tmp_path)
    assert b"".join(again.read("a/b")) == b"object"
    assert again.persisted_bytes("c") == 10


def test_empty_folders_go(store, tmp_path):
    store.append_part("a/b/c", 0, b"x")
    store.complete("a/b/c")
    store.delete("a/b/c")
    store.append_part("a/b/c", 0, b"x")
    store.abort("a/b/c")
    assert list((tmp_path / "blobs" / "objects").iterdir()) == []
    assert list((tmp_path / "blobs" / "unfinished").iterdir()) == []


@pytest.mark.parametrize(
    ("number", "kind", "reason"),
    [
        (errno.ENOSPC, Overloaded, "STORAGE_FULL"),
        (errno.EDQUOT, Overloaded, "STORAGE_FULL"),
        (errno.EROFS, FailedPrecondition, "STORAGE_READ_ONLY"),
        (errno.EACCES, FailedPrecondition, "STORAGE_READ_ONLY"),
        (errno.EIO, Unavailable, "STORAGE_FAILED"),
    ],
)
def test_failures_of_the_disk_are_typed_and_leave_nothing_half(store, monkeypatch, number, kind, reason):
    store.append_part("upload", 0, b"good")
    real = os.pwrite

    def fails(descriptor: int, data: bytes, offset: int) -> int:
        real(descriptor, data[:2], offset)
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "pwrite", fails)
    with pytest.raises(kind) as caught:
        store.append_part("upload", 4, b"lost in part")
    assert caught.value.reason == reason
    monkeypatch.undo()
    assert store.persisted_bytes("upload") == 4
    store.append_part("upload", 4, b" again")
    store.complete("upload")
    assert b"".join(store.read("upload")) == b"good again"


def test_a_really_full_disk():
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full here")
    from dock_blob.file import _typed

    with pytest.raises(Overloaded) as caught, _typed(), full.open("wb") as writer:
        writer.write(b"x" * 100_000)
    assert caught.value.retry_after_s


def test_a_put_without_room_leaves_nothing(store, tmp_path, monkeypatch):
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Overloaded):
        store.put("a", [b"x"])
    monkeypatch.undo()
    assert list((tmp_path / "blobs" / "aside").iterdir()) == []
    assert list(store.list()) == []


PROGRAM = """
import sys
from pathlib import Path
from dock_blob.file import FileBlobStore
store = FileBlobStore(Path(sys.argv[1]))
for start in range(0, 50, 10):
    print(store.append_part("t/up", start, bytes(range(start, start + 10))), flush=True)
store.complete("t/up")
print("completed", flush=True)
store.put("t/put", [b"put"])
print("put", flush=True)
"""
MOMENTS = [
    "blob.append.after_fsync",
    "blob.append.after_fsync@3",
    "blob.complete.before_rename",
    "blob.complete.after_rename",
    "blob.put.before_rename",
    "blob.put.after_rename",
]


def run(root: Path, moment: str) -> tuple[int, list[str]]:
    name, _, nth = moment.partition("@")
    setting = f"{name}=kill" + (f"@{nth}" if nth else "")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(root)],
        env={**os.environ, "DOCK_FAILPOINTS": setting if moment else ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout.split()


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_at_a_moment_it_goes_on_where_it_was(tmp_path, moment):
    code, said = run(tmp_path, moment)
    assert code == -signal.SIGKILL
    store = FileBlobStore(tmp_path)
    acknowledged = max([int(word) for word in said if word.isdigit()], default=0)
    if "completed" in said:
        assert store.stat("t/up").size == 50
    elif not list(store.list("t/up")):
        assert store.persisted_bytes("t/up") >= acknowledged
    assert list((tmp_path / "aside").iterdir()) == []

    code, said = run(tmp_path, "")
    assert code == 0
    assert said[-2:] == ["completed", "put"]
    assert b"".join(store.read("t/up")) == bytes(range(50))
    assert b"".join(store.read("t/put")) == b"put"
    assert [info.key for info in store.list()] == ["t/put", "t/up"]
    assert list(store.list_unfinished()) == []


def test_a_folder_that_is_a_file(tmp_path):
    (tmp_path / "blobs").write_text("in the way")
    with pytest.raises(DockError):
        FileBlobStore(tmp_path / "blobs")


def test_the_lock_of_a_key_is_not_the_lock_of_all(store):
    assert store._key_lock("a") is store._key_lock("a")
    assert len({id(store._key_lock(new_key())) for _ in range(200)}) > 10
