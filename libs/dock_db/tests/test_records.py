"""Uploads, verdicts, steps and specifications."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from dock_db import CheckSteps, LearnwareRow, Specifications, State, Uploads, Verdicts, rows
from dock_db.message import learnware_message
from dock_db.tests.making import LEARNWARES, bring_to, claim, finish, insert, verdict
from dockapi.learnware.v1 import learnware_pb2
from learndock.errors import AlreadyExists, NotFound

UPLOADS = Uploads()
DECLARED = {
    "upload_id": "upload-1",
    "tenant": "default",
    "owner": "ann",
    "learnware_id": "",
    "size_bytes": 10,
    "sha256": "a" * 64,
    "blob_key": "packages/default/a/upload-1",
    "semantic_json": "",
}


@dataclass(frozen=True)
class Step:
    name: str = "predict"
    status: str = "passed"
    detail: str = ""
    seconds: float = 0.5


@pytest.fixture
def session(database):
    with database.transaction() as session:
        yield session


def test_an_upload_declared_again_goes_on(session):
    row, is_new = UPLOADS.begin(session, **DECLARED)
    assert is_new
    assert UPLOADS.begin(session, **DECLARED) == (row, False)
    assert UPLOADS.get(session, "upload-1") == row
    assert row.committed_learnware_id == ""


def test_an_upload_declared_again_keeps_its_key_and_after_it_was_dropped_has_another(session):
    other = {**DECLARED, "blob_key": "packages/default/b/upload-1"}
    row, _ = UPLOADS.begin(session, **DECLARED)
    assert UPLOADS.begin(session, **other)[0].blob_key == DECLARED["blob_key"]
    assert UPLOADS.hold(session, row) == row
    UPLOADS.drop(session, "upload-1")
    assert UPLOADS.begin(session, **other)[0].blob_key == other["blob_key"]
    with pytest.raises(NotFound):
        UPLOADS.hold(session, row)


@pytest.mark.parametrize("change", [{"size_bytes": 11}, {"owner": "bob"}, {"sha256": "b" * 64}, {"learnware_id": "1"}])
def test_another_declaration_under_its_id_is_refused(session, change):
    UPLOADS.begin(session, **DECLARED)
    with pytest.raises(AlreadyExists) as caught:
        UPLOADS.begin(session, **{**DECLARED, **change})
    assert caught.value.reason == "UPLOAD_ID_TAKEN"
    assert next(iter(change)) in caught.value.details["different"]


def test_a_committed_upload_names_its_learnware_and_is_kept(session, clock):
    UPLOADS.begin(session, **DECLARED)
    assert UPLOADS.blob_keys(session) == {DECLARED["blob_key"]}
    row = UPLOADS.commit(session, "upload-1", "00000001", 2)
    assert (row.committed_learnware_id, row.committed_version) == ("00000001", 2)
    assert UPLOADS.blob_keys(session) == set()
    clock.pass_by(10_000)
    assert UPLOADS.drop_stale(session, older_than_s=1) == 0


def test_abandoned_uploads_go(session, clock):
    UPLOADS.begin(session, **DECLARED)
    UPLOADS.begin(session, **{**DECLARED, "upload_id": "upload-2"})
    clock.pass_by(100)
    UPLOADS.progress(session, "upload-2")
    assert UPLOADS.drop_stale(session, older_than_s=50) == 1
    with pytest.raises(NotFound) as caught:
        UPLOADS.get(session, "upload-1")
    assert caught.value.reason == "UPLOAD_NOT_FOUND"
    UPLOADS.drop(session, "upload-2")
    UPLOADS.drop(session, "upload-2")
    with pytest.raises(NotFound):
        UPLOADS.commit(session, "upload-2", "1", 1)


def test_one_verdict_for_each_attempt_and_none_from_a_late_one(session, clock):
    row = insert(session)
    late = claim(session, row)
    clock.pass_by(61)
    current = claim(session, row)
    assert not Verdicts().record(session, verdict(late))
    assert Verdicts().get(session, row.learnware_id, 1) is None
    assert finish(session, current)
    assert Verdicts().record(session, verdict(current))
    assert not Verdicts().record(session, replace(verdict(current, accepted=False), verdict_id="another"))
    found = Verdicts().get(session, row.learnware_id, 1)
    assert found == replace(verdict(current), made_at=clock.now)


def test_steps_in_order_and_none_from_a_late_attempt(session, clock):
    row = insert(session)
    late = claim(session, row)
    steps = CheckSteps()
    first = steps.append(session, row.learnware_id, 1, late.attempt, Step("unpack"))
    assert (first.sequence, first.attempt, first.at) == (1, 1, clock.now)
    clock.pass_by(61)
    current = claim(session, row)
    assert steps.append(session, row.learnware_id, 1, late.attempt, Step()) is None
    second = steps.append(session, row.learnware_id, 1, current.attempt, Step("predict", "failed", "it raised"))
    assert steps.list(session, row.learnware_id, 1) == [first, second]
    assert steps.list(session, row.learnware_id, 1, after=1) == [second]
    assert steps.append(session, "none", 1, 0, Step()) is None


def test_a_specification_is_stored_in_place_of_an_earlier_one(session):
    row = bring_to(session, State.EMBEDDING)
    store = Specifications()
    assert store.get(session, row.learnware_id, 1) is None
    for payload in (b"old", b"\x00new"):
        store.store(session, row.learnware_id, 1, type="T", payload=payload, self_norm=0.1, effective_size=2.5)
    assert store.get(session, row.learnware_id, 1) == rows.SpecificationRow("T", b"\x00new", 0.1, 2.5)


def test_the_message_of_a_record(session):
    row = bring_to(session, State.REJECTED)
    message = learnware_message(row)
    assert message.state == learnware_pb2.STATE_REJECTED
    assert (message.learnware_id, message.version, message.reason) == (row.learnware_id, 1, "MODEL_RAISED")
    assert message.created_at.seconds == int(row.created_at)


def test_every_state_has_its_message():
    assert {f"STATE_{state.value}" for state in State} | {"STATE_UNSPECIFIED"} == set(learnware_pb2.State.keys())


def test_a_row_is_what_was_inserted(session, clock):
    row = insert(session)
    assert row == LEARNWARES.get(session, row.learnware_id) == LearnwareRow(**vars(row))
    assert (row.created_at, row.updated_at, row.lease_until, row.tries) == (clock.now, clock.now, 0.0, 0)
