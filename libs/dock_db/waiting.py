"""Whose turn it is: waiting learnwares in an order that is fair among owners."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Select, Subquery, and_, exists, func, or_, select

from dock_db import tables
from dock_db.rows import State
from dock_db.transitions import WORKING_ON

_table = tables.learnwares


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
    counted. So an owner with one waiting row never stands behind another's thousand.
    """
    working = WORKING_ON[state]
    owners = _running(working, moment)
    nth = func.row_number().over(
        partition_by=(_table.c.tenant, _table.c.owner),
        order_by=(_table.c.created_at, _table.c.learnware_id, _table.c.version),
    )
    before = (nth + func.coalesce(owners.c.running, 0)).label("before")
    rows = (
        select(_table.c.learnware_id, _table.c.version, _table.c.created_at, before)
        .outerjoin(owners, and_(owners.c.tenant == _table.c.tenant, owners.c.owner == _table.c.owner))
        .where(or_(_table.c.state == state.value, lease_ran_out(working, moment)))
        .subquery()
    )
    order = (rows.c.before, rows.c.created_at, rows.c.learnware_id, rows.c.version)
    turn = func.row_number().over(order_by=order).label("turn")
    return select(rows.c.learnware_id, rows.c.version, turn).order_by(turn)


def _running(working: State, moment: float) -> Subquery:
    running = and_(_table.c.state == working.value, _table.c.lease_until > moment)
    counted = select(_table.c.tenant, _table.c.owner, func.count().label("running")).where(running)
    return counted.group_by(_table.c.tenant, _table.c.owner).subquery()
