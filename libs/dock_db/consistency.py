"""What must hold of all rows together, as the state machine leaves them; asked of the database itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import DecodeError
from sqlalchemy import ColumnElement, Select, and_, exists, func, literal, or_, select
from sqlalchemy.orm import Session

from dock_db import dialect, tables
from dock_db.rows import State
from dock_db.transitions import MAX_TRIES, WAITING_FOR
from dockapi.events.v1 import events_pb2

_learnwares, _verdicts = tables.learnwares.c, tables.verdicts.c
_STUCK_S = 3600.0
_LONGEST_LEASE_S = 86_400.0
_BATCH = 500
_IDLE = [state.value for state in State if state not in WAITING_FOR]
_UNCHECKED = [State.RECEIVED.value, State.CHECKING.value]


@dataclass(frozen=True)
class Breach:
    """Something that the state machine never leaves behind; what merely is late is not `serious`."""

    kind: str
    what: str
    detail: str
    serious: bool = True


def breaches(session: Session) -> Iterator[Breach]:
    """Everything that breaks a rule, as the session sees it. Memory does not grow with the dock."""
    yield from _counters(session)
    for kind, detail, condition in _rules(dialect.now(session)):
        yield from _versions(session, kind, detail, condition)
    yield from _verdict_pairs(session)
    yield from _several_in_use(session)
    yield from _uploads(session)
    yield from _outbox(session)


def versions(session: Session) -> int:
    """How many versions there are, in whatever state."""
    return int(session.scalar(select(func.count()).select_from(tables.learnwares)) or 0)


def _rules(moment: float) -> Iterator[tuple[str, str, ColumnElement[bool]]]:
    state = _learnwares.state
    working = state.in_([each.value for each in WAITING_FOR])
    yield "STATE_UNKNOWN", "Its state is none that this code knows.", state.not_in([each.value for each in State])
    yield (
        "LEASE_WITHOUT_WORK",
        "It is leased, and nobody can work on it.",
        and_(state.in_(_IDLE), state != State.DELETED.value, _learnwares.lease_until > 0),
    )
    far = _learnwares.lease_until > moment + _LONGEST_LEASE_S
    yield "LEASE_TOO_LONG", "Its lease ends in more than a day.", and_(working, far)
    yield "ATTEMPT_MISSING", "It is being worked on in no attempt.", and_(working, _learnwares.attempt < 1)
    yield "TRIES_TOO_MANY", f"It was tried more than {MAX_TRIES} times.", _learnwares.tries > MAX_TRIES
    unchecked = and_(state.in_(_UNCHECKED), _learnwares.verdict_id != "")
    yield "VERDICT_EARLY", "It has a verdict before its check.", unchecked
    mine = exists().where(
        _verdicts.verdict_id == _learnwares.verdict_id,
        _verdicts.learnware_id == _learnwares.learnware_id,
        _verdicts.version == _learnwares.version,
    )
    yield "VERDICT_DANGLING", "Its verdict is not there, or another's.", and_(_learnwares.verdict_id != "", ~mine)
    later = exists().where(
        _verdicts.learnware_id == _learnwares.learnware_id,
        _verdicts.version == _learnwares.version,
        _verdicts.attempt > _learnwares.attempt,
    )
    yield "VERDICT_OF_NO_ATTEMPT", "It has a verdict of an attempt that was never begun.", later


def _versions(session: Session, kind: str, detail: str, condition: ColumnElement[bool]) -> Iterator[Breach]:
    wanted = select(_learnwares.learnware_id, _learnwares.version).where(condition)
    for learnware_id, version in _streamed(session, wanted):
        yield Breach(kind, f"{learnware_id}:{version}", detail)


def _counters(session: Session) -> Iterator[Breach]:
    found = session.execute(select(tables.revision.c.value, tables.revision.c.next_learnware)).all()
    if len(found) != 1:
        yield Breach("COUNTER_DAMAGED", "revision", f"The counters have {len(found)} rows instead of one.")
        return
    value, following = found[0]
    highest = session.scalar(select(func.max(_learnwares.revision))) or 0
    if highest > value:
        yield Breach("REVISION_BEYOND_COUNTER", "revision", f"A version has {highest}; the counter is at {value}.")
    twice = select(_learnwares.revision).group_by(_learnwares.revision).having(func.count() > 1)
    for (revision,) in _streamed(session, twice):
        yield Breach("REVISION_TWICE", str(revision), "Several versions have this revision.")
    newest = session.scalar(select(_learnwares.learnware_id).order_by(*_as_numbers()).limit(1)) or "0"
    if newest.isdigit() and int(newest) >= following:
        yield Breach("ID_BEYOND_COUNTER", newest, f"The next learnware would be {following:08d}.")


def _as_numbers() -> tuple[ColumnElement[int], ColumnElement[str]]:
    return func.length(_learnwares.learnware_id).desc(), _learnwares.learnware_id.desc()


def _verdict_pairs(session: Session) -> Iterator[Breach]:
    """A verdict that stands says what the state says."""
    state = _learnwares.state
    rejected = and_(state == State.REJECTED.value, _verdicts.accepted.is_(True))
    beyond = [State.ACCEPTED, State.EMBEDDING, State.INDEXED, State.DEPRECATED, State.SUSPENDED]
    accepted = and_(state.in_([each.value for each in beyond]), _verdicts.accepted.is_(False))
    wanted = (
        select(_learnwares.learnware_id, _learnwares.version, state)
        .join(tables.verdicts, _verdicts.verdict_id == _learnwares.verdict_id)
        .where(or_(rejected, accepted))
    )
    for learnware_id, version, found in _streamed(session, wanted):
        yield Breach("VERDICT_OPPOSED", f"{learnware_id}:{version}", f"It is {found}, and its verdict says otherwise.")


def _several_in_use(session: Session) -> Iterator[Breach]:
    indexed = select(_learnwares.learnware_id, func.count()).where(_learnwares.state == State.INDEXED.value)
    several = indexed.group_by(_learnwares.learnware_id).having(func.count() > 1)
    for learnware_id, count in _streamed(session, several):
        yield Breach("VERSIONS_IN_USE", str(learnware_id), f"{count} versions of it are INDEXED at once.")


def _uploads(session: Session) -> Iterator[Breach]:
    upload = tables.uploads.c
    became = exists().where(
        _learnwares.learnware_id == upload.committed_learnware_id, _learnwares.version == upload.committed_version
    )
    wanted = select(upload.upload_id, upload.committed_learnware_id).where(upload.committed_learnware_id != "", ~became)
    for upload_id, learnware_id in _streamed(session, wanted):
        yield Breach("UPLOAD_DANGLING", str(upload_id), f"It became {learnware_id}, which is not there.")


def _outbox(session: Session) -> Iterator[Breach]:
    outbox = tables.outbox.c
    moment = dialect.now(session)
    for event_id, payload in _streamed(session, select(outbox.event_id, outbox.payload).order_by(outbox.sequence)):
        try:
            event = events_pb2.LearnwareEvent.FromString(payload)
        except DecodeError:
            yield Breach("EVENT_UNREADABLE", str(event_id), "It waits to be published, and nobody could read it.")
            continue
        if event.event_id != event_id:
            yield Breach("EVENT_UNREADABLE", str(event_id), f"It says that it is {event.event_id}.")
        elif not _known(session, event.learnware_id, event.version):
            yield Breach("EVENT_DANGLING", str(event_id), f"{event.learnware_id}:{event.version} is not there.")
    stuck, oldest = session.execute(
        select(func.count(), func.min(outbox.created_at)).where(outbox.created_at < moment - _STUCK_S)
    ).one()
    if stuck:
        late = f"{stuck} events wait to be published, one for {moment - oldest:.0f} seconds."
        yield Breach("OUTBOX_LATE", "outbox", late, serious=False)


def _known(session: Session, learnware_id: str, version: int) -> bool:
    same = and_(_learnwares.learnware_id == learnware_id, _learnwares.version == version)
    return session.scalar(select(literal(1)).where(exists().where(same))) is not None


def _streamed(session: Session, statement: Select[Any]) -> Iterator[tuple[Any, ...]]:
    for row in session.execute(statement, execution_options={"yield_per": _BATCH}):
        yield tuple(row)
