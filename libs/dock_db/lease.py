"""Keeps claims alive while their work goes on, however long that takes, and gives back what nobody will finish."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dock_db.database import Database
from dock_db.learnwares import Learnwares
from dock_db.rows import LearnwareRow
from learndock.errors import DockError

_log = logging.getLogger(__name__)


class Heartbeat:
    """Calls `beat` every `period_s` on a thread, until it says False or the block ends."""

    def __init__(self, beat: Callable[[], bool], period_s: float) -> None:
        self._beat = beat
        self._period_s = period_s
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lease-heartbeat", daemon=True)

    def __enter__(self) -> Heartbeat:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._done.wait(self._period_s):
            try:
                if not self._beat():
                    return
            except Exception:  # noqa: BLE001 - the thread must live on
                _log.exception("the lease could not be renewed; trying again")


class Leases:
    """The claims that this process works on. Each is renewed three times a lease."""

    def __init__(self, database: Database, lease_s: float) -> None:
        self._database = database
        self._lease_s = lease_s
        self._held: set[LearnwareRow] = set()
        self._lock = threading.Lock()

    @contextmanager
    def holding(self, row: LearnwareRow) -> Iterator[None]:
        """Renew the lease of a claimed learnware until the block ends."""
        with self._lock:
            self._held.add(row)
        try:
            with Heartbeat(lambda: self._renew(row), self._lease_s / 3):
                yield
        finally:
            with self._lock:
                self._held.discard(row)

    def give_back(self) -> int:
        """Let others claim at once what is still worked on here; return how many that were. They are not renewed again.

        Where the database does not answer their leases run out by themselves.
        """
        with self._lock:
            rows = list(self._held)
            self._held.clear()
            given = 0
            for row in rows:
                try:
                    with self._database.transaction() as session:
                        given += Learnwares().give_back(session, row)
                except DockError as error:
                    _log.warning("%s could not be given back: %s", row.learnware_id, error)
            return given

    def _renew(self, row: LearnwareRow) -> bool:
        with self._lock:
            if row not in self._held:
                return False
            with self._database.transaction(wake=False) as session:
                return Learnwares().renew(session, row, self._lease_s)
