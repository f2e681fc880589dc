"""The state machine as a table, and the order that all transitions stand in."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from dock_db import tables
from dock_db.rows import State

MAX_TRIES = 5

WORKING_ON: Mapping[State, State] = {State.RECEIVED: State.CHECKING, State.ACCEPTED: State.EMBEDDING}
"""The working state of each waiting state."""
WAITING_FOR: Mapping[State, State] = {working: waiting for waiting, working in WORKING_ON.items()}

LEGAL: Mapping[State, frozenset[State]] = {
    State.RECEIVED: frozenset({State.CHECKING, State.DELETED}),
    State.CHECKING: frozenset({State.CHECKING, State.ACCEPTED, State.REJECTED, State.FAILED_INTERNAL, State.DELETED}),
    State.ACCEPTED: frozenset({State.EMBEDDING, State.DELETED}),
    State.EMBEDDING: frozenset({State.EMBEDDING, State.INDEXED, State.FAILED_INTERNAL, State.DELETED}),
    State.INDEXED: frozenset({State.DEPRECATED, State.SUSPENDED, State.DELETED}),
    State.REJECTED: frozenset({State.DELETED}),
    State.DEPRECATED: frozenset({State.SUSPENDED, State.DELETED}),
    State.SUSPENDED: frozenset({State.INDEXED, State.DEPRECATED, State.DELETED}),
    State.FAILED_INTERNAL: frozenset({State.RECEIVED, State.ACCEPTED, State.DELETED}),
    State.DELETED: frozenset(),
}
"""Where each state may go. From a working state to itself: claimed again after its lease ran out."""


def serialise(session: Session) -> None:
    """Make this transaction the only one that changes learnwares until it ends.

    Every method that decides on a learnware's state calls it before it looks. Revisions are then given out in
    the order of commits, so that a reader who has seen revision n has missed nothing below n. SQLite has the
    lock by BEGIN IMMEDIATE, and leaves FOR UPDATE out.
    """
    session.execute(select(tables.revision.c.value).with_for_update()).one()


def next_revision(session: Session) -> int:
    """Number a transition. Only within `serialise`."""
    value = tables.revision.c.value
    return int(session.execute(update(tables.revision).values(value=value + 1).returning(value)).scalar_one())


def next_learnware_id(session: Session) -> str:
    """A new learnware's id: eight digits or more, growing, safe as a file name. Only within `serialise`."""
    following = tables.revision.c.next_learnware
    given = session.execute(update(tables.revision).values(next_learnware=following + 1).returning(following))
    return f"{int(given.scalar_one()) - 1:08d}"
