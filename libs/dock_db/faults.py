"""Errors of the database's driver as errors of ours. What it said goes no further: it may hold values or hosts."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping

from sqlalchemy.exc import DBAPIError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from learndock.errors import DockError, FailedPrecondition, InvalidInput, Overloaded, Unavailable

# One of each: what is raised is a copy.
_FULL = Overloaded(
    "The disk of the database is full.",
    reason="STORAGE_FULL",
    hint="Make room; everything goes on by itself.",
    retry_after_s=1.0,
)
_READ_ONLY = FailedPrecondition(
    "The database cannot be written to.",
    reason="STORAGE_READ_ONLY",
    hint="Make the folder and its files writable for this user.",
)
_STANDBY = Unavailable(
    "The database is a standby, or was set to be read only.",
    reason="DATABASE_READ_ONLY",
    hint="After a failover try again; else let DOCK_DB_URL name the primary.",
    retry_after_s=1.0,
)
_BUSY = Unavailable(
    "The database stayed busy for too long.", reason="DATABASE_BUSY", hint="Try again in a moment.", retry_after_s=1.0
)
_CROWDED = Unavailable(
    "The database has no connection left.",
    reason="DATABASE_BUSY",
    hint="Try again; if it stays so, raise its max_connections, lower DOCK_DB_CONNECTIONS, or put a pooler in between.",
    retry_after_s=1.0,
)
_CONFLICT = Unavailable(
    "Two transactions were in each other's way.", reason="DATABASE_CONFLICT", hint="Try again.", retry_after_s=1.0
)
_DAMAGED = FailedPrecondition(
    "The database's file is damaged, or is not a dock's database.",
    reason="DATABASE_DAMAGED",
    hint="Restore it from a backup.",
)
_CANNOT_OPEN = FailedPrecondition(
    "The database's file cannot be opened.",
    reason="DATABASE_CANNOT_OPEN",
    hint="Check that its folder exists and belongs to this user.",
)
_DOWN = Unavailable(
    "The database does not answer.",
    reason="DATABASE_DOWN",
    hint="Check that it runs and can be reached.",
    retry_after_s=1.0,
)
_REFUSED = FailedPrecondition(
    "The database does not let this user in.",
    reason="DATABASE_REFUSED",
    hint="Check the user and the password in DOCK_DB_URL, and what the user may do there.",
)
_MISSING = FailedPrecondition(
    "The server has no database of that name.",
    reason="DATABASE_MISSING",
    hint="Make it, as with `createdb`, or let DOCK_DB_URL name another.",
)
_TLS = FailedPrecondition(
    "No encrypted connection to the database could be made that can be trusted.",
    reason="DATABASE_TLS_FAILED",
    hint="Check sslmode, sslrootcert, sslcert and sslkey of DOCK_DB_URL, that only its owner may read the key, and the "
    "server's certificate.",
)
_TOO_LONG = InvalidInput(
    "A text is longer than the database takes.", reason="TEXT_TOO_LONG", hint="Shorten names and ids."
)

_BY_SQLITE_TEXT: tuple[tuple[str, DockError], ...] = (
    ("is full", _FULL),
    ("readonly", _READ_ONLY),
    ("is locked", _BUSY),
    ("malformed", _DAMAGED),
    ("not a database", _DAMAGED),
    ("unable to open", _CANNOT_OPEN),
    ("disk i/o error", _DOWN),
)
_BY_SQLSTATE: Mapping[str, DockError] = {
    "22001": _TOO_LONG,
    "25006": _STANDBY,
    "25P03": _DOWN,  # the server gave up on an idle transaction
    "3D000": _MISSING,
    "40001": _CONFLICT,
    "40P01": _CONFLICT,
    "42501": _REFUSED,
    "53000": _BUSY,
    "53100": _FULL,
    "53200": _BUSY,  # out of memory
    "53300": _CROWDED,
    "55P03": _BUSY,
    "57014": _BUSY,  # statement_timeout, or an operator's pg_cancel_backend
    "58030": _DOWN,
    "XX001": _DAMAGED,
    "XX002": _DAMAGED,
}
_BY_CLASS: Mapping[str, DockError] = {"08": _DOWN, "28": _REFUSED, "57": _DOWN}
_BY_REFUSAL: tuple[tuple[str, DockError], ...] = (
    # While it connects, the driver has words only.
    ("too many clients", _CROWDED),
    ("connection slots", _CROWDED),
    ("too many connections", _CROWDED),
    ("certificate", _TLS),
    ("private key file", _TLS),
    ("does not support ssl", _TLS),
    ("ssl error", _TLS),
    ("authentication failed", _REFUSED),
    ("no password supplied", _REFUSED),
    (r"pg_hba\.conf", _REFUSED),
    ('database ".*" does not exist', _MISSING),
    ("no such database", _MISSING),  # as PgBouncer says it
    ("does not exist", _REFUSED),
    ("permission denied for database", _REFUSED),
)


def typed(error: StatementError | PoolTimeout) -> DockError | None:
    """The error of ours that says the same; None for a fault of our own SQL or data."""
    if isinstance(error, StatementError) and isinstance(error.orig, DockError):
        return error.orig
    kind = _BUSY if isinstance(error, PoolTimeout) else _kind(error)
    if kind is None:
        return None
    return type(kind)(kind.message, reason=kind.reason, hint=kind.hint, retry_after_s=kind.retry_after_s)


def _kind(error: StatementError) -> DockError | None:
    if isinstance(error.orig, sqlite3.Error):
        return _by_text(str(error.orig), _BY_SQLITE_TEXT)
    if not isinstance(error, DBAPIError):
        return None
    state = getattr(error.orig, "pgcode", None) or getattr(error.orig, "sqlstate", None) or ""
    if not state:
        return _by_text(str(error.orig), _BY_REFUSAL) or _DOWN
    known = _BY_SQLSTATE.get(state) or _BY_CLASS.get(state[:2])
    return known or (_DOWN if error.connection_invalidated else None)


def _by_text(text: str, kinds: tuple[tuple[str, DockError], ...]) -> DockError | None:
    said = text.lower()
    return next((kind for part, kind in kinds if re.search(part, said)), None)
