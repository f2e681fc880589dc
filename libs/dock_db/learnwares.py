"""The state machine of learnware versions."""

from __future__ import annotations

from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from dock_db import dialect, outbox, tables
from dock_db.catalogue import COLUMNS, Catalogue, row_of
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
from dock_db.waiting import note_turn
from dock_trace import current_traceparent
from learndock.errors import PermissionDenied

_table = tables.learnwares
_PASSED_OVER = (State.DELETED, State.DEPRECATED, State.FAILED_INTERNAL)


class Learnwares(Catalogue):
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
        row = row_of(session.execute(insert(_table).values(**values).returning(*COLUMNS)).mappings().one())
        outbox.announce(session, row)
        return row

    def find_content(
        self, session: Session, tenant: str, owner: str, name: str, content_sha256: str
    ) -> LearnwareRow | None:
        """The owner's newest learnware with this name and content. Nobody adds another until the transaction ends.

        Deleted, deprecated and internally failed ones do not count: pushing those again starts afresh.
        """
        serialise(session)
        statement = select(*COLUMNS).where(
            _table.c.tenant == tenant,
            _table.c.owner == owner,
            _table.c.name == name,
            _table.c.content_sha256 == content_sha256,
            _table.c.state.not_in([state.value for state in _PASSED_OVER]),
        )
        found = session.execute(statement.order_by(_table.c.revision.desc()).limit(1)).mappings().first()
        return None if found is None else row_of(found)

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

    def release_leases(self, session: Session) -> int:
        """Let everything claimed be claimed again at once: for a dock whose workers are known to be dead."""
        serialise(session)
        working = [state.value for state in WAITING_FOR]
        held = (_table.c.state.in_(working), _table.c.lease_until > 0)
        released = update(_table).where(*held).values(lease_until=0.0).returning(_table.c.version)
        return len(session.execute(released).all())

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
        written = session.execute(update(_table).where(*key).values(**changes).returning(*COLUMNS))
        return row_of(written.mappings().one())

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
