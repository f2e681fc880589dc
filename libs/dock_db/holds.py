"""Holds: something that one process asks all others to leave alone for a while, even if it dies."""

from __future__ import annotations

import uuid

from sqlalchemy import ColumnElement, delete, insert, select, update
from sqlalchemy.orm import Session

from dock_db import dialect, tables
from dock_db.database import Database
from learndock.errors import FailedPrecondition

BACKUP = "backup"
"""Held while a backup is made: packages that were referenced at its beginning stay where they are."""
RESTORED = "restored"
"""Held for a while by a dock that was restored: its store may have what came after the backup."""
_table = tables.holds


def is_held(session: Session, name: str) -> bool:
    """Whether anybody holds `name` now, by the database's clock."""
    until = session.scalar(select(_table.c.until).where(_table.c.name == name))
    return until is not None and until > dialect.now(session)


def sweeping_is_held(session: Session) -> bool:
    """Whether nothing may be swept now, though nobody refers to it."""
    return any(is_held(session, name) for name in (BACKUP, RESTORED))


def hold_for(session: Session, name: str, for_s: float) -> None:
    """Hold `name` for so long, whoever held it, and without a process that stands for it."""
    session.execute(delete(_table).where(_table.c.name == name))
    session.execute(insert(_table).values(name=name, holder="", until=dialect.now(session) + for_s))


class Hold:
    """One hold of this process; it runs out by itself `for_s` seconds after it was last renewed."""

    def __init__(self, database: Database, name: str, *, for_s: float = 120.0) -> None:
        self._database = database
        self._name = name
        self._for_s = for_s
        self._holder = uuid.uuid4().hex

    def take(self) -> None:
        """Take it. FailedPrecondition HELD_BY_ANOTHER, which says for how long at most."""
        left = self._database.insist(self._take)
        if left > 0:
            raise FailedPrecondition(
                f"Another process is at it already ({self._name}).",
                reason="HELD_BY_ANOTHER",
                hint=f"Wait until it is done; if it died, until its hold runs out in {left:.0f} seconds.",
            )

    def renew(self) -> None:
        """Hold it for longer. FailedPrecondition HOLD_LOST where it ran out meanwhile."""
        if not self._database.insist(self._renew):
            raise FailedPrecondition(
                f"The hold ({self._name}) ran out: this process stood still for too long.",
                reason="HOLD_LOST",
                hint="Begin again; what was done already is not done twice.",
            )

    def release(self) -> None:
        """Let go."""
        with self._database.transaction(wake=False) as session:
            session.execute(delete(_table).where(*self._mine()))

    def _take(self, session: Session) -> float:
        dialect.hold_lock(session, f"hold:{self._name}")
        moment = dialect.now(session)
        until = session.scalar(select(_table.c.until).where(_table.c.name == self._name)) or 0.0
        if until > moment:
            return float(until - moment)
        session.execute(delete(_table).where(_table.c.name == self._name))
        values = {"name": self._name, "holder": self._holder, "until": moment + self._for_s}
        session.execute(insert(_table).values(**values))
        return 0.0

    def _renew(self, session: Session) -> bool:
        moment = dialect.now(session)
        mine = update(_table).where(*self._mine(), _table.c.until > moment).values(until=moment + self._for_s)
        return session.execute(mine.returning(_table.c.name)).first() is not None

    def _mine(self) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
        return (_table.c.name == self._name, _table.c.holder == self._holder)
