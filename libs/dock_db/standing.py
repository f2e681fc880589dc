"""How a dock stands: the numbers an operator watches, read from the database at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session

from dock_db import dialect, tables
from dock_db.identity import Identity
from dock_db.learnwares import Learnwares
from dock_db.outbox import Outbox
from dock_db.rows import State
from dock_db.waiting import has_specification

STAGES = ("checking", "specification", "search")
"""The services that a learnware passes on its way to being found."""
_table = tables.learnwares


@dataclass(frozen=True)
class Standing:
    """Ages are seconds by the database's clock, 0 where nothing waits. Every state and stage is there."""

    learnwares: Mapping[State, int]
    oldest_s: Mapping[str, float]
    """By stage, since the oldest version in it came there for the first time; being tried again changes nothing."""
    events: int
    """Events that wait in the outbox."""
    oldest_event_s: float
    revision: int
    dead_letters: Mapping[str, int]
    """By durable, of a bus that forgets its own; with another bus only what no bus can carry, under `outbox`."""
    backup_age_s: float | None
    """Since the moment that the newest backup is of, whoever made it; None before any."""


def standing(session: Session) -> Standing:
    """Read it; a few queries, none of which takes a lock."""
    counts = Learnwares().counts(session)
    events, oldest_event_s = Outbox().depth(session)
    return Standing(
        learnwares={state: counts[state][0] if state in counts else 0 for state in State},
        oldest_s=dict(zip(STAGES, _ages(session), strict=True)),
        events=events,
        oldest_event_s=oldest_event_s,
        revision=Learnwares().revision(session),
        dead_letters=_dead_letters(session),
        backup_age_s=_backup_age(session),
    )


def _backup_age(session: Session) -> float | None:
    made_at = Identity().backed_up_at(session)
    return max(0.0, dialect.now(session) - made_at) if made_at else None


def _ages(session: Session) -> list[float]:
    moment = dialect.now(session)
    oldest = (_oldest_unchecked(session), _oldest_without_specification(session), _oldest_outside_the_index(session))
    return [0.0 if since is None else max(0.0, moment - since) for since in oldest]


def _oldest_unchecked(session: Session) -> float | None:
    statement = select(func.min(_table.c.created_at)).where(_in(State.RECEIVED, State.CHECKING))
    return _moment(session, statement)


def _oldest_without_specification(session: Session) -> float | None:
    verdicts = tables.verdicts
    since = func.coalesce(verdicts.c.made_at, _table.c.updated_at)
    working = and_(_in(State.EMBEDDING), ~has_specification())
    joined = _table.outerjoin(verdicts, verdicts.c.verdict_id == _table.c.verdict_id)
    return _moment(session, select(func.min(since)).select_from(joined).where(or_(_in(State.ACCEPTED), working)))


def _oldest_outside_the_index(session: Session) -> float | None:
    stored = tables.specifications
    same = and_(stored.c.learnware_id == _table.c.learnware_id, stored.c.version == _table.c.version)
    joined = _table.join(stored, same)
    return _moment(session, select(func.min(stored.c.stored_at)).select_from(joined).where(_in(State.EMBEDDING)))


def _moment(session: Session, statement: Select[Any]) -> float | None:
    found = session.scalar(statement)
    return None if found is None else float(found)


def _in(*states: State) -> ColumnElement[bool]:
    return _table.c.state.in_([state.value for state in states])


def _dead_letters(session: Session) -> dict[str, int]:
    table = tables.dead_letters
    found = session.execute(select(table.c.durable, func.count()).group_by(table.c.durable))
    return {str(durable): int(count) for durable, count in found}
