"""What a dock knows of itself: its id, made once by the migration that brings the table, and its newest backup."""

from __future__ import annotations

import uuid

from sqlalchemy import case, select, update
from sqlalchemy.orm import Session

from dock_db import tables

_table = tables.dock


class Identity:
    """The one row of a database that says which dock it is. Copies of rows leave it out."""

    def get(self, session: Session) -> str:
        """The id of the dock, 32 hexadecimal digits."""
        return str(session.scalars(select(_table.c.dock_id)).one())

    def take(self, session: Session, dock_id: str) -> None:
        """Be this dock from now on."""
        session.execute(update(_table).values(dock_id=dock_id))

    def renew(self, session: Session) -> str:
        """Be a dock of its own; its new id."""
        dock_id = uuid.uuid4().hex
        self.take(session, dock_id)
        return dock_id

    def backed_up(self, session: Session, at: float) -> None:
        """A backup of the rows as they were at `at`, in seconds since 1970 by the database's clock, is complete."""
        newest = case((_table.c.backed_up_at < at, at), else_=_table.c.backed_up_at)
        session.execute(update(_table).values(backed_up_at=newest))

    def backed_up_at(self, session: Session) -> float:
        """The moment that the newest backup is of; 0 before any."""
        return float(session.scalars(select(_table.c.backed_up_at)).one())
