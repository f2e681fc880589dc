"""The database and its units of work."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from dock_db import dialect, tables
from dock_failpoint import failpoint
from learndock.errors import Unavailable

_log = logging.getLogger(__name__)


class Database:
    """One pool of connections for any number of threads.

    Its errors are typed: Overloaded STORAGE_FULL, FailedPrecondition STORAGE_READ_ONLY, DATABASE_CANNOT_OPEN
    or DATABASE_DAMAGED, Unavailable DATABASE_BUSY, DATABASE_CONFLICT or DATABASE_DOWN.
    """

    def __init__(self, url: str, *, clock: Callable[[], float] = time.time) -> None:
        self._engine = dialect.open_engine(url)
        self._writing = dialect.for_writing(self._engine)
        self._clock = clock
        self._callbacks: list[Callable[[], None]] = []
        # Writers of one process queue here rather than poll for SQLite's lock: fairer, and at once.
        self._writer = threading.Lock() if dialect.has_one_writer(self._engine) else None

    def create(self) -> None:
        """Make the tables that are missing."""
        with self.transaction(wake=False) as session:
            tables.metadata.create_all(session.connection())
            dialect.insert_or_ignore(session, tables.revision, {"only": 1, "value": 0, "next_learnware": 1})

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
        with self._session(self._engine) as session:
            yield session

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
        except (DBAPIError, PoolTimeout) as error:
            known = dialect.typed(error)
            if known is None:
                raise
            raise known from error

    def _wake(self) -> None:
        for callback in self._callbacks:
            try:
                callback()
            except Exception:  # noqa: BLE001 - waiting ones find out by polling
                _log.exception("a wake-up failed; whoever waits finds out by polling")
