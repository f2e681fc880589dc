"""Breaches: predictions that broke a rule for outputs, counted for each learnware version, and reinstatements."""

from __future__ import annotations

from builtins import list as List  # noqa: N812 - the class has a method of that name

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from dock_db import dialect, tables
from dock_db.rows import BreachRow
from dock_db.transitions import serialise

REINSTATED = "REINSTATED"
KEPT = 1000
"""Rows of a version that are kept, the newest: whoever makes a model break rules all day fills no disk."""
_table = tables.breaches


class Breaches:
    """What is kept of breaches. It holds no value of anybody's data or of the model's answer."""

    def record(
        self,
        session: Session,
        learnware_id: str,
        version: int,
        *,
        rule: str,
        detail: str,
        confirmed: bool = False,
        tenant: str = "",
    ) -> BreachRow:
        """Add a breach, or a reinstatement where the rule is REINSTATED."""
        serialise(session)
        mine = (_table.c.learnware_id == learnware_id, _table.c.version == version)
        sequence = int(session.scalar(select(func.max(_table.c.sequence)).where(*mine)) or 0) + 1
        row = BreachRow(sequence, rule, detail, confirmed, tenant, dialect.now(session))
        session.execute(insert(_table).values(learnware_id=learnware_id, version=version, **vars(row)))
        old = (_table.c.sequence <= sequence - KEPT, _table.c.rule != REINSTATED)
        session.execute(delete(_table).where(*mine, *old))
        return row

    def list(self, session: Session, learnware_id: str, version: int, limit: int = 100) -> List[BreachRow]:
        """The newest of a version, newest first."""
        columns = [_table.c[name] for name in BreachRow.__dataclass_fields__]
        mine = (_table.c.learnware_id == learnware_id, _table.c.version == version)
        statement = select(*columns).where(*mine).order_by(_table.c.sequence.desc()).limit(limit)
        return [BreachRow(**found) for found in session.execute(statement).mappings()]

    def confirmed(self, session: Session, learnware_id: str, version: int, *, within_s: float) -> int:
        """Confirmed breaches of a version within so many seconds, since it was last reinstated."""
        mine = (_table.c.learnware_id == learnware_id, _table.c.version == version)
        pardoned = select(func.coalesce(func.max(_table.c.sequence), 0)).where(*mine, _table.c.rule == REINSTATED)
        counted = (
            _table.c.confirmed.is_(True),
            _table.c.at >= dialect.now(session) - within_s,
            _table.c.sequence > pardoned.scalar_subquery(),
        )
        return int(session.scalar(select(func.count()).select_from(_table).where(*mine, *counted)) or 0)
