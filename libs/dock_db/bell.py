"""Wakes those that watch the database, after each commit, but none of them more often than it has to look."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

from dock_db.database import Database

LEAST_S = 0.25


class Bell:
    """Rings after each commit that the database tells of; what it does not tell of is noticed after `poll_s`.

    A watcher looks again `least_s` after its last look at the soonest: where commits come by the dozen, a crowd that
    read after each would leave no time for anything else. A change after a quiet time is seen at once.
    """

    def __init__(self, database: Database, *, poll_s: float, least_s: float = LEAST_S) -> None:
        self._poll_s = poll_s
        self._least_s = min(least_s, poll_s)
        self._rung = 0
        self._ringing = threading.Condition()
        database.on_commit(self._ring)

    def looks(self) -> Iterator[None]:
        """Yields whenever it is time to look: now, and after what may have changed something."""
        while True:
            seen, looked = self._rung, time.monotonic()
            yield
            with self._ringing:
                self._ringing.wait_for(lambda before=seen: self._rung != before, self._poll_s)  # type: ignore[misc]
            time.sleep(max(0.0, self._least_s - (time.monotonic() - looked)))

    def _ring(self) -> None:
        with self._ringing:
            self._rung += 1
            self._ringing.notify_all()
