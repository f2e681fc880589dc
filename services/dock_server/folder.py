"""The folder of an embedded dock: made, writable, and held by one process at a time."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType

from learndock.errors import FailedPrecondition, Overloaded

_BEING_MADE_S = 10.0
"""Age below which a scratch that nobody holds may be one that is only just being made."""


@dataclass(frozen=True)
class DockFolder:
    """Where the parts of an embedded dock lie."""

    root: Path
    own_scratch: Path | None = None
    """Scratch of this process alone, where several share the folder."""

    @property
    def database_url(self) -> str:
        """SQLAlchemy's URL of the database."""
        return f"sqlite:///{self.root / 'dock.db'}"

    @property
    def blobs(self) -> Path:
        """Packages."""
        return self.root / "blobs"

    @property
    def keys(self) -> Path:
        """The key that verdicts are signed with, and its rotations."""
        return self.root / "keys"

    @property
    def environments(self) -> Path:
        """Environments by lock hash, and uv's files."""
        return self.root / "environments"

    @property
    def scratch(self) -> Path:
        """Unpacked packages of running sandboxes; emptied at start."""
        return self.own_scratch or self.root / "scratch"

    @property
    def address_file(self) -> Path:
        """Holds the address a running dock listens on."""
        return self.root / "address"


class FolderLock:
    """Holds a dock's folder. The kernel lets go of it when the process ends, however it ends."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._fd = -1

    def __enter__(self) -> DockFolder:
        """Make and lock the folder. FailedPrecondition DOCK_FOLDER_IN_USE, DOCK_FOLDER_READ_ONLY."""
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(self._root / "dock.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._lock()
            self._probe()
        except OSError as error:
            self._release()
            raise _folder_error(self._root, error) from error
        except FailedPrecondition:
            self._release()
            raise
        return DockFolder(self._root.resolve())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._release()

    def _lock(self) -> None:
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._fd, 32, 0).decode(errors="replace").strip()
            raise FailedPrecondition(
                f"Another process (id {holder or 'unknown'}) has the dock in {self._root} open.",
                reason="DOCK_FOLDER_IN_USE",
                hint="Use that one, stop it, or start this one on another folder with --data.",
                details={"folder": self._root, "process": holder},
            ) from None
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def _probe(self) -> None:
        probe = self._root / ".writable"
        try:
            probe.write_bytes(b"x" * 4096)
        finally:
            probe.unlink(missing_ok=True)

    def _release(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


@contextmanager
def shared_folder(root: Path) -> Iterator[DockFolder]:
    """A folder that several services of one machine share: environments for all, scratch for each.

    What dead processes left is removed. FailedPrecondition DOCK_FOLDER_READ_ONLY, DOCK_FOLDER_UNUSABLE.
    """
    try:
        scratches = root.resolve() / "scratch"
        scratches.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(scratches)
        own = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=scratches))
        held = os.open(own, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(held, fcntl.LOCK_EX)
    except OSError as error:
        raise _folder_error(root, error) from error
    try:
        yield replace(DockFolder(root.resolve()), own_scratch=own)
    finally:
        shutil.rmtree(own, ignore_errors=True)
        os.close(held)


def _remove_abandoned(scratches: Path) -> None:
    for each in scratches.iterdir():
        try:
            fd = os.open(each, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:  # gone meanwhile, or no folder of ours
            continue
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if time.time() - each.stat().st_mtime > _BEING_MADE_S:
                shutil.rmtree(each, ignore_errors=True)
        except OSError:
            continue  # its process lives
        finally:
            os.close(fd)


def _folder_error(root: Path, error: OSError) -> FailedPrecondition | Overloaded:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Overloaded(
            f"The disk of {root} is full.",
            reason="STORAGE_FULL",
            hint="Free some space (what the dock accepted is safe), then start again.",
        )
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return FailedPrecondition(
            f"The folder {root} can't be written ({os.strerror(error.errno or 0)}).",
            reason="DOCK_FOLDER_READ_ONLY",
            hint="Give a writable folder with --data, or change its permissions.",
        )
    return FailedPrecondition(
        f"The folder {root} can't be used ({error.strerror}).",
        reason="DOCK_FOLDER_UNUSABLE",
        hint="Give another folder with --data.",
    )
