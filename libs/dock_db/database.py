"""The database and its units of work."""

from __future__ import annotations

import logging
import random
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TypeVar

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.exc import StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from dock_db import dialect, faults, schema, tables
from dock_db.listener import CHANNEL, CommitListener
from dock_db.options import DatabaseOptions
from dock_db.schema import SchemaStatus
from dock_db.standby import Standby
from dock_failpoint import failpoint
from learndock.errors import FailedPrecondition, InvalidInput, Unavailable

_log = logging.getLogger(__name__)
_LOOK_S = 2.0
Result = TypeVar("Result")


class Database:
    """One pool of connections for any number of threads; with `read_url` another, to a standby of the same server.

    Its errors are typed: Overloaded STORAGE_FULL; FailedPrecondition STORAGE_READ_ONLY, DATABASE_CANNOT_OPEN,
    DATABASE_DAMAGED, DATABASE_MISSING, DATABASE_REFUSED or DATABASE_TLS_FAILED; Unavailable DATABASE_BUSY,
    DATABASE_CONFLICT, DATABASE_READ_ONLY or DATABASE_DOWN; InvalidInput TEXT_INVALID or TEXT_TOO_LONG. Where COMMIT
    itself ends in DATABASE_DOWN nobody knows whether it was done: whatever asks again must be idempotent.

    A write on PostgreSQL is READ COMMITTED: who needs more takes the lock of `serialise` first, and then sees all
    that committed before. A read sees one state (REPEATABLE READ).
    """

    def __init__(
        self,
        url: str,
        *,
        read_url: str = "",
        options: DatabaseOptions | None = None,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._options = options or DatabaseOptions()
        self._engine = dialect.open_engine(url, self._options)
        self._writing = dialect.for_writing(self._engine)
        self._reading = dialect.for_reading(self._engine)
        self._clock = clock
        self._callbacks: list[Callable[[], None]] = []
        # Writers of one process queue here rather than poll for SQLite's lock: fairer, and at once.
        self._writer = threading.Lock() if dialect.has_one_writer(self._engine) else None
        self._standby_engine = self._open_standby(read_url) if read_url else None
        self._standby = Standby(self._read_standby, patience_s=self._options.standby_patience_s) if read_url else None
        self._own = uuid.uuid4().hex
        self._listener: CommitListener | None = None
        self._listening = threading.Lock()

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
            try:
                found = self.schema()
                found.require()
            except (Unavailable, FailedPrecondition) as error:
                waits = isinstance(error, Unavailable) or error.reason == "SCHEMA_TOO_OLD"
                if not waits or time.monotonic() >= end or stopping():
                    raise
                _log.warning("waiting for the database: %s", error, extra={"reason": error.reason})
            else:
                return found
            time.sleep(min(_LOOK_S, max(0.0, end - time.monotonic())))

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
            if wake and self.has_own_connections:
                session.execute(select(func.pg_notify(CHANNEL, self._own)))
            session.commit()
        failpoint("db.commit.after")
        if wake:
            self._wake()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A consistent view to read from; nothing is committed."""
        with self._session(self._reading) as session:
            yield session

    @contextmanager
    def read_at(self, revision: int | None = None) -> Iterator[Session]:
        """A consistent view that holds `revision` at least, from the standby where it has come so far in a moment.

        None stands for the newest revision at the time of the call, which the primary is asked for: the view then
        holds whatever anybody had committed. Meant for learnwares and what changes with their revisions
        (specifications, verdicts); uploads, steps and the outbox change without one, and belong to `read`.
        """
        with ExitStack() as stack:
            session = self._standby_view(revision, stack) or stack.enter_context(self.read())
            yield session

    def _standby_view(self, revision: int | None, stack: ExitStack) -> Session | None:
        if self._standby is None:
            return None
        if revision is None:
            with self.read() as session:
                revision = int(session.scalar(select(tables.revision.c.value)) or 0)
        return self._standby.view(revision, stack)

    @property
    def many_write(self) -> bool:
        """Whether several transactions can write at a time, and lock rows: on a server, not in a file."""
        return self._writer is None

    @property
    def has_own_connections(self) -> bool:
        """Whether a connection to a server is this process's alone, so that locks and LISTEN can belong to it."""
        return self.many_write and not self._options.behind_pooler

    def own_connection(self) -> Connection:
        """A new connection in autocommit, in no pool; its errors are SQLAlchemy's. Only where `has_own_connections`."""
        return dialect.open_connection(self._engine.url, self._options)

    def on_commit(self, callback: Callable[[], None]) -> None:
        """Call `callback` after transactions that committed, on any thread: it must only wake others.

        After each of this process; after those of other processes where the server tells of them, which is a hint and
        no promise: whoever waits polls besides.
        """
        self._callbacks.append(callback)
        with self._listening:
            if self.has_own_connections and self._listener is None:
                self._listener = CommitListener(self.own_connection, self._own, self._wake)
                self._listener.start()

    def integrity(self) -> list[str]:
        """What the database says is wrong with its own file; empty where all is well, or where it has no such look."""
        with self.read() as session:
            return dialect.integrity(session)

    def close(self) -> None:
        """Stop listening, and close the pools' connections."""
        with self._listening:
            if self._listener is not None:
                self._listener.stop()
                self._listener = None
        self._engine.dispose()
        if self._standby_engine is not None:
            self._standby_engine.dispose()

    def _open_standby(self, url: str) -> Engine:
        engine = dialect.open_engine(url, self._options)
        if not self.many_write or dialect.has_one_writer(engine):
            raise InvalidInput(
                "Only a PostgreSQL has a standby to read from.",
                reason="DATABASE_URL_INVALID",
                hint="Unset DOCK_DB_READ_URL, or let DOCK_DB_URL and DOCK_DB_READ_URL both name PostgreSQL.",
            )
        return dialect.for_reading(engine)

    @contextmanager
    def _read_standby(self) -> Iterator[Session]:
        assert self._standby_engine is not None
        with self._session(self._standby_engine) as session:
            yield session

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
