"""Whose turn it is: waiting learnwares in an order that is fair among owners."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Select, Subquery, and_, case, exists, func, or_, select, update
from sqlalchemy.orm import Session

from dock_db import dialect, tables
from dock_db.rows import LearnwareRow, State
from dock_db.transitions import WORKING_ON

_table = tables.learnwares
_turns = tables.last_turns


def has_specification() -> ColumnElement[bool]:
    """Whether a learnware's specification is stored, which ends the work of EMBEDDING."""
    stored = tables.specifications
    return exists().where(stored.c.learnware_id == _table.c.learnware_id, stored.c.version == _table.c.version)


def lease_ran_out(working: State, moment: float) -> ColumnElement[bool]:
    """Rows in a working state that nobody works on any more."""
    return and_(_table.c.state == working.value, _table.c.lease_until <= moment, ~has_specification())


def turns(state: State, moment: float) -> Select[tuple[str, int, int]]:
    """(learnware_id, version, turn) of what waits in `state`, turn 1 first.

    An owner's n-th waiting row comes after everything that has fewer of its owner's before it, running ones
    counted. Among equals an owner's last turn counts as the moment it came, so that turns go round: an owner with one
    waiting row never stands behind another's thousand, not even where one worker does everything.
    """
    working = WORKING_ON[state]
    owners = _running(working, moment)
    nth = func.row_number().over(
        partition_by=(_table.c.tenant, _table.c.owner),
        order_by=(_table.c.created_at, _table.c.learnware_id, _table.c.version),
    )
    before = (nth + func.coalesce(owners.c.running, 0)).label("before")
    last = func.coalesce(_turns.c.revision, 0)
    since = case((last > _table.c.revision, last), else_=_table.c.revision).label("since")
    rows = (
        select(_table.c.learnware_id, _table.c.version, since, before)
        .outerjoin(owners, and_(owners.c.tenant == _table.c.tenant, owners.c.owner == _table.c.owner))
        .outerjoin(_turns, _of_owner(_table.c.tenant, _table.c.owner, working))
        .where(or_(_table.c.state == state.value, lease_ran_out(working, moment)))
        .subquery()
    )
    order = (rows.c.before, rows.c.since, rows.c.learnware_id, rows.c.version)
    turn = func.row_number().over(order_by=order).label("turn")
    return select(rows.c.learnware_id, rows.c.version, turn).order_by(turn)


def note_turn(session: Session, row: LearnwareRow, working: State) -> None:
    """Remember that the owner's turn began or ended with the row's last transition."""
    mine = {"tenant": row.tenant, "owner": row.owner, "state": working.value}
    if not dialect.insert_or_ignore(session, _turns, {**mine, "revision": row.revision}):
        same = _of_owner(row.tenant, row.owner, working)
        session.execute(update(_turns).where(same).values(revision=row.revision))


def _of_owner(tenant: ColumnElement[str] | str, owner: ColumnElement[str] | str, working: State) -> ColumnElement[bool]:
    return and_(_turns.c.tenant == tenant, _turns.c.owner == owner, _turns.c.state == working.value)


def _running(working: State, moment: float) -> Subquery:
    running = and_(_table.c.state == working.value, _table.c.lease_until > moment)
    counted = select(_table.c.tenant, _table.c.owner, func.count().label("running")).where(running)
    return counted.group_by(_table.c.tenant, _table.c.owner).subquery()
