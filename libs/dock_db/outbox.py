"""The outbox: events that commit with the transition they tell of, and the inbox that makes effects single."""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection
from typing import Any

from sqlalchemy import Select, delete, func, insert, select
from sqlalchemy.orm import Session

from dock_db import dialect, tables
from dock_db.rows import LearnwareRow, OutboxRow, State
from dock_trace import HEADER, current_traceparent
from dockapi.events.v1 import events_pb2


def subject_of(state: State) -> str:
    """The subject that events of a state are published under."""
    return f"dock.learnware.{state.value.lower()}"


def announce(session: Session, row: LearnwareRow, state: State | None = None) -> str:
    """Put an event of the row into the outbox and return its id; `state` where it is not the row's own."""
    told = state or row.state
    event = events_pb2.LearnwareEvent(
        event_id=uuid.uuid4().hex,
        tenant=row.tenant,
        learnware_id=row.learnware_id,
        version=row.version,
        state=f"STATE_{told.value}",
        revision=row.revision,
        attempt=row.attempt,
        content_sha256=row.content_sha256,
    )
    moment = dialect.now(session)
    event.occurred_at.FromNanoseconds(int(moment * 1e9))
    session.execute(
        insert(tables.outbox).values(
            event_id=event.event_id,
            subject=subject_of(told),
            payload=event.SerializeToString(),
            created_at=moment,
            headers=json.dumps({HEADER: trace} if (trace := current_traceparent() or row.traceparent) else {}),
        )
    )
    return str(event.event_id)


_COLUMNS = tuple(tables.outbox.c[name] for name in OutboxRow.__dataclass_fields__)


def _oldest(limit: int) -> Select[Any]:
    return select(*_COLUMNS).order_by(tables.outbox.c.sequence).limit(limit)


class Outbox:
    """What waits to be published."""

    def pending(self, session: Session, limit: int = 100) -> list[OutboxRow]:
        """The oldest waiting events."""
        return [OutboxRow(**row) for row in session.execute(_oldest(limit)).mappings()]

    def claim(self, session: Session, limit: int = 100) -> list[OutboxRow]:
        """The oldest waiting events, this transaction's own until it ends; those that another has are skipped."""
        statement = _oldest(limit).with_for_update(skip_locked=True)
        return [OutboxRow(**row) for row in session.execute(statement).mappings()]

    def mark_sent(self, session: Session, event_ids: Collection[str]) -> int:
        """The bus has taken these: they go. Return how many went."""
        statement = delete(tables.outbox).where(tables.outbox.c.event_id.in_(event_ids))
        return len(session.execute(statement.returning(tables.outbox.c.event_id)).all())

    def depth(self, session: Session) -> tuple[int, float]:
        """(events that wait, age of the oldest in seconds)."""
        table = tables.outbox
        count, oldest = session.execute(select(func.count(), func.min(table.c.created_at)).select_from(table)).one()
        return int(count), max(0.0, dialect.now(session) - oldest) if count else 0.0


def once(session: Session, consumer: str, event_id: str) -> bool:
    """True the first time a consumer sees an event; write the effect in the same transaction."""
    values = {"consumer": consumer, "event_id": event_id, "seen_at": dialect.now(session)}
    return dialect.insert_or_ignore(session, tables.inbox, values)


def forget_seen(session: Session, *, older_than_s: float) -> int:
    """Shorten the inbox to what can still be delivered again; return how many rows went."""
    table = tables.inbox
    statement = delete(table).where(table.c.seen_at < dialect.now(session) - older_than_s)
    return len(session.execute(statement.returning(table.c.event_id)).all())
