"""What checks leave behind: verdicts, one for each attempt that counted, and steps as they happen."""

from __future__ import annotations

import json
from builtins import list as List  # noqa: N812 - the class has a method of that name
from typing import Protocol

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from dock_db import dialect, tables
from dock_db.rows import StepRow, VerdictRow
from dock_db.transitions import serialise


class Step(Protocol):
    """What a step of a check says of itself."""

    @property
    def name(self) -> str:
        """What was looked at."""
        ...

    @property
    def status(self) -> str:
        """How it ended, or that it runs."""
        ...

    @property
    def detail(self) -> str:
        """More, in words."""
        ...

    @property
    def seconds(self) -> float:
        """How long it took."""
        ...


class Verdicts:
    """Verdicts are only ever added."""

    def record(self, session: Session, verdict: VerdictRow) -> bool:
        """Add a verdict; False where its attempt is not the current one or has a verdict already."""
        serialise(session)
        if _current_attempt(session, verdict.learnware_id, verdict.version) != verdict.attempt:
            return False
        if self._has(session, verdict):
            return False
        values = {name: getattr(verdict, name) for name in VerdictRow.__dataclass_fields__}
        values["dropped_requirements"] = json.dumps(verdict.dropped_requirements)
        values["made_at"] = dialect.now(session)
        session.execute(insert(tables.verdicts).values(**values))
        return True

    def keep_record(self, session: Session, verdict_id: str, signed: str, bill_of_materials: str) -> None:
        """Keep the signed record of a verdict, and the bill of its environment ("" without one)."""
        values = {"verdict_id": verdict_id, "signed": signed, "bill_of_materials": bill_of_materials}
        session.execute(insert(tables.verdict_records).values(**values))

    def kept_record(self, session: Session, verdict_id: str) -> tuple[str, str] | None:
        """The signed record and the bill of a verdict; None where none was kept."""
        table = tables.verdict_records
        wanted = select(table.c.signed, table.c.bill_of_materials).where(table.c.verdict_id == verdict_id)
        found = session.execute(wanted).first()
        return None if found is None else (str(found[0]), str(found[1]))

    def get(self, session: Session, learnware_id: str, version: int) -> VerdictRow | None:
        """The newest verdict of a version."""
        table = tables.verdicts
        mine = select(table).where(table.c.learnware_id == learnware_id, table.c.version == version)
        found = session.execute(mine.order_by(table.c.attempt.desc()).limit(1)).mappings().first()
        if found is None:
            return None
        values = {str(key): value for key, value in found.items()}
        return VerdictRow(**{**values, "dropped_requirements": tuple(json.loads(values["dropped_requirements"]))})

    def _has(self, session: Session, verdict: VerdictRow) -> bool:
        table = tables.verdicts
        statement = select(table.c.verdict_id).where(
            table.c.learnware_id == verdict.learnware_id,
            table.c.version == verdict.version,
            table.c.attempt == verdict.attempt,
        )
        return session.execute(statement).first() is not None


class CheckSteps:
    """Steps of checks, in the order they happened."""

    def append(self, session: Session, learnware_id: str, version: int, attempt: int, step: Step) -> StepRow | None:
        """Add a step; None, and nothing added, where the attempt is not the current one."""
        serialise(session)
        if _current_attempt(session, learnware_id, version) != attempt:
            return None
        row = StepRow(
            sequence=self._last(session, learnware_id, version) + 1,
            attempt=attempt,
            name=step.name,
            status=step.status,
            detail=step.detail,
            seconds=step.seconds,
            at=dialect.now(session),
        )
        values = {"learnware_id": learnware_id, "version": version, **vars(row)}
        session.execute(insert(tables.check_steps).values(**values))
        return row

    def list(self, session: Session, learnware_id: str, version: int, after: int = 0) -> List[StepRow]:
        """The steps of a version behind sequence number `after`, of all attempts."""
        table = tables.check_steps
        columns = [table.c[name] for name in StepRow.__dataclass_fields__]
        mine = (table.c.learnware_id == learnware_id, table.c.version == version, table.c.sequence > after)
        statement = select(*columns).where(*mine).order_by(table.c.sequence)
        return [StepRow(**found) for found in session.execute(statement).mappings()]

    def _last(self, session: Session, learnware_id: str, version: int) -> int:
        table = tables.check_steps
        mine = (table.c.learnware_id == learnware_id, table.c.version == version)
        return int(session.scalar(select(func.max(table.c.sequence)).where(*mine)) or 0)


def _current_attempt(session: Session, learnware_id: str, version: int) -> int | None:
    table = tables.learnwares
    mine = (table.c.learnware_id == learnware_id, table.c.version == version)
    return session.scalar(select(table.c.attempt).where(*mine))
