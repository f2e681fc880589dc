"""Flags: what is odd about a learnware, for operators and users to look at. Nothing is refused for a flag."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from dock_db import dialect, tables

_table = tables.flags


class Flags:
    """Flags of learnware versions, each a stable reason and a sentence."""

    def replace(self, session: Session, learnware_id: str, version: int, flags: Sequence[tuple[str, str]]) -> None:
        """Keep these, (reason, detail) each, in place of what was kept before."""
        session.execute(delete(_table).where(_table.c.learnware_id == learnware_id, _table.c.version == version))
        for reason, detail in flags:
            values = {"learnware_id": learnware_id, "version": version, "reason": reason, "detail": detail}
            # Several replicas look at the same version; what they find is the same, and the first may keep it.
            dialect.insert_or_ignore(session, _table, {**values, "made_at": dialect.now(session)})

    def of(self, session: Session, learnware_id: str, version: int) -> list[tuple[str, str]]:
        """The flags of a version, (reason, detail) each."""
        wanted = select(_table.c.reason, _table.c.detail).where(
            _table.c.learnware_id == learnware_id, _table.c.version == version
        )
        return [(str(reason), str(detail)) for reason, detail in session.execute(wanted.order_by(_table.c.reason))]
