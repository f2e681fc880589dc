"""The reconciler: no learnware waits for ever because an event or a worker got lost (guarantees G5 and G6)."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from sqlalchemy.orm import Session

from dock_db.database import Database
from dock_db.leadership import Leadership
from dock_db.learnwares import Learnwares
from dock_db.rows import Overdue
from dock_db.transitions import serialise
from dock_failpoint import failpoint

_log = logging.getLogger(__name__)
_BATCH = 200


class Reconciler:
    """Scans on a thread of its own, every `period_s`. Any number may share a database: one of them leads and scans."""

    def __init__(
        self,
        database: Database,
        *,
        period_s: float = 15.0,
        grace_s: float = 30.0,
        on_driven: Callable[[Overdue], None] = lambda _why: None,
    ) -> None:
        self._on_driven = on_driven
        self._database = database
        self._period_s = period_s
        self._grace_s = grace_s
        self._learnwares = Learnwares()
        self._leadership = Leadership(database, "reconciler")
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reconciler", daemon=True)

    def start(self) -> None:
        """Start scanning."""
        self._thread.start()

    def stop(self) -> None:
        """Stop, and wait."""
        self._stopping.set()
        self._thread.join()
        self._leadership.release()

    def scan(self) -> int:
        """Drive what is overdue; return how many versions that were."""
        with self._database.read() as session:
            if not self._learnwares.overdue(session, grace_s=self._grace_s, limit=1):
                return 0
        driven = self._database.insist(self._drive, wake=True)
        failpoint("reconciler.scan.after")
        for why in driven:
            self._on_driven(why)
        return len(driven)

    def _drive(self, session: Session) -> list[Overdue]:
        serialise(session)
        overdue = self._learnwares.overdue(session, grace_s=self._grace_s, limit=_BATCH)
        driven = [self._learnwares.drive(session, row) for row in overdue]
        failpoint("reconciler.scan.before")
        return driven

    def _run(self) -> None:
        while not self._stopping.wait(self._period_s):
            try:
                driven = self.scan() if self._leadership.held() else 0
            except Exception:  # noqa: BLE001 - the thread must live on
                _log.exception("the reconciler failed; it tries again")
            else:
                if driven:
                    _log.info("overdue learnwares were driven on", extra={"versions": driven})
