"""Specifications of accepted learnwares, as the index reads them."""

from __future__ import annotations

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from dock_db import dialect, tables
from dock_db.rows import SpecificationRow

_table = tables.specifications


class Specifications:
    """One stored specification for each version."""

    def store(
        self,
        session: Session,
        learnware_id: str,
        version: int,
        *,
        type: str,  # noqa: A002 - the format's own word
        payload: bytes,
        self_norm: float,
        effective_size: float,
    ) -> None:
        """Store a version's specification, in place of an earlier one. An empty payload says that it has none."""
        session.execute(delete(_table).where(_table.c.learnware_id == learnware_id, _table.c.version == version))
        row = SpecificationRow(type, payload, self_norm, effective_size)
        values = {"learnware_id": learnware_id, "version": version, "stored_at": dialect.now(session), **vars(row)}
        session.execute(insert(_table).values(**values))

    def get(self, session: Session, learnware_id: str, version: int) -> SpecificationRow | None:
        """A version's stored specification."""
        columns = [_table.c[name] for name in SpecificationRow.__dataclass_fields__]
        statement = select(*columns).where(_table.c.learnware_id == learnware_id, _table.c.version == version)
        found = session.execute(statement).mappings().first()
        return None if found is None else SpecificationRow(**found)
