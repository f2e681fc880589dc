from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dock_server import folder
from dock_server.folder import FolderLock, shared_folder
from learndock.errors import FailedPrecondition

HOLD = """\
import sys
from pathlib import Path
from dock_server.folder import FolderLock

with FolderLock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""
TRY = """\
import sys
from pathlib import Path
from dock_server.folder import FolderLock
from learndock.errors import DockError

root = Path(sys.argv[1])
if len(sys.argv) > 2:
    try:
        (root / "ballast").write_bytes(bytes(int(sys.argv[2])))
    except OSError:
        pass
try:
    with FolderLock(root):
        print("HELD")
except DockError as error:
    print(error.reason, sorted(path.name for path in root.iterdir() if path.name != "ballast"))
"""
BWRAP = shutil.which("bwrap")


def inside(arguments, root: Path, *more: str) -> str:
    """What TRY says on a file system that is as `arguments` of bubblewrap make it."""
    if BWRAP is None:
        pytest.skip("bubblewrap is missing: no file system can be made for the test")
    command = [BWRAP, "--bind", "/", "/", "--dev-bind", "/dev", "/dev", *arguments]
    done = subprocess.run(
        [*command, sys.executable, "-c", TRY, str(root), *more], capture_output=True, text=True, timeout=60, check=False
    )
    if done.returncode and "bwrap:" in done.stderr:
        pytest.skip(f"no file system can be made for the test: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_folder_is_made_and_given_back(tmp_path):
    root = tmp_path / "a" / "dock"
    with FolderLock(root) as folder:
        assert folder.root == root.resolve()
        assert folder.database_url == f"sqlite:///{root.resolve()}/dock.db"
        assert [path.name for path in root.iterdir()] == ["dock.lock"]
    with FolderLock(root):
        pass


def test_it_is_held_once_also_within_a_process(tmp_path):
    with FolderLock(tmp_path):
        with pytest.raises(FailedPrecondition) as refused, FolderLock(tmp_path):
            pass
        assert refused.value.reason == "DOCK_FOLDER_IN_USE"
    with FolderLock(tmp_path):
        pass


def test_another_process_is_named_and_lets_go_when_it_is_killed(tmp_path):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(FailedPrecondition) as refused, FolderLock(tmp_path):
            pass
        assert refused.value.reason == "DOCK_FOLDER_IN_USE"
        assert refused.value.details["process"] == str(holder.pid)
        assert "--data" in refused.value.hint
        # A holder that lost the race must not have wiped who won it.
        assert (tmp_path / "dock.lock").read_text().strip() == str(holder.pid)
    finally:
        holder.kill()
        holder.communicate()
    with FolderLock(tmp_path):
        pass


@pytest.mark.parametrize("below", [".", "deeper/still"])
def test_a_path_at_or_below_a_file_is_no_folder(tmp_path, below):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(FailedPrecondition) as refused, FolderLock(tmp_path / "file" / below):
        pass
    assert refused.value.reason == "DOCK_FOLDER_UNUSABLE"
    assert (tmp_path / "file").read_text() == "not a folder"


@pytest.mark.parametrize("before", [False, True])
def test_a_read_only_folder_is_said_to_be(tmp_path, before):
    if before:
        with FolderLock(tmp_path):
            pass
    said = inside(["--ro-bind", str(tmp_path), str(tmp_path)], tmp_path)
    assert said.startswith("DOCK_FOLDER_READ_ONLY")


@pytest.mark.parametrize("free", [0, 4096])
def test_a_full_disk_is_said_to_be_and_nothing_is_left_on_it(tmp_path, free):
    size = 1 << 16
    said = inside(["--size", str(size), "--tmpfs", str(tmp_path)], tmp_path, str(size - free))
    assert said == "STORAGE_FULL ['dock.lock']"


def test_services_of_one_machine_share_environments_and_have_scratch_of_their_own(tmp_path):
    with shared_folder(tmp_path / "data") as one, shared_folder(tmp_path / "data") as other:
        assert one.environments == other.environments
        assert one.scratch != other.scratch
        assert (one.scratch.is_dir(), other.scratch.is_dir()) == (True, True)
    assert list((tmp_path / "data" / "scratch").iterdir()) == []


def test_what_a_dead_service_left_is_removed_and_what_a_living_one_has_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr(folder, "_BEING_MADE_S", 0.0)
    abandoned = tmp_path / "scratch" / "4711-left"
    abandoned.mkdir(parents=True)
    (abandoned / "file").write_text("of a sandbox")
    with shared_folder(tmp_path) as living:
        assert not abandoned.exists()
        with shared_folder(tmp_path):
            assert living.scratch.is_dir()


def test_a_shared_folder_that_cannot_be_made_is_said_to_be(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FailedPrecondition) as refused, shared_folder(tmp_path / "file" / "below"):
        pass
    assert "--data" in refused.value.hint
