"""The folder of an embedded dock: made, writable, and held by one process at a time."""

from __future__ import annotations

import errno
import fcntl
import os
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from learndock.errors import FailedPrecondition, Overloaded


@dataclass(frozen=True)
class DockFolder:
    """Where the parts of an embedded dock lie."""

    root: Path

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
        return self.root / "scratch"

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
