"""The one place that knows which database it is: engine, begin, clock, locks, insert-or-ignore."""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, event, extract, func, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from dock_db.options import DatabaseOptions
from learndock.errors import InvalidInput

BUSY_TIMEOUT_S = 30.0
_BEGIN = "learndock_begin"
_SERVER_TIME = select(extract("epoch", func.clock_timestamp()))


def open_engine(url: str, options: DatabaseOptions) -> Engine:
    """An engine whose pool serves many threads. InvalidInput (DATABASE_URL_INVALID)."""
    try:
        parsed = make_url(url)
        # Parameters are people's names and texts: they stay out of errors and logs.
        if parsed.get_backend_name() != "sqlite":
            return create_engine(parsed, hide_parameters=True, **_server_arguments(parsed, options))
        if parsed.database in (None, "", ":memory:"):
            raise InvalidInput("A dock's database needs a file.", reason="DATABASE_URL_INVALID")
        file: dict[str, Any] = {"timeout": BUSY_TIMEOUT_S, "check_same_thread": False}
        engine = create_engine(parsed, hide_parameters=True, pool_size=16, max_overflow=48, connect_args=file)
    except (ArgumentError, NoSuchModuleError, ImportError, ValueError) as error:
        # Not `from error`: it quotes the URL, and that may hold a password.
        raise InvalidInput(
            f"The database's URL cannot be used ({type(error).__name__}).",
            reason="DATABASE_URL_INVALID",
            hint="For example sqlite:////var/lib/dock/dock.db or postgresql+psycopg2://user:password@host/name",
        ) from None
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _server_arguments(url: URL, options: DatabaseOptions) -> dict[str, Any]:
    given = options.driver_arguments(str(url.query.get("options", "")))
    return {
        "pool_size": options.connections,
        "max_overflow": options.more_connections,
        "pool_timeout": options.pool_wait_s,
        "pool_pre_ping": True,
        "pool_recycle": 1800,
        "connect_args": {key: value for key, value in given.items() if key == "options" or key not in url.query},
    }


def open_connection(url: URL, options: DatabaseOptions) -> Connection:
    """A connection to a server in no pool, whose statements each commit."""
    arguments = _server_arguments(url, options)["connect_args"]
    engine = create_engine(url, poolclass=NullPool, hide_parameters=True, connect_args=arguments)
    return engine.connect().execution_options(isolation_level="AUTOCOMMIT")


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


def careless(session: Session) -> list[str]:
    """Settings of the server by which a power cut loses what it has acknowledged."""
    if session.get_bind().dialect.name == "sqlite":
        return []
    names = ("fsync", "synchronous_commit", "full_page_writes")
    return [name for name in names if session.scalar(select(func.current_setting(name))) == "off"]


def insert_or_ignore(session: Session, table: Table, values: Mapping[str, Any]) -> bool:
    """Insert a row; False where one with the same key is there already."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    statement = insert(table).values(**values).on_conflict_do_nothing().returning(*table.primary_key)
    return session.execute(statement).first() is not None
