"""Leadership: what only one process should do at a time."""

from __future__ import annotations

import logging
import threading

from sqlalchemy import Connection, func, select
from sqlalchemy.exc import SQLAlchemyError

from dock_db.database import Database
from dock_db.dialect import lock_number

_log = logging.getLogger(__name__)


class Leadership:
    """One of all processes with the same `name` leads, for as long as its connection to the server lives.

    Ask `held` before each piece of work. Between two questions a connection may break and another process begin to
    lead: the work itself must bear two of them for a moment, leadership only saves doing it many times over.
    An embedded dock always leads, and so does everybody behind a pooler, where connections belong to nobody.
    """

    def __init__(self, database: Database, name: str) -> None:
        self._database = database
        self._name = name
        self._connection: Connection | None = None
        self._lock = threading.Lock()

    def held(self) -> bool:
        """Whether this one leads, now; takes the lead where nobody has it. False where the database does not answer."""
        if not self._database.has_own_connections:
            return True
        with self._lock:
            return self._still() or self._try()

    def release(self) -> None:
        """Let another lead."""
        with self._lock:
            self._drop()

    def _still(self) -> bool:
        if self._connection is None:
            return False
        try:
            self._connection.execute(select(1))
        except SQLAlchemyError:
            _log.warning("the lead is lost with its connection", extra={"leadership": self._name})
            self._drop()
            return False
        return True

    def _try(self) -> bool:
        try:
            self._connection = self._database.own_connection()
            if self._connection.scalar(select(func.pg_try_advisory_lock(lock_number(f"lead:{self._name}")))):
                _log.info("this process leads", extra={"leadership": self._name})
                return True
        except SQLAlchemyError as error:
            _log.warning("nobody knows who leads (%s)", type(error).__name__, extra={"leadership": self._name})
        self._drop()
        return False

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.invalidate()  # closes it, and with it the lock
            self._connection.close()
            self._connection = None
