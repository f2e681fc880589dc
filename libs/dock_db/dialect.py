"""The one place that knows which database it is: begin, clock, insert-or-ignore, and errors."""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, event, extract, func, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from learndock.errors import DockError, FailedPrecondition, InvalidInput, Overloaded, Unavailable

BUSY_TIMEOUT_S = 30.0
_BEGIN = "learndock_begin"
_SERVER_TIME = select(extract("epoch", func.clock_timestamp()))


def open_engine(url: str) -> Engine:
    """An engine whose pool serves many threads. InvalidInput (DATABASE_URL_INVALID)."""
    try:
        parsed = make_url(url)
        embedded = parsed.get_backend_name() == "sqlite"
        if embedded and parsed.database in (None, "", ":memory:"):
            raise InvalidInput("A dock's database needs a file.", reason="DATABASE_URL_INVALID")
        arguments: dict[str, Any] = {"timeout": BUSY_TIMEOUT_S, "check_same_thread": False} if embedded else {}
        engine = create_engine(
            parsed, pool_size=16, max_overflow=48, pool_pre_ping=not embedded, connect_args=arguments
        )
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise InvalidInput(
            f"The database's URL cannot be used: {error}",
            reason="DATABASE_URL_INVALID",
            hint="For example sqlite:////var/lib/dock/dock.db",
        ) from error
    if embedded:
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def for_writing(engine: Engine) -> Engine:
    """The same pool, whose transactions take the write lock at once where the database has only one."""
    return engine.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"})


def for_reading(engine: Engine) -> Engine:
    """The same pool, whose transactions see one state of the database and cannot write."""
    if engine.dialect.name == "sqlite":
        return engine  # one state is what a transaction has there anyhow
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def has_one_writer(engine: Engine) -> bool:
    """Whether the database lets one transaction write at a time."""
    return engine.dialect.name == "sqlite"


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # the driver must not begin by itself: `_begin_sqlite` does
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"busy_timeout={BUSY_TIMEOUT_S * 1e3:.0f}",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get(_BEGIN, "BEGIN"))


def now(session: Session) -> float:
    """Seconds since 1970 by the database's clock, or by the one that a test gave."""
    clock: Callable[[], float] | None = session.info.get("clock")
    if clock is None and session.get_bind().dialect.name == "sqlite":
        clock = time.time
    return clock() if clock else float(session.execute(_SERVER_TIME).scalar_one())


def integrity(session: Session) -> list[str]:
    """What the database's own look over its file finds; only SQLite has one."""
    if session.get_bind().dialect.name != "sqlite":
        return []
    looks = ("PRAGMA integrity_check", "PRAGMA foreign_key_check")
    said = [str(row[0]) for look in looks for row in session.execute(text(look))]
    return [line for line in said if line != "ok"]


def hold_lock(session: Session, name: str) -> None:
    """Wait for a lock of this name and hold it until the transaction ends; SQLite's one writer has it anyhow."""
    if session.get_bind().dialect.name != "sqlite":
        session.execute(select(func.pg_advisory_xact_lock(lock_number(name))))


def lock_number(name: str) -> int:
    """The number that PostgreSQL knows a lock of this name by."""
    return int.from_bytes(hashlib.sha256(f"learndock:{name}".encode()).digest()[:8], "big", signed=True)


def limit_lock_waits(session: Session, patience: str) -> None:
    """Give up after so long ("5s") where a table is locked: Unavailable DATABASE_BUSY. SQLite has no such locks."""
    if session.get_bind().dialect.name != "sqlite":
        session.execute(select(func.set_config("lock_timeout", patience, True)))


def insert_or_ignore(session: Session, table: Table, values: Mapping[str, Any]) -> bool:
    """Insert a row; False where one with the same key is there already."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    statement = insert(table).values(**values).on_conflict_do_nothing().returning(*table.primary_key)
    return session.execute(statement).first() is not None


_FULL = Overloaded, "STORAGE_FULL", "The disk of the database is full.", "Make room; everything goes on by itself."
_READ_ONLY = (
    FailedPrecondition,
    "STORAGE_READ_ONLY",
    "The database cannot be written to.",
    "Make the folder and its files writable for this user.",
)
_BUSY = Unavailable, "DATABASE_BUSY", "The database stayed busy for too long.", "Try again in a moment."
_CONFLICT = Unavailable, "DATABASE_CONFLICT", "Two transactions were in each other's way.", "Try again."
_DAMAGED = (
    FailedPrecondition,
    "DATABASE_DAMAGED",
    "The database's file is damaged, or is not a dock's database.",
    "Restore it from a backup.",
)
_CANNOT_OPEN = (
    FailedPrecondition,
    "DATABASE_CANNOT_OPEN",
    "The database's file cannot be opened.",
    "Check that its folder exists and belongs to this user.",
)
_DOWN = Unavailable, "DATABASE_DOWN", "The database does not answer.", "Check that it runs and can be reached."

_Kind = tuple[type[DockError], str, str, str]
_BY_SQLITE_TEXT: tuple[tuple[str, _Kind], ...] = (
    ("is full", _FULL),
    ("readonly", _READ_ONLY),
    ("is locked", _BUSY),
    ("malformed", _DAMAGED),
    ("not a database", _DAMAGED),
    ("unable to open", _CANNOT_OPEN),
    ("disk i/o error", _DOWN),
)
_BY_SQLSTATE: Mapping[str, _Kind] = {
    "53100": _FULL,
    "25006": _READ_ONLY,
    "55P03": _BUSY,
    "40001": _CONFLICT,
    "40P01": _CONFLICT,
}


def typed(error: DBAPIError | PoolTimeout) -> DockError | None:
    """The error of ours that says the same; None for a fault of our own SQL or data."""
    kind = _BUSY if isinstance(error, PoolTimeout) else _kind(error)
    if kind is None:
        return None
    cls, reason, message, hint = kind
    retry_after_s = 1.0 if issubclass(cls, (Overloaded, Unavailable)) else None
    return cls(message, reason=reason, hint=hint, retry_after_s=retry_after_s)


def _kind(error: DBAPIError) -> _Kind | None:
    if isinstance(error.orig, sqlite3.Error):
        text = str(error.orig).lower()
        return next((kind for part, kind in _BY_SQLITE_TEXT if part in text), None)
    state = getattr(error.orig, "pgcode", None) or getattr(error.orig, "sqlstate", None) or ""
    if state[:2] in ("08", "57") or error.connection_invalidated or not state:
        return _DOWN
    return _BY_SQLSTATE.get(state)
