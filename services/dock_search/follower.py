"""Keeps the index equal to the database, by revision; events only wake it (guarantees G7 to G9)."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from sqlalchemy.orm import Session

from dock_db import Database, LearnwareRow, Learnwares, Specifications, State
from dock_failpoint import failpoint
from dock_search.records import Records
from dock_search.suspicion import Inspector
from dock_trace import span
from learndock.errors import DockError, FailedPrecondition, Unavailable
from learndock.search import Searcher
from learndock.semantic import SemanticSpecification
from learndock.specification import read_specification

_LOOK_S = 0.25
"""Seconds after which one who waits looks whether anybody still wants the answer."""
_log = logging.getLogger(__name__)


def key_of(row: LearnwareRow) -> str:
    """The index's key of a learnware version."""
    return f"{row.learnware_id}:{row.version}"


class _Unreadable(Exception):
    """What is stored of a learnware can't be put into the index; other failures pass, and are tried again."""

    def __init__(self, error: DockError) -> None:
        super().__init__(error.message)
        self.error = error


class Follower:
    """Applies every transition of one tenant's learnwares to the index, in the order of revisions.

    Those of others in the same database pass by: they are never found, and never announced as found.
    """

    def __init__(self, database: Database, index: Searcher, *, tenant: str, poll_s: float) -> None:
        self._database = database
        self._tenant = tenant
        self._index = index
        self.records = Records(database)
        self._inspector = Inspector(index)
        self._poll_s = poll_s
        self._learnwares = Learnwares()
        self._applied = 0
        self._progress = threading.Condition()
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="index-follower", daemon=True)
        database.on_commit(self._wake.set)

    @property
    def revision(self) -> int:
        """The newest revision that the index holds."""
        return self._applied

    def start(self) -> None:
        """Load what is there, then follow."""
        self.catch_up()
        self._thread.start()

    def stop(self) -> None:
        """Stop and wait."""
        self._stopping.set()
        self._wake.set()
        self._thread.join()

    def wake(self) -> None:
        """Something changed."""
        self._wake.set()

    def wait_for(self, revision: int, timeout_s: float, cancelled: Callable[[], bool] = lambda: False) -> None:
        """Return when the index holds `revision`. FailedPrecondition INDEX_BEHIND after `timeout_s`, or `cancelled`."""
        end = time.monotonic() + timeout_s
        with self._progress:
            while self._applied < revision:
                left = end - time.monotonic()
                if left > 0 and not cancelled():
                    self._progress.wait(min(left, _LOOK_S))
                else:
                    raise FailedPrecondition(
                        f"The index holds revision {self._applied}, not yet {revision}.",
                        reason="INDEX_BEHIND",
                        hint="Search again in a moment, or without min_revision.",
                        details={"revision": self._applied},
                    )

    def catch_up(self) -> None:
        """Apply everything that changed since the last time."""
        while True:
            with self._database.read_at() as session:
                rows = self._learnwares.changed_since(session, self._applied)
                newest = rows[-1].revision if rows else self._learnwares.revision(session)
            if newest < self._applied:
                self._begin_anew(newest)
                continue
            if not rows:
                return
            for row in rows:
                if row.tenant == self._tenant:
                    self._apply_or_set_aside(row)
                with self._progress:
                    self._applied = row.revision
                    self._progress.notify_all()

    def _begin_anew(self, newest: int) -> None:
        """The database has gone back, and its revisions and ids mean other things now: nothing of the index counts."""
        _log.error(
            "the database is at revision %d, and was at %d: a backup, or a standby that was behind, took its place; "
            "the index is built anew",
            newest,
            self._applied,
        )
        with self._progress:
            self._applied = 0
        for key in self.records.known():
            self._index.remove(key)
            self.records.forget(key)

    def _apply_or_set_aside(self, row: LearnwareRow) -> None:
        """Damaged where it is kept: that must not keep all the others out of the index (guarantee G10)."""
        try:
            self._apply(row)
        except _Unreadable as unreadable:
            error = unreadable.error
            _log.exception("%s cannot be searched", key_of(row), extra={"learnware": row.learnware_id})
            if row.state is State.EMBEDDING:
                with self._database.transaction() as session:
                    self._learnwares.finish(
                        session,
                        row.learnware_id,
                        row.version,
                        attempt=row.attempt,
                        to=State.FAILED_INTERNAL,
                        reason=error.reason,
                        reason_text=error.message,
                    )

    def _apply(self, row: LearnwareRow) -> None:
        if row.state is State.INDEXED:
            self._add(row)
        elif row.state is State.EMBEDDING:
            with span("index", parent=row.cause, about=row.about("search")) as here:
                if not self._announce(row):
                    here.discard()
        else:
            self._index.remove(key_of(row))
            self.records.forget(key_of(row))

    def _announce(self, row: LearnwareRow) -> bool:
        """Take a version in and say that it can be found; False where its specification is not there yet."""
        if not self._add(row):
            return False
        failpoint("search.before_indexed")
        with self._database.transaction() as session:
            # This first: flags refer to the learnware, and whoever holds it must not then wait for the lock of all.
            self._learnwares.mark_indexed(session, row.learnware_id, row.version)
            self._inspect(row, session)
        failpoint("search.after_indexed")
        _log.info("%s can be found", key_of(row))
        return True

    def _inspect(self, row: LearnwareRow, session: Session) -> None:
        stored = Specifications().get(session, row.learnware_id, row.version)
        specification = read_specification(stored.type, stored.payload) if stored and stored.payload else None
        self._inspector.inspect(row, key_of(row), specification, session)

    def _add(self, row: LearnwareRow) -> bool:
        with self._database.read_at(row.revision) as session:
            stored = Specifications().get(session, row.learnware_id, row.version)
        if stored is None:
            return False
        self.records.keep(key_of(row), row)
        if key_of(row) in self._index:
            return True
        try:
            specification = read_specification(stored.type, stored.payload) if stored.payload else None
            self._index.add(key_of(row), SemanticSpecification.from_json(row.semantic_json), specification)
        except DockError as error:
            raise _Unreadable(error) from error
        return True

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait(self._poll_s)
            self._wake.clear()
            try:
                self.catch_up()
            except Unavailable as error:
                _log.warning("the index does not follow the database: %s", error, extra={"reason": error.reason})
                self._stopping.wait(self._poll_s)
            except Exception:  # noqa: BLE001 - the thread must live on
                _log.exception("the index could not follow the database; trying again")
                self._stopping.wait(self._poll_s)
