"""The way to an object store: how many parts of all uploads are on it at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future

from dock_blob.bucket import FoundPart


class Way:
    """Takes `most` parts of all uploads at a time; whoever has another one waits, and with him who sends it.

    A part is put together when there is room for it, not before: so of n uploads at once there are n parts that are
    gathered and `most` on the way in memory, however long the store takes.
    """

    def __init__(self, executor: Executor, most: int) -> None:
        self._executor = executor
        self._room = threading.Semaphore(most)

    def send(self, put: Callable[[bytes], FoundPart], part: Callable[[], bytes]) -> Future[FoundPart]:
        """Begin to put what `part` gives, once there is room."""
        self._room.acquire()
        try:
            return self._executor.submit(self._put, put, part())
        except BaseException:
            self._room.release()
            raise

    def _put(self, put: Callable[[bytes], FoundPart], data: bytes) -> FoundPart:
        try:
            return put(data)
        finally:
            self._room.release()
