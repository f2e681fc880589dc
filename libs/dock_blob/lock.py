"""A lock of threads, and of processes that share a folder."""

from __future__ import annotations

import fcntl
import os
import threading
from pathlib import Path


class Lock:
    """Held by one at a time: of a process's threads, and with `path` of all processes that name the same file.

    The file is locked with `flock`, so a process that dies lets go. It stays where it is, empty. OSError where the file
    system has no such locks.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._within = threading.Lock()
        self._path = path
        self._descriptor = -1

    def __enter__(self) -> None:
        self._within.acquire()
        if self._path is None:
            return
        try:
            self._descriptor = _locked(self._path)
        except BaseException:
            self._within.release()
            raise

    def __exit__(self, *_exc: object) -> None:
        if self._path is not None:
            os.close(self._descriptor)
        self._within.release()


def _locked(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
