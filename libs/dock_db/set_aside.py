"""Events that no bus can carry: out of the outbox, kept with the dead letters, and back when somebody asks."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from dock_bus.port import DeadLetter, Message
from dock_db import dialect, tables
from dock_db.dead_letters import DeadLetters
from dock_db.rows import OutboxRow
from learndock.errors import NotFound

RELAY = "outbox"
"""The consumer under which such events are listed: the relay gave them up, before any consumer had them."""
_table = tables.dead_letters


class SetAside:
    """Rows of the dead letters that never left the outbox in the other way. They are in the database with any bus."""

    def put(self, session: Session, row: OutboxRow, error: str) -> None:
        """Move an event from the outbox to the dead letters."""
        message = Message(row.subject, row.event_id, row.payload, _headers(row.headers))
        DeadLetters().keep(session, DeadLetter(RELAY, message, error, 1, dialect.now(session)))
        session.execute(delete(tables.outbox).where(tables.outbox.c.event_id == row.event_id))

    def all(self, session: Session) -> Sequence[DeadLetter]:
        """Every one of them, the oldest first."""
        return [letter for letter in DeadLetters().all(session) if letter.durable == RELAY]

    def put_back(self, session: Session, event_id: str) -> None:
        """Move an event to the end of the outbox, to be tried by the next relay. NotFound DEAD_LETTER_NOT_FOUND."""
        chosen = (_table.c.durable == RELAY) & (_table.c.event_id == event_id)
        found = session.execute(select(_table).where(chosen)).mappings().first()
        if found is None:
            raise NotFound(
                f"{RELAY} has no dead letter {event_id}.",
                reason="DEAD_LETTER_NOT_FOUND",
                hint="Look which there are; it may have been retried already.",
            )
        session.execute(delete(_table).where(chosen))
        session.execute(
            insert(tables.outbox).values(
                event_id=event_id,
                subject=found["subject"],
                payload=found["payload"],
                created_at=dialect.now(session),
                headers=found["headers"],
            )
        )


def _headers(text: str) -> dict[str, str]:
    """Headers as far as they are any: what cannot be read may be why the event is here."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
