"""A control group for each sandbox, where this process may make some: the kernel itself bounds what is in there.

Groups lie below the one that this process is in, so that whatever bounds the dock bounds its sandboxes too. A group
belongs to whoever holds its lock, which the kernel lets go of when a process dies: what nobody holds is swept.
See cgroups(7), memory.rst and cgroup-v2.rst of the kernel.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dock_sandbox.port import Limits

PREFIX = "learndock-"
_PATIENCE_S = 2.0
"""For the last process of a group to be gone."""
_OWN_PROCESSES = 2
"""Of bubblewrap, beside the model's."""


@dataclass(frozen=True)
class Counters:
    """What the kernel counted in a group: its most memory at any moment, and how many processes it killed for it."""

    peak_bytes: int
    kills: int


@dataclass(frozen=True)
class Hierarchy:
    """A place for groups: `version` 1 or 2, the folder for those of memory, and version 1's for those of processes."""

    version: int
    memory: Path
    processes: Path | None = None

    @property
    def folders(self) -> Sequence[Path]:
        """Where a group has a folder each."""
        return [self.memory, *([self.processes] if self.processes else [])]

    def make(self, limits: Limits) -> Group:
        """A new group with these limits. OSError where the kernel refuses."""
        name = PREFIX + secrets.token_hex(8)
        made: list[Path] = []
        try:
            for folder in self.folders:
                (folder / name).mkdir()
                made.append(folder / name)
            group = Group(self.version, made)
            group.limit(limits)
        except BaseException:
            for folder in made:
                with contextlib.suppress(OSError):
                    folder.rmdir()
            raise
        return group

    def sweep(self) -> int:
        """Remove the groups that a dead process left, and end what is still in them; how many."""
        return sum(_remove_stale(path) for folder in self.folders for path in folder.glob(f"{PREFIX}*"))


class Group:
    """One sandbox's group: a folder, in version 1 two. Locked as long as it is open."""

    def __init__(self, version: int, folders: Sequence[Path]) -> None:
        self._version = version
        self._folders = list(folders)
        self._locks = [_lock(folder) for folder in folders]
        self._last = Counters(0, 0)

    @property
    def folder(self) -> Path:
        """Where its memory is counted."""
        return self._folders[0]

    def limit(self, limits: Limits) -> None:
        """Bound memory, with files in memory and without swap, and processes where that can be."""
        memory = self.folder
        if self._version == 1:
            _write(memory / "memory.limit_in_bytes", limits.memory_bytes)
            with contextlib.suppress(FileNotFoundError):
                _write(memory / "memory.memsw.limit_in_bytes", limits.memory_bytes)
        else:
            _write(memory / "memory.max", limits.memory_bytes)
            with contextlib.suppress(FileNotFoundError):
                _write(memory / "memory.swap.max", 0)
            with contextlib.suppress(FileNotFoundError):
                _write(memory / "memory.oom.group", 1)
        with contextlib.suppress(FileNotFoundError):
            _write(self._folders[-1] / "pids.max", limits.processes + _OWN_PROCESSES)

    def admit(self, pid: int) -> None:
        """Put a process in, and all it will start."""
        for folder in self._folders:
            _write(folder / "cgroup.procs", pid)

    def counters(self) -> Counters:
        """What was counted so far; of a closed group, what was last."""
        with contextlib.suppress(OSError, ValueError):
            peak, events = _COUNTERS[self._version]
            said = dict(line.split() for line in (self.folder / events).read_text().splitlines())
            self._last = Counters(_read(self.folder / peak), int(said.get("oom_kill", 0)))
        return self._last

    def close(self, patience_s: float = _PATIENCE_S) -> None:
        """Remove it, whose processes have ended. Idempotent; what cannot be removed in time is left to a sweep."""
        self.counters()
        deadline = time.monotonic() + patience_s
        while self._locks and time.monotonic() < deadline:
            if all(_removed(folder) for folder in self._folders):
                break
            time.sleep(0.01)
        while self._locks:
            os.close(self._locks.pop())

    def __enter__(self) -> Group:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


_COUNTERS = {
    1: ("memory.max_usage_in_bytes", "memory.oom_control"),
    2: ("memory.peak", "memory.events"),
}


def _remove_stale(path: Path) -> bool:
    try:
        lock = _lock(path)
    except OSError:
        return False
    try:
        deadline = time.monotonic() + _PATIENCE_S
        while not _removed(path):
            _end_all(path)
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True
    finally:
        os.close(lock)


def _end_all(folder: Path) -> None:
    """End whoever is still in a group whose owner is gone: nobody else puts processes there."""
    with contextlib.suppress(OSError, ValueError):
        for pid in map(int, (folder / "cgroup.procs").read_text().split()):
            if pid:  # 0 stands for one that cannot be seen from here
                os.kill(pid, signal.SIGKILL)


def _removed(folder: Path) -> bool:
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _lock(folder: Path) -> int:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _write(path: Path, value: int) -> None:
    # Opened without creating: a control that the kernel does not have must not look as if it were set.
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, str(value).encode())
    finally:
        os.close(descriptor)


def _read(path: Path) -> int:
    try:
        return int(path.read_text())
    except FileNotFoundError:
        return 0  # kernels before 5.19 keep no peak in version 2
