"""Errors of the database's driver as errors of ours. What it said goes no further: it may hold values or hosts."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy.exc import DBAPIError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from learndock.errors import DockError, FailedPrecondition, InvalidInput, Overloaded, Unavailable


@dataclass(frozen=True)
class _Kind:
    cls: type[DockError]
    reason: str
    message: str
    hint: str
    retry_after_s: float | None = field(init=False)

    def __post_init__(self) -> None:
        again = issubclass(self.cls, (Overloaded, Unavailable))
        object.__setattr__(self, "retry_after_s", 1.0 if again else None)


_FULL = _Kind(
    Overloaded, "STORAGE_FULL", "The disk of the database is full.", "Make room; everything goes on by itself."
)
_READ_ONLY = _Kind(
    FailedPrecondition,
    "STORAGE_READ_ONLY",
    "The database cannot be written to.",
    "Make the folder and its files writable for this user.",
)
_STANDBY = _Kind(
    Unavailable,
    "DATABASE_READ_ONLY",
    "The database is a standby, or was set to be read only.",
    "After a failover try again; else let DOCK_DB_URL name the primary.",
)
_BUSY = _Kind(Unavailable, "DATABASE_BUSY", "The database stayed busy for too long.", "Try again in a moment.")
_CROWDED = _Kind(
    Unavailable,
    "DATABASE_BUSY",
    "The database has no connection left.",
    "Try again; if it stays so, raise its max_connections, lower DOCK_DB_CONNECTIONS, or put a pooler in between.",
)
_CONFLICT = _Kind(Unavailable, "DATABASE_CONFLICT", "Two transactions were in each other's way.", "Try again.")
_DAMAGED = _Kind(
    FailedPrecondition,
    "DATABASE_DAMAGED",
    "The database's file is damaged, or is not a dock's database.",
    "Restore it from a backup.",
)
_CANNOT_OPEN = _Kind(
    FailedPrecondition,
    "DATABASE_CANNOT_OPEN",
    "The database's file cannot be opened.",
    "Check that its folder exists and belongs to this user.",
)
_DOWN = _Kind(Unavailable, "DATABASE_DOWN", "The database does not answer.", "Check that it runs and can be reached.")
_REFUSED = _Kind(
    FailedPrecondition,
    "DATABASE_REFUSED",
    "The database does not let this user in.",
    "Check the user, the password and the database's name in DOCK_DB_URL, and what the user may do there.",
)
_TLS = _Kind(
    FailedPrecondition,
    "DATABASE_TLS_FAILED",
    "No encrypted connection to the database could be made that can be trusted.",
    "Check sslmode, sslrootcert, sslcert and sslkey of DOCK_DB_URL, and the server's certificate.",
)
_TOO_LONG = _Kind(InvalidInput, "TEXT_TOO_LONG", "A text is longer than the database takes.", "Shorten names and ids.")

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
    "22001": _TOO_LONG,
    "25006": _STANDBY,
    "25P03": _DOWN,  # the server gave up on an idle transaction
    "3D000": _REFUSED,
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
_BY_CLASS: Mapping[str, _Kind] = {"08": _DOWN, "28": _REFUSED, "57": _DOWN}
_BY_REFUSAL: tuple[tuple[str, _Kind], ...] = (
    # While it connects, the driver has words only.
    ("too many clients", _CROWDED),
    ("connection slots", _CROWDED),
    ("too many connections", _CROWDED),
    ("certificate", _TLS),
    ("does not support ssl", _TLS),
    ("ssl error", _TLS),
    ("authentication failed", _REFUSED),
    ("no password supplied", _REFUSED),
    ("pg_hba.conf", _REFUSED),
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
    return kind.cls(kind.message, reason=kind.reason, hint=kind.hint, retry_after_s=kind.retry_after_s)


def _kind(error: StatementError) -> _Kind | None:
    if isinstance(error.orig, sqlite3.Error):
        return _by_text(str(error.orig), _BY_SQLITE_TEXT)
    if not isinstance(error, DBAPIError):
        return None
    state = getattr(error.orig, "pgcode", None) or getattr(error.orig, "sqlstate", None) or ""
    if not state:
        return _by_text(str(error.orig), _BY_REFUSAL) or _DOWN
    known = _BY_SQLSTATE.get(state) or _BY_CLASS.get(state[:2])
    return known or (_DOWN if error.connection_invalidated else None)


def _by_text(text: str, kinds: tuple[tuple[str, _Kind], ...]) -> _Kind | None:
    said = text.lower()
    return next((kind for part, kind in kinds if part in said), None)
