from __future__ import annotations

import pytest

from dock_db import Outbox, State
from dock_db.tests.making import LEARNWARES, bring_to, claim, finish, insert, store
from dock_db.transitions import MAX_TRIES
from dockapi.events.v1 import events_pb2
from learndock.errors import FailedPrecondition, NotFound, PermissionDenied


@pytest.fixture
def session(database):
    with database.transaction() as session:
        yield session


def events(session):
    rows = Outbox().pending(session, 1000)
    return [(row.subject, events_pb2.LearnwareEvent.FromString(row.payload)) for row in rows]


def test_the_whole_way_leaves_an_event_and_a_revision_each(session):
    row = bring_to(session, State.INDEXED)
    told = events(session)
    assert [subject.rpartition(".")[2] for subject, _ in told] == [
        "received", "checking", "accepted", "embedding", "embedding", "indexed",
    ]  # fmt: skip
    assert [event.revision for _, event in told] == [1, 2, 3, 4, 5, 6] and row.revision == 6
    assert LEARNWARES.revision(session) == 6
    assert [event.attempt for _, event in told] == [0, 1, 1, 2, 2, 2]
    assert len({event.event_id for _, event in told}) == 6
    assert row.verdict_id == "v"


def test_ids_grow_and_versions_count(session):
    first, second = insert(session), insert(session)
    assert [first.learnware_id, second.learnware_id] == ["00000001", "00000002"]
    assert insert(session, learnware_id=first.learnware_id).version == 2
    assert LEARNWARES.get(session, first.learnware_id).version == 2
    assert LEARNWARES.get(session, first.learnware_id, 1).version == 1


def test_whose_it_is_and_whether_it_is_there(session):
    row = insert(session)
    with pytest.raises(PermissionDenied) as denied:
        insert(session, owner="bob", learnware_id=row.learnware_id)
    assert denied.value.reason == "LEARNWARE_NOT_YOURS"
    LEARNWARES.delete(session, row.learnware_id)
    for ask in (
        lambda: insert(session, learnware_id=row.learnware_id),
        lambda: LEARNWARES.get(session, row.learnware_id),
        lambda: LEARNWARES.get(session, "nope", 3),
        lambda: LEARNWARES.delete(session, "nope"),
    ):
        with pytest.raises(NotFound) as missing:
            ask()
        assert missing.value.reason == "LEARNWARE_NOT_FOUND"
    assert LEARNWARES.get(session, row.learnware_id, 1).state is State.DELETED


def test_the_old_version_serves_until_the_new_one_does(session):
    old = bring_to(session, State.INDEXED)
    new = insert(session, learnware_id=old.learnware_id, content="d")
    new = claim(session, new)
    finish(session, new)
    new = claim(session, new, State.EMBEDDING)
    store(session, new)
    assert LEARNWARES.get(session, old.learnware_id, 1).state is State.INDEXED
    assert LEARNWARES.mark_indexed(session, new.learnware_id, 2)
    assert not LEARNWARES.mark_indexed(session, new.learnware_id, 2)
    assert LEARNWARES.get(session, old.learnware_id, 1).state is State.DEPRECATED
    assert LEARNWARES.get(session, old.learnware_id, 2).state is State.INDEXED


def test_a_rejected_update_leaves_the_old_version_serving(session):
    old = bring_to(session, State.INDEXED)
    bring_to(session, State.REJECTED, learnware_id=old.learnware_id, content="d")
    assert LEARNWARES.get(session, old.learnware_id, 1).state is State.INDEXED


def test_a_version_overtaken_by_a_newer_one_is_deprecated_at_once(session):
    slow = bring_to(session, State.EMBEDDING)
    store(session, slow)
    bring_to(session, State.INDEXED, learnware_id=slow.learnware_id, content="d")
    assert LEARNWARES.mark_indexed(session, slow.learnware_id, 1)
    assert LEARNWARES.get(session, slow.learnware_id, 1).state is State.DEPRECATED
    assert LEARNWARES.get(session, slow.learnware_id, 2).state is State.INDEXED


def test_without_a_stored_specification_nothing_is_indexed(session):
    row = bring_to(session, State.EMBEDDING)
    assert not LEARNWARES.mark_indexed(session, row.learnware_id, row.version)


