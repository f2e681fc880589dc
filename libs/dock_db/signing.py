"""The public key that the dock signs with, on record for all checkers to agree on."""

from __future__ import annotations

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from dock_db import dialect, tables

_table = tables.signing_key


class SigningKeys:
    """One key at a time, 32 bytes."""

    def get(self, session: Session) -> bytes | None:
        """The key on record; None before any checker started."""
        found = session.scalar(select(_table.c.public_key))
        return None if found is None else bytes(found)

    def record(self, session: Session, key: bytes) -> bytes:
        """Put a key on record where there is none; give the one that is on record then."""
        values = {"only": 1, "public_key": key, "recorded_at": dialect.now(session)}
        dialect.insert_or_ignore(session, _table, values)
        return self.get(session) or key

    def replace(self, session: Session, key: bytes) -> None:
        """Put another key on record."""
        session.execute(update(_table).values(public_key=key, recorded_at=dialect.now(session)))
