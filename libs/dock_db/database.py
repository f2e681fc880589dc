"""The database and its units of work."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from dock_db import dialect, faults, schema
from dock_db.options import DatabaseOptions
from dock_db.schema import SchemaStatus
from dock_failpoint import failpoint
from learndock.errors import DockError, FailedPrecondition, Unavailable

_log = logging.getLogger(__name__)
_LOOK_S = 2.0
Result = TypeVar("Result")


class Database:
    """One pool of connections for any number of threads.

    Its errors are typed: Overloaded STORAGE_FULL; FailedPrecondition STORAGE_READ_ONLY, DATABASE_CANNOT_OPEN,
    DATABASE_DAMAGED, DATABASE_REFUSED or DATABASE_TLS_FAILED; Unavailable DATABASE_BUSY, DATABASE_CONFLICT,
    DATABASE_READ_ONLY or DATABASE_DOWN; InvalidInput TEXT_INVALID or TEXT_TOO_LONG. Where COMMIT itself ends in
    DATABASE_DOWN nobody knows whether it was done: whatever asks again must be idempotent.

    A write on PostgreSQL is READ COMMITTED: who needs more takes the lock of `serialise` first, and then sees all
    that committed before. A read sees one state (REPEATABLE READ).
    """

    def __init__(
        self, url: str, *, options: DatabaseOptions | None = None, clock: Callable[[], float] | None = None
    ) -> None:
        self._options = options or DatabaseOptions()
        self._engine = dialect.open_engine(url, self._options)
        self._writing = dialect.for_writing(self._engine)
        self._reading = dialect.for_reading(self._engine)
        self._clock = clock
        self._callbacks: list[Callable[[], None]] = []
        # Writers of one process queue here rather than poll for SQLite's lock: fairer, and at once.
        self._writer = threading.Lock() if dialect.has_one_writer(self._engine) else None

    def create(self) -> SchemaStatus:
        """Bring the schema to the newest that this code knows. FailedPrecondition SCHEMA_TOO_NEW.

        An embedded dock does so whenever it starts; on a server this is `dock db migrate`.
        """
        return self.insist(schema.migrate)

    def schema(self) -> SchemaStatus:
        """Which schema the database has."""
        with self.read() as session:
            return schema.status(session)

    def await_schema(self, timeout_s: float, *, stopping: Callable[[], bool] = lambda: False) -> SchemaStatus:
        """Return once the schema lets this code work: for services, which leave migrating to `dock db migrate`.

        A database that does not answer is waited for too; its last error is raised after `timeout_s`, or
        FailedPrecondition SCHEMA_TOO_OLD. SCHEMA_TOO_NEW at once.
        """
        end = time.monotonic() + timeout_s
        while True:
            error = self._look_at_schema()
            if not isinstance(error, DockError):
                return error
            if time.monotonic() >= end or stopping():
                raise error
            _log.warning("waiting for the database: %s", error, extra={"reason": error.reason})
            time.sleep(min(_LOOK_S, max(0.0, end - time.monotonic())))

    def _look_at_schema(self) -> SchemaStatus | DockError:
        try:
            found = self.schema()
        except Unavailable as error:
            return error
        found.refuse_newer()
        if not found.behind:
            return found
        return FailedPrecondition(
            f"The database's schema is {found.version}; this code needs {found.head}.",
            reason="SCHEMA_TOO_OLD",
            hint="Run `dock db migrate`.",
            details={"schema": found.version, "code": found.head},
        )

    def insist(self, work: Callable[[Session], Result], *, tries: int = 5, wake: bool = False) -> Result:
        """Do `work` in a transaction; again where another transaction was in its way.

        Only what was undone as a whole is tried again; a lost connection is not, as nobody knows what it left.
        """
        for attempt in range(1, tries):
            try:
                with self.transaction(wake=wake) as session:
                    return work(session)
            except Unavailable as error:
                if error.reason not in ("DATABASE_BUSY", "DATABASE_CONFLICT"):
                    raise
                _log.info("another transaction was in the way: %s", error, extra={"attempt": attempt})
                time.sleep(random.uniform(0.0, 0.05 * 2**attempt))  # noqa: S311 - only to not meet again
        with self.transaction(wake=wake) as session:
            return work(session)

    @contextmanager
    def transaction(self, *, wake: bool = True) -> Iterator[Session]:
        """A unit of work that may write: committed when the block ends, undone when it raises.

        One thread must not nest them. `wake=False` commits without the wake-ups of `on_commit`.
        """
        with self._turn(), self._session(self._writing) as session:
            session.connection()  # begin now, not at the first statement
            yield session
            failpoint("db.commit.before")
            session.commit()
        failpoint("db.commit.after")
        if wake:
            self._wake()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A consistent view to read from; nothing is committed."""
        with self._session(self._reading) as session:
            yield session

    @property
    def many_write(self) -> bool:
        """Whether several transactions can write at a time, and lock rows: on a server, not in a file."""
        return self._writer is None

    def on_commit(self, callback: Callable[[], None]) -> None:
        """Call `callback` after each committed transaction, on the committing thread: it must only wake others."""
        self._callbacks.append(callback)

    def integrity(self) -> list[str]:
        """What the database says is wrong with its own file; empty where all is well, or where it has no such look."""
        with self.read() as session:
            return dialect.integrity(session)

    def close(self) -> None:
        """Close the pool's connections."""
        self._engine.dispose()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if self._writer is None:
            yield
            return
        if not self._writer.acquire(timeout=dialect.BUSY_TIMEOUT_S):
            raise Unavailable("Writers of the database wait for too long.", reason="DATABASE_BUSY", retry_after_s=1.0)
        try:
            yield
        finally:
            self._writer.release()

    @contextmanager
    def _session(self, engine: Engine) -> Iterator[Session]:
        try:
            with Session(engine, info={"clock": self._clock}) as session:
                yield session
        except (StatementError, PoolTimeout) as error:
            known = faults.typed(error)
            if known is None:
                raise
            if known.reason == "DATABASE_READ_ONLY":
                engine.dispose()  # what was the primary is none any more: connect anew
            raise known from error

    def _wake(self) -> None:
        for callback in self._callbacks:
            try:
                callback()
            except Exception:  # noqa: BLE001 - waiting ones find out by polling
                _log.exception("a wake-up failed; whoever waits finds out by polling")