@pytest.mark.parametrize("state", [State.CHECKING, State.EMBEDDING])
def test_what_was_deleted_while_worked_on_stays_deleted(session, clock, state):
    row = bring_to(session, state)
    assert LEARNWARES.delete(session, row.learnware_id) == 1
    assert not finish(session, row)
    assert not store(session, row)
    assert not LEARNWARES.mark_indexed(session, row.learnware_id, 1)
    assert not LEARNWARES.renew(session, row, 60)
    clock.pass_by(1000)
    assert claim(session, row, state) is None
    assert LEARNWARES.next_waiting(session, State.RECEIVED, 9) == []
    assert LEARNWARES.overdue(session, grace_s=0, limit=9) == []
    assert LEARNWARES.get(session, row.learnware_id, 1).state is State.DELETED
    assert LEARNWARES.delete(session, row.learnware_id) == 0


def test_a_claimed_one_cannot_be_claimed_until_its_lease_ran_out(session, clock):
    row = insert(session)
    first = claim(session, row)
    assert (first.attempt, first.tries, first.state) == (1, 1, State.CHECKING)
    assert claim(session, row) is None
    clock.pass_by(59)
    assert LEARNWARES.renew(session, first, 60)
    clock.pass_by(59)
    assert claim(session, row) is None
    clock.pass_by(2)
    second = claim(session, row)
    assert (second.attempt, second.tries) == (2, 2)
    assert not LEARNWARES.renew(session, first, 60)
    assert not finish(session, first, State.REJECTED)
    assert finish(session, second)
    assert not finish(session, second, State.REJECTED)
    assert LEARNWARES.get(session, row.learnware_id).state is State.ACCEPTED


def test_claiming_the_wrong_work_gets_nothing(session):
    row = insert(session)
    assert claim(session, row, State.EMBEDDING) is None
    assert claim(session, row, State.INDEXED) is None


def test_after_five_tries_it_is_given_up_and_an_operator_can_drive_it_again(session, clock):
    row = insert(session)
    for expected in range(1, MAX_TRIES + 1):
        assert claim(session, row).tries == expected
        clock.pass_by(61)
    assert claim(session, row) is None
    failed = LEARNWARES.get(session, row.learnware_id)
    assert (failed.state, failed.reason) == (State.FAILED_INTERNAL, "TRIES_EXHAUSTED")
    again = LEARNWARES.redrive(session, row.learnware_id, 1)
    assert (again.state, again.tries, again.attempt, again.reason) == (State.RECEIVED, 0, MAX_TRIES, "")
    assert claim(session, row).attempt == MAX_TRIES + 1


def test_an_embedding_given_up_is_driven_from_accepted(session, clock):
    row = bring_to(session, State.ACCEPTED)
    for _ in range(MAX_TRIES):
        claim(session, row, State.EMBEDDING)
        clock.pass_by(61)
    assert claim(session, row, State.EMBEDDING) is None
    assert LEARNWARES.redrive(session, row.learnware_id, 1).state is State.ACCEPTED


def test_what_is_embedded_waits_for_an_index_not_for_an_embedder(session, clock):
    row = bring_to(session, State.EMBEDDING)
    store(session, row)
    clock.pass_by(1000)
    assert claim(session, row, State.EMBEDDING) is None
    assert LEARNWARES.next_waiting(session, State.ACCEPTED, 9) == []
    assert LEARNWARES.mark_indexed(session, row.learnware_id, 1)


@pytest.mark.parametrize("to", [State.INDEXED, State.RECEIVED, State.DELETED, State.CHECKING, State.DEPRECATED])
def test_an_illegal_end_is_refused(session, to):
    row = bring_to(session, State.CHECKING)
    with pytest.raises(FailedPrecondition) as caught:
        finish(session, row, to)
    assert caught.value.reason == "STATE_CONFLICT"


def test_redriving_what_did_not_fail_is_refused(session):
    row = insert(session)
    with pytest.raises(FailedPrecondition):
        LEARNWARES.redrive(session, row.learnware_id, 1)


