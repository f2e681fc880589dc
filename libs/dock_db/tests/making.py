"""Learnwares for tests, brought to any state the way services do it."""

from __future__ import annotations

from sqlalchemy.orm import Session

from dock_db import LearnwareRow, Learnwares, Specifications, State, VerdictRow

LEARNWARES = Learnwares()


def insert(session: Session, *, owner: str = "ann", learnware_id: str = "", content: str = "c", name: str = "a model"):
    return LEARNWARES.insert(
        session,
        tenant="default",
        owner=owner,
        name=name,
        content_sha256=content,
        size_bytes=10,
        blob_key=f"packages/default/{content}/{owner}",
        semantic_json="{}",
        specification_type="RKMETableSpecification",
        learnware_id=learnware_id,
    )


def claim(session: Session, row: LearnwareRow, working: State = State.CHECKING, lease_s: float = 60.0):
    return LEARNWARES.claim(session, row.learnware_id, row.version, working=working, lease_s=lease_s)


def finish(session: Session, row: LearnwareRow, to: State = State.ACCEPTED, **more):
    return LEARNWARES.finish(session, row.learnware_id, row.version, attempt=row.attempt, to=to, **more)


def store(session: Session, row: LearnwareRow) -> bool:
    """What an embedder does in its one transaction."""
    if not LEARNWARES.mark_embedded(session, row.learnware_id, row.version, attempt=row.attempt):
        return False
    Specifications().store(
        session, row.learnware_id, row.version, type="RKME", payload=b"{}", self_norm=1.0, effective_size=2.0
    )
    return True


def bring_to(session: Session, state: State, **more) -> LearnwareRow:
    row = insert(session, **more)
    if state is not State.RECEIVED:
        row = claim(session, row)
    if state in (State.ACCEPTED, State.EMBEDDING, State.INDEXED):
        finish(session, row, verdict_id="v")
    if state in (State.EMBEDDING, State.INDEXED):
        row = claim(session, row, State.EMBEDDING)
    if state is State.INDEXED:
        store(session, row)
        LEARNWARES.mark_indexed(session, row.learnware_id, row.version)
    if state is State.REJECTED:
        finish(session, row, State.REJECTED, reason="MODEL_RAISED")
    return LEARNWARES.get(session, row.learnware_id, row.version)


def verdict(row: LearnwareRow, *, accepted: bool = True) -> VerdictRow:
    return VerdictRow(
        verdict_id=f"{row.learnware_id}-{row.version}-{row.attempt}",
        learnware_id=row.learnware_id,
        version=row.version,
        attempt=row.attempt,
        accepted=accepted,
        reason="",
        reason_text="",
        log="a log",
        content_sha256=row.content_sha256,
        environment_lock_sha256="",
        dropped_requirements=("torch",),
        isolation="bubblewrap",
        made_at=0.0,
    )
