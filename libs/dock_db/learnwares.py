"""Learnware versions and their state machine."""

from __future__ import annotations

from builtins import list as List  # noqa: N812 - the class has a method of that name
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, func, insert, or_, select, tuple_, update
from sqlalchemy.orm import Session

from dock_db import dialect, outbox, tables
from dock_db.refusals import conflict, not_found
from dock_db.rows import LearnwareRow, Overdue, State
from dock_db.transitions import (
    LEGAL,
    MAX_TRIES,
    WAITING_FOR,
    WORKING_ON,
    next_learnware_id,
    next_revision,
    serialise,
)
from dock_db.waiting import has_specification, lease_ran_out, note_turn, turns
from dock_trace import current_traceparent
from learndock.errors import PermissionDenied

_table = tables.learnwares
_COLUMNS = tuple(_table.c[name] for name in LearnwareRow.__dataclass_fields__)
_ACCEPTED = (State.ACCEPTED, State.EMBEDDING, State.DEPRECATED, State.SUSPENDED)
_PASSED_OVER = (State.DELETED, State.DEPRECATED, State.FAILED_INTERNAL)


class Learnwares:
    """The only writer of learnware states. Each transition takes the next revision and leaves an event.

    A transition that the state machine does not know is FailedPrecondition (STATE_CONFLICT).
    """

    def insert(
        self,
        session: Session,
        *,
        tenant: str,
        owner: str,
        name: str,
        content_sha256: str,
        size_bytes: int,
        blob_key: str,
        semantic_json: str,
        specification_type: str,
        learnware_id: str = "",
    ) -> LearnwareRow:
        """A new learnware, or the next version of the given one, RECEIVED.

        NotFound LEARNWARE_NOT_FOUND; PermissionDenied LEARNWARE_NOT_YOURS where it belongs to another owner.
        """
        serialise(session)
        version = self._next_version(session, learnware_id, tenant, owner) if learnware_id else 1
        moment = dialect.now(session)
        values = {
            "learnware_id": learnware_id or next_learnware_id(session),
            "version": version,
            "tenant": tenant,
            "owner": owner,
            "name": name,
            "state": State.RECEIVED.value,
            "revision": next_revision(session),
            "content_sha256": content_sha256,
            "size_bytes": size_bytes,
            "blob_key": blob_key,
            "semantic_json": semantic_json,
            "specification_type": specification_type,
            "created_at": moment,
            "updated_at": moment,
            "driven_at": moment,
            "traceparent": current_traceparent(),
        }
        row = _row(session.execute(insert(_table).values(**values).returning(*_COLUMNS)).mappings().one())
        outbox.announce(session, row)
        return row

    def get(self, session: Session, learnware_id: str, version: int = 0) -> LearnwareRow:
        """One version; 0 is the newest that is not deleted. NotFound LEARNWARE_NOT_FOUND."""
        which = _table.c.version == version if version else _table.c.state != State.DELETED.value
        statement = select(*_COLUMNS).where(_table.c.learnware_id == learnware_id, which)
        found = session.execute(statement.order_by(_table.c.version.desc()).limit(1)).mappings().first()
        if found is None:
            raise not_found(learnware_id, version)
        return _row(found)

    def newest_usable(self, session: Session, learnware_id: str) -> LearnwareRow:
        """The version to use where none was named: the INDEXED one, else the newest that was accepted.

        Where none was accepted, the newest that is not deleted, so that its state says why. NotFound
        LEARNWARE_NOT_FOUND.
        """
        rows = self._versions(session, learnware_id)
        indexed = [row for row in rows if row.state is State.INDEXED]
        accepted = [row for row in rows if row.state in _ACCEPTED]
        return indexed[-1] if indexed else accepted[-1] if accepted else self.get(session, learnware_id)

    def find_content(
        self, session: Session, tenant: str, owner: str, name: str, content_sha256: str
    ) -> LearnwareRow | None:
        """The owner's newest learnware with this name and content. Nobody adds another until the transaction ends.

        Deleted, deprecated and internally failed ones do not count: pushing those again starts afresh.
        """
        serialise(session)
        statement = select(*_COLUMNS).where(
            _table.c.tenant == tenant,
            _table.c.owner == owner,
            _table.c.name == name,
            _table.c.content_sha256 == content_sha256,
            _table.c.state.not_in([state.value for state in _PASSED_OVER]),
        )
        found = session.execute(statement.order_by(_table.c.revision.desc()).limit(1)).mappings().first()
        return None if found is None else _row(found)

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
        statement = select(*_COLUMNS).where(_table.c.tenant == tenant, *conditions)
        ordered = statement.order_by(_table.c.learnware_id, _table.c.version).limit(limit)
        return [_row(found) for found in session.execute(ordered).mappings()]

    def changed_since(self, session: Session, revision: int, limit: int = 500) -> List[LearnwareRow]:
        """Versions whose last transition came after `revision`, in the order of transitions; deleted ones too."""
        statement = select(*_COLUMNS).where(_table.c.revision > revision).order_by(_table.c.revision).limit(limit)
        return [_row(found) for found in session.execute(statement).mappings()]

    def next_waiting(self, session: Session, state: State, limit: int) -> List[LearnwareRow]:
        """What to claim next of those that wait in `state` (RECEIVED or ACCEPTED), fair among owners.

        Rows of the working state whose lease ran out wait too. Claiming decides; this only proposes.
        """
        proposed = turns(state, dialect.now(session)).limit(limit).subquery()
        same = (_table.c.learnware_id == proposed.c.learnware_id) & (_table.c.version == proposed.c.version)
        statement = select(*_COLUMNS).join(proposed, same).order_by(proposed.c.turn)
        return [_row(found) for found in session.execute(statement).mappings()]

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

    def claim(
        self, session: Session, learnware_id: str, version: int, *, working: State, lease_s: float
    ) -> LearnwareRow | None:
        """Take a waiting version to work on it, with a new attempt number; None where there is nothing to take.

        A version whose fifth try ran out of its lease goes to FAILED_INTERNAL instead.
        """
        serialise(session)
        row = self.get(session, learnware_id, version)
        moment = dialect.now(session)
        if row.state is working:
            if not self._given_up(session, row, moment):
                return None
            if row.tries >= MAX_TRIES:
                self._fail(session, row)
                return None
        elif WORKING_ON.get(row.state) is not working:
            return None
        claimed = self._move(
            session, row, working, attempt=row.attempt + 1, lease_until=moment + lease_s, tries=row.tries + 1
        )
        note_turn(session, claimed, working)
        return claimed

    def renew(self, session: Session, row: LearnwareRow, lease_s: float) -> bool:
        """Hold a claimed version for longer; False where this attempt no longer has it."""
        serialise(session)
        current = self.get(session, row.learnware_id, row.version)
        if current.attempt != row.attempt or current.state is not row.state:
            return False
        self._write(session, row, lease_until=dialect.now(session) + lease_s)
        return True

    def give_back(self, session: Session, row: LearnwareRow) -> bool:
        """Leave a claimed version to others at once, as if it had not been tried; False where it is not held any more.

        The attempt stays the current one until somebody claims anew.
        """
        serialise(session)
        current = self.get(session, row.learnware_id, row.version)
        if current.attempt != row.attempt or current.state is not row.state or row.state not in WAITING_FOR:
            return False
        self._write(session, row, lease_until=0.0, tries=max(0, current.tries - 1))
        outbox.announce(session, current, WAITING_FOR[row.state])
        return True

    def finish(
        self,
        session: Session,
        learnware_id: str,
        version: int,
        *,
        attempt: int,
        to: State,
        reason: str = "",
        reason_text: str = "",
        verdict_id: str = "",
    ) -> bool:
        """End an attempt. False, and nothing changed, where it is not the current one or the state moved on."""
        serialise(session)
        row = self.get(session, learnware_id, version)
        if row.attempt != attempt or row.state not in WAITING_FOR:
            return False
        if to is row.state or to is State.DELETED:
            raise conflict(row, to)
        ended = {"reason": reason, "reason_text": reason_text, "verdict_id": verdict_id or row.verdict_id}
        note_turn(session, self._move(session, row, to, lease_until=0.0, tries=0, **ended), row.state)
        return True

    def mark_embedded(self, session: Session, learnware_id: str, version: int, *, attempt: int) -> bool:
        """Announce that a version's specification is stored (in this transaction); fenced like `finish`.

        The state stays EMBEDDING until an index has it, and nobody can claim it again.
        """
        serialise(session)
        row = self.get(session, learnware_id, version)
        if row.attempt != attempt or row.state is not State.EMBEDDING:
            return False
        note_turn(session, self._move(session, row, State.EMBEDDING, lease_until=0.0), State.EMBEDDING)
        return True

    def mark_indexed(self, session: Session, learnware_id: str, version: int) -> bool:
        """An index holds the version: INDEXED, and older indexed versions of the learnware are deprecated.

        False where it is not EMBEDDING with a stored specification. Where a newer version is indexed already,
        this one is deprecated at once.
        """
        serialise(session)
        row = self.get(session, learnware_id, version)
        if row.state is not State.EMBEDDING or not self._is_embedded(session, row):
            return False
        self._move(session, row, State.INDEXED, lease_until=0.0, tries=0)
        self._deprecate_older(session, learnware_id)
        return True

    def suspend(self, session: Session, row: LearnwareRow, reason_text: str) -> LearnwareRow:
        """Take an INDEXED or DEPRECATED version out of use; STATE_CONFLICT for any other. Call `serialise` before."""
        return self._move(session, row, State.SUSPENDED, reason="LEARNWARE_SUSPENDED", reason_text=reason_text)

    def reinstate(self, session: Session, learnware_id: str, version: int) -> LearnwareRow:
        """Take a SUSPENDED version into use again, DEPRECATED where a newer one is INDEXED; else STATE_CONFLICT."""
        serialise(session)
        row = self.get(session, learnware_id, version)
        if row.state is not State.SUSPENDED:
            raise conflict(row, State.INDEXED)
        self._move(session, row, State.INDEXED, reason="", reason_text="")
        self._deprecate_older(session, learnware_id)
        return self.get(session, learnware_id, row.version)

    def delete(self, session: Session, learnware_id: str, version: int = 0) -> int:
        """Delete one version, or all for 0; return how many were not deleted before. What runs is fenced off."""
        serialise(session)
        rows = self._versions(session, learnware_id)
        chosen = [row for row in rows if version in (0, row.version)]
        if not chosen:
            raise not_found(learnware_id, version)
        alive = [row for row in chosen if row.state is not State.DELETED]
        for row in alive:
            self._move(session, row, State.DELETED, lease_until=0.0)
        return len(alive)

    def redrive(self, session: Session, learnware_id: str, version: int) -> LearnwareRow:
        """Start a FAILED_INTERNAL version again where it failed; STATE_CONFLICT for any other."""
        serialise(session)
        row = self.get(session, learnware_id, version)
        to = State.ACCEPTED if row.verdict_id else State.RECEIVED
        return self._move(session, row, to, tries=0, reason="", reason_text="")

    def revision(self, session: Session) -> int:
        """The number of the last transition."""
        return int(session.execute(select(tables.revision.c.value)).scalar_one())

    def blob_keys(self, session: Session) -> set[str]:
        """The blobs that versions refer to; deleted ones refer to none."""
        statement = select(_table.c.blob_key).where(_table.c.state != State.DELETED.value)
        return set(session.scalars(statement))

    def release_leases(self, session: Session) -> int:
        """Let everything claimed be claimed again at once: for a dock whose workers are known to be dead."""
        serialise(session)
        working = [state.value for state in WAITING_FOR]
        held = (_table.c.state.in_(working), _table.c.lease_until > 0)
        released = update(_table).where(*held).values(lease_until=0.0).returning(_table.c.version)
        return len(session.execute(released).all())

    def overdue(self, session: Session, *, grace_s: float, limit: int) -> List[LearnwareRow]:
        """Versions that should have moved by now, the longest untouched first.

        Those waiting for longer than `grace_s`, claimed by somebody who went silent, or embedded and not indexed.
        """
        moment = dialect.now(session)
        waiting = _table.c.state.in_([state.value for state in WORKING_ON])
        embedded = (_table.c.state == State.EMBEDDING.value) & has_specification()
        silent = or_(*(lease_ran_out(working, moment) for working in WAITING_FOR))
        statement = select(*_COLUMNS).where(or_(waiting, silent, embedded), _table.c.driven_at <= moment - grace_s)
        ordered = statement.order_by(_table.c.driven_at, _table.c.revision).limit(limit)
        return [_row(found) for found in session.execute(ordered).mappings()]

    def drive(self, session: Session, row: LearnwareRow) -> Overdue:
        """Make an overdue version somebody's business again: its event once more, or FAILED_INTERNAL after five tries.

        Call `serialise` before reading the row. Return why it was overdue.
        """
        if row.state in WORKING_ON:
            self._write(session, row, driven_at=dialect.now(session))
            outbox.announce(session, row)
            return Overdue.WAITING
        if self._is_embedded(session, row):
            self._move(session, row, State.EMBEDDING)  # a new revision, so that every index looks again
            return Overdue.NOT_INDEXED
        if row.tries >= MAX_TRIES:
            self._fail(session, row)
            return Overdue.GIVEN_UP
        self._write(session, row, driven_at=dialect.now(session))
        outbox.announce(session, row, WAITING_FOR[row.state])
        return Overdue.SILENT

    def _move(self, session: Session, row: LearnwareRow, to: State, **changes: Any) -> LearnwareRow:
        if to not in LEGAL[row.state]:
            raise conflict(row, to)
        moment = dialect.now(session)
        revision = next_revision(session)
        if here := current_traceparent():
            changes["traceparent"] = here
        moved = self._write(
            session, row, state=to.value, revision=revision, updated_at=moment, driven_at=moment, **changes
        )
        outbox.announce(session, moved)
        return moved

    def _write(self, session: Session, row: LearnwareRow, **changes: Any) -> LearnwareRow:
        key = (_table.c.learnware_id == row.learnware_id, _table.c.version == row.version)
        written = session.execute(update(_table).where(*key).values(**changes).returning(*_COLUMNS))
        return _row(written.mappings().one())

    def _fail(self, session: Session, row: LearnwareRow) -> None:
        text = f"{row.state.value} was tried {row.tries} times and ended each time without a result."
        self._move(session, row, State.FAILED_INTERNAL, lease_until=0.0, reason="TRIES_EXHAUSTED", reason_text=text)

    def _given_up(self, session: Session, row: LearnwareRow, moment: float) -> bool:
        return row.lease_until <= moment and not self._is_embedded(session, row)

    def _is_embedded(self, session: Session, row: LearnwareRow) -> bool:
        stored = tables.specifications
        key = (stored.c.learnware_id == row.learnware_id, stored.c.version == row.version)
        return session.execute(select(stored.c.version).where(*key)).first() is not None

    def _deprecate_older(self, session: Session, learnware_id: str) -> None:
        for old in self._versions(session, learnware_id, State.INDEXED)[:-1]:
            self._move(session, old, State.DEPRECATED)

    def _versions(self, session: Session, learnware_id: str, state: State | None = None) -> List[LearnwareRow]:
        statement = select(*_COLUMNS).where(_table.c.learnware_id == learnware_id)
        chosen = statement if state is None else statement.where(_table.c.state == state.value)
        return [_row(found) for found in session.execute(chosen.order_by(_table.c.version)).mappings()]

    def _next_version(self, session: Session, learnware_id: str, tenant: str, owner: str) -> int:
        rows = self._versions(session, learnware_id)
        if all(row.state is State.DELETED for row in rows):
            raise not_found(learnware_id, 0)
        if (rows[-1].tenant, rows[-1].owner) != (tenant, owner):
            raise PermissionDenied(
                f"Learnware {learnware_id} belongs to another owner.",
                reason="LEARNWARE_NOT_YOURS",
                hint="Push it as a learnware of your own, without an id.",
            )
        return rows[-1].version + 1


def _row(found: Mapping[Any, Any]) -> LearnwareRow:
    values = {str(key): value for key, value in found.items()}
    return LearnwareRow(**{**values, "state": State(values["state"])})