def test_turns_are_fair_among_owners(session):
    for number in range(5):
        insert(session, owner="greedy", content=f"g{number}")
    insert(session, owner="late", content="l")
    insert(session, owner="later", content="m")
    proposed = [row.owner for row in LEARNWARES.next_waiting(session, State.RECEIVED, 4)]
    assert proposed == ["greedy", "late", "later", "greedy"]
    claim(session, LEARNWARES.next_waiting(session, State.RECEIVED, 1)[0])
    rows = LEARNWARES.next_waiting(session, State.RECEIVED, 9)
    assert [row.owner for row in rows] == ["late", "later", "greedy", "greedy", "greedy", "greedy"]
    bring_to(session, State.INDEXED, owner="x", content="x")
    assert LEARNWARES.queue(session, State.RECEIVED) == {
        (row.learnware_id, row.version): turn for turn, row in enumerate(rows, 1)
    }
    assert LEARNWARES.count_waiting(session, "default", "greedy", State.RECEIVED) == 4


def test_silent_ones_wait_again(session, clock):
    row = insert(session)
    claim(session, row)
    assert LEARNWARES.next_waiting(session, State.RECEIVED, 9) == []
    clock.pass_by(61)
    assert [each.learnware_id for each in LEARNWARES.next_waiting(session, State.RECEIVED, 9)] == [row.learnware_id]


def test_released_leases_can_be_claimed_at_once(session):
    row = insert(session)
    claim(session, row)
    assert LEARNWARES.release_leases(session) == 1
    assert claim(session, row).attempt == 2


def test_the_same_content_is_found_until_it_is_gone(session):
    row = insert(session)
    found = LEARNWARES.find_content(session, "default", "ann", "a model", "c")
    assert found.learnware_id == row.learnware_id
    for other in (("x", "ann", "a model", "c"), ("default", "bob", "a model", "c"), ("default", "ann", "b", "c")):
        assert LEARNWARES.find_content(session, *other) is None
    LEARNWARES.delete(session, row.learnware_id)
    assert LEARNWARES.find_content(session, "default", "ann", "a model", "c") is None


def test_listing_page_by_page(session):
    for number in range(7):
        insert(session, owner="ann" if number % 2 else "bob", name=f"Wine {number}%", content=str(number))
    insert(session, learnware_id="00000003", owner="bob", name="Wine", content="new")
    pages, after = [], None
    while True:
        rows = LEARNWARES.list(session, tenant="default", after=after, limit=3)
        pages += [(row.learnware_id, row.version) for row in rows]
        if len(rows) < 3:
            break
        after = pages[-1]
    assert len(pages) == 8 and pages == sorted(pages)
    assert {row.owner for row in LEARNWARES.list(session, tenant="default", owner="ann")} == {"ann"}
    assert len(LEARNWARES.list(session, tenant="default", name_contains="wINE 3%")) == 1
    assert LEARNWARES.list(session, tenant="default", name_contains="_") == []
    assert LEARNWARES.list(session, tenant="elsewhere") == []
    LEARNWARES.delete(session, "00000001")
    assert len(LEARNWARES.list(session, tenant="default")) == 7
    assert len(LEARNWARES.list(session, tenant="default", states=[State.DELETED])) == 1


def test_changes_come_in_order_with_deletions(session):
    first, second = insert(session), insert(session, content="d")
    seen = LEARNWARES.revision(session)
    LEARNWARES.delete(session, first.learnware_id)
    claim(session, second)
    changed = LEARNWARES.changed_since(session, seen)
    assert [(row.learnware_id, row.state) for row in changed] == [
        (first.learnware_id, State.DELETED),
        (second.learnware_id, State.CHECKING),
    ]
    assert LEARNWARES.changed_since(session, LEARNWARES.revision(session)) == []


def test_blobs_of_deleted_versions_are_let_go(session):
    keep, drop = insert(session, content="keep"), insert(session, content="drop")
    LEARNWARES.delete(session, drop.learnware_id)
    assert LEARNWARES.blob_keys(session) == {keep.blob_key}


def test_counts(session, clock):
    insert(session)
    clock.pass_by(5)
    bring_to(session, State.INDEXED, content="d")
    assert LEARNWARES.counts(session) == {State.RECEIVED: (1, 5.0), State.INDEXED: (1, 0.0)}
