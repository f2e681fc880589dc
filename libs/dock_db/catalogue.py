"""What there is of learnware versions: every question about them that changes nothing."""

from __future__ import annotations

from builtins import list as List  # noqa: N812 - the class has a method of that name
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select, tuple_
from sqlalchemy.orm import Session

from dock_db import dialect, tables
from dock_db.refusals import not_found
from dock_db.rows import LearnwareRow, State
from dock_db.transitions import WAITING_FOR, WORKING_ON
from dock_db.waiting import has_specification, lease_ran_out, turns

_table = tables.learnwares
COLUMNS = tuple(_table.c[name] for name in LearnwareRow.__dataclass_fields__)
"""What a LearnwareRow is made of."""
_ACCEPTED = (State.ACCEPTED, State.EMBEDDING, State.DEPRECATED, State.SUSPENDED)


class Catalogue:
    """Reads learnware versions. What is read may have changed by then, unless the transaction called `serialise`."""

    def get(self, session: Session, learnware_id: str, version: int = 0) -> LearnwareRow:
        """One version; 0 is the newest that is not deleted. NotFound LEARNWARE_NOT_FOUND."""
        which = _table.c.version == version if version else _table.c.state != State.DELETED.value
        statement = select(*COLUMNS).where(_table.c.learnware_id == learnware_id, which)
        found = session.execute(statement.order_by(_table.c.version.desc()).limit(1)).mappings().first()
        if found is None:
            raise not_found(learnware_id, version)
        return row_of(found)

    def newest_usable(self, session: Session, learnware_id: str) -> LearnwareRow:
        """The version to use where none was named: the INDEXED one, else the newest that was accepted.

        Where none was accepted, the newest that is not deleted, so that its state says why. NotFound
        LEARNWARE_NOT_FOUND.
        """
        rows = self._versions(session, learnware_id)
        indexed = [row for row in rows if row.state is State.INDEXED]
        accepted = [row for row in rows if row.state in _ACCEPTED]
        return indexed[-1] if indexed else accepted[-1] if accepted else self.get(session, learnware_id)

    def list(
        self,
        session: Session,
        *,
        tenant: str,
        owner: str = "",
        states: Sequence[State] = (),
        name_contains: str = "",
        after: tuple[str, int] | None = None,
        limit: int = 100,
    ) -> List[LearnwareRow]:
        """Versions in the order of (learnware_id, version), oldest learnware first, behind `after`.

        Deleted ones only where `states` names them. `name_contains` ignores case.
        """
        wanted = _table.c.state.in_([state.value for state in states])
        conditions: List[ColumnElement[bool]] = [wanted if states else _table.c.state != State.DELETED.value]
        if owner:
            conditions.append(_table.c.owner == owner)
        if name_contains:
            conditions.append(_table.c.name.icontains(name_contains, autoescape=True))
        if after:
            conditions.append(tuple_(_table.c.learnware_id, _table.c.version) > after)
        statement = select(*COLUMNS).where(_table.c.tenant == tenant, *conditions)
        ordered = statement.order_by(_table.c.learnware_id, _table.c.version).limit(limit)
        return [row_of(found) for found in session.execute(ordered).mappings()]

    def changed_since(self, session: Session, revision: int, limit: int = 500) -> List[LearnwareRow]:
        """Versions whose last transition came after `revision`, in the order of transitions; deleted ones too."""
        statement = select(*COLUMNS).where(_table.c.revision > revision).order_by(_table.c.revision).limit(limit)
        return [row_of(found) for found in session.execute(statement).mappings()]

    def next_waiting(self, session: Session, state: State, limit: int) -> List[LearnwareRow]:
        """What to claim next of those that wait in `state` (RECEIVED or ACCEPTED), fair among owners.

        Rows of the working state whose lease ran out wait too. Claiming decides; this only proposes.
        """
        proposed = turns(state, dialect.now(session)).limit(limit).subquery()
        same = (_table.c.learnware_id == proposed.c.learnware_id) & (_table.c.version == proposed.c.version)
        statement = select(*COLUMNS).join(proposed, same).order_by(proposed.c.turn)
        return [row_of(found) for found in session.execute(statement).mappings()]

    def queue(self, session: Session, state: State) -> Mapping[tuple[str, int], int]:
        """The turn of everything that waits in `state` (RECEIVED or ACCEPTED), by id and version; 1 is next."""
        waiting = session.execute(turns(state, dialect.now(session)))
        return {(str(found.learnware_id), int(found.version)): int(found.turn) for found in waiting}

    def count_waiting(self, session: Session, tenant: str, owner: str, state: State) -> int:
        """How many of an owner's versions are in `state`."""
        statement = select(func.count()).where(
            _table.c.tenant == tenant, _table.c.owner == owner, _table.c.state == state.value
        )
        return int(session.scalar(statement) or 0)

    def counts(self, session: Session) -> Mapping[State, tuple[int, float]]:
        """(versions, seconds since the oldest of them changed) of each state that has any."""
        statement = select(_table.c.state, func.count(), func.min(_table.c.updated_at)).group_by(_table.c.state)
        moment = dialect.now(session)
        return {State(state): (count, moment - oldest) for state, count, oldest in session.execute(statement)}

    def overdue(self, session: Session, *, grace_s: float, limit: int) -> List[LearnwareRow]:
        """Versions that should have moved by now, the longest untouched first.

        Those waiting for longer than `grace_s`, claimed by somebody who went silent, or embedded and not indexed.
        """
        moment = dialect.now(session)
        waiting = _table.c.state.in_([state.value for state in WORKING_ON])
        embedded = (_table.c.state == State.EMBEDDING.value) & has_specification()
        silent = or_(*(lease_ran_out(working, moment) for working in WAITING_FOR))
        statement = select(*COLUMNS).where(or_(waiting, silent, embedded), _table.c.driven_at <= moment - grace_s)
        ordered = statement.order_by(_table.c.driven_at, _table.c.revision).limit(limit)
        return [row_of(found) for found in session.execute(ordered).mappings()]

    def revision(self, session: Session) -> int:
        """The number of the last transition."""
        return int(session.execute(select(tables.revision.c.value)).scalar_one())

    def blob_keys(self, session: Session) -> set[str]:
        """The blobs that versions refer to; deleted ones refer to none."""
        statement = select(_table.c.blob_key).where(_table.c.state != State.DELETED.value)
        return set(session.scalars(statement))

    def _versions(self, session: Session, learnware_id: str, state: State | None = None) -> List[LearnwareRow]:
        statement = select(*COLUMNS).where(_table.c.learnware_id == learnware_id)
        chosen = statement if state is None else statement.where(_table.c.state == state.value)
        return [row_of(found) for found in session.execute(chosen.order_by(_table.c.version)).mappings()]


def row_of(found: Mapping[Any, Any]) -> LearnwareRow:
    """The row that was selected or returned by COLUMNS."""
    values = {str(key): value for key, value in found.items()}
    return LearnwareRow(**{**values, "state": State(values["state"])})
