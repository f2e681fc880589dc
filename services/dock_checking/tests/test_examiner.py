from __future__ import annotations

import threading

import pytest
from services.dock_checking.tests.conftest import LEASE_S, MISFIT

from dock_db import Learnwares, State
from dock_db.lease import Heartbeat, Leases
from learndock.errors import Unavailable

RAISES = (
    "class Model:\n    input_shape, output_shape = (2,), (1,)\n\n    def predict(self, X):\n"
    "        print('about to fail')\n        raise ValueError('a bad day')\n"
)


@pytest.mark.sandbox
def test_a_good_package_is_accepted_step_by_step(laboratory, house):
    row = house.received()
    claimed = laboratory.examiner.next()
    assert (claimed.learnware_id, claimed.state, claimed.attempt) == (row.learnware_id, State.CHECKING, 1)
    assert laboratory.examiner.check(claimed)
    verdict, steps = laboratory.record.verdict(row.learnware_id, 0)
    assert house.now(row).state is State.ACCEPTED
    assert house.now(row).verdict_id == verdict.verdict_id
    assert (verdict.accepted, verdict.reason, verdict.isolation[:10]) == (True, "", "bubblewrap")
    assert verdict.content_sha256 == row.content_sha256
    assert len(verdict.environment_lock_sha256) == 64
    names = [step.name for step in steps if step.status == "passed"]
    assert names[:3] == ["package", "environment", "instantiate"]
    assert list(laboratory.scratch.iterdir()) == []


@pytest.mark.sandbox
def test_a_models_fault_is_a_verdict_with_its_reason_and_log(laboratory, house):
    row = house.received(model_source=RAISES)
    assert laboratory.examiner.check(laboratory.examiner.next())
    verdict, steps = laboratory.record.verdict(row.learnware_id, 0)
    assert house.now(row).state is State.REJECTED
    assert house.now(row).reason == verdict.reason == "MODEL_RAISED"
    assert "a bad day" in verdict.reason_text
    assert "about to fail" in verdict.log
    assert steps[-1].status == "failed"


def test_nothing_waits_where_nothing_was_received(laboratory, house):
    house.accepted()
    assert laboratory.examiner.next() is None


def test_a_late_verdict_is_ignored_and_the_new_holders_counts(laboratory, house):
    row = house.received(**MISFIT)
    first = laboratory.examiner.next()
    assert laboratory.examiner.next() is None
    house.clock.pass_by(LEASE_S + 1)
    second = laboratory.examiner.next()
    assert (first.attempt, second.attempt) == (1, 2)
    assert not laboratory.examiner.check(first)
    assert laboratory.verdict(row) is None
    assert laboratory.steps(row) == []
    assert house.now(row).state is State.CHECKING
    assert laboratory.examiner.check(second)
    assert laboratory.verdict(row).attempt == 2
    assert house.now(row).state is State.REJECTED


def test_a_check_takes_its_verdict_once_only(laboratory, house):
    row = house.received(**MISFIT)
    claimed = laboratory.examiner.next()
    assert laboratory.examiner.check(claimed)
    verdict = laboratory.verdict(row)
    assert not laboratory.examiner.check(claimed)
    assert laboratory.verdict(row) == verdict


def test_a_host_fault_gives_no_verdict_and_is_tried_again(broken_laboratory, house):
    laboratory = broken_laboratory
    row = house.received()
    with pytest.raises(Unavailable):
        laboratory.examiner.check(laboratory.examiner.next())
    assert laboratory.verdict(row) is None
    assert house.now(row).state is State.CHECKING
    assert list(laboratory.scratch.iterdir()) == []
    assert laboratory.examiner.next() is None
    house.clock.pass_by(LEASE_S + 1)
    assert laboratory.examiner.next().attempt == 2


def test_after_five_tries_it_is_the_docks_failure_and_others_have_their_turn(broken_laboratory, house):
    laboratory = broken_laboratory
    row = house.received()
    for attempt in range(1, 6):
        claimed = laboratory.examiner.next()
        assert (claimed.learnware_id, claimed.attempt) == (row.learnware_id, attempt)
        with pytest.raises(Unavailable):
            laboratory.examiner.check(claimed)
        house.clock.pass_by(LEASE_S + 1)
    other = house.received(owner="bob")
    assert laboratory.examiner.next().learnware_id == other.learnware_id
    house.clock.pass_by(LEASE_S + 1)
    assert house.now(row).state is State.FAILED_INTERNAL
    assert house.now(row).reason == "TRIES_EXHAUSTED"
    assert laboratory.verdict(row) is None


def test_a_blob_that_is_gone_is_the_hosts_fault(laboratory, house):
    row = house.received()
    house.blobs.delete(row.blob_key)
    with pytest.raises(Exception, match="no blob"):
        laboratory.examiner.check(laboratory.examiner.next())
    assert laboratory.verdict(row) is None
    assert house.now(row).state is State.CHECKING


def test_a_database_that_takes_no_steps_is_the_hosts_fault(laboratory, house):
    row = house.received(**MISFIT)
    claimed = laboratory.examiner.next()

    def writable(yes):
        with house.database._engine.connect() as connection:
            connection.exec_driver_sql(f"PRAGMA query_only = {0 if yes else 1}")

    writable(False)
    with pytest.raises(Unavailable) as refused:
        laboratory.examiner._examine(claimed, laboratory.scratch)
    writable(True)
    assert refused.value.reason == "STORAGE_READ_ONLY"
    assert house.now(row).state is State.CHECKING


def test_a_learnware_deleted_under_its_check_stays_deleted(laboratory, house):
    row = house.received(**MISFIT)
    claimed = laboratory.examiner.next()
    house.delete(row)
    assert not laboratory.examiner.check(claimed)
    assert house.now(row).state is State.DELETED
    assert laboratory.verdict(row) is None


@pytest.mark.parametrize("moment", ["claimed", "step", "before_verdict"])
def test_a_check_cut_at_any_moment_is_made_again(laboratory, house, monkeypatch, moment):
    row = house.received(**MISFIT)
    monkeypatch.setenv("DOCK_FAILPOINTS", f"checking.{moment}=error")
    with pytest.raises(Unavailable):
        laboratory.examiner.check(laboratory.examiner.next())
    monkeypatch.delenv("DOCK_FAILPOINTS")
    assert laboratory.verdict(row) is None
    house.clock.pass_by(LEASE_S + 1)
    assert laboratory.examiner.check(laboratory.examiner.next())
    assert laboratory.verdict(row).attempt == 2


def test_a_check_cut_after_its_verdict_is_done(laboratory, house, monkeypatch):
    row = house.received(**MISFIT)
    monkeypatch.setenv("DOCK_FAILPOINTS", "checking.after_verdict=error")
    with pytest.raises(Unavailable):
        laboratory.examiner.check(laboratory.examiner.next())
    assert house.now(row).state is State.REJECTED
    assert laboratory.examiner.next() is None


def test_owners_take_turns(laboratory, house):
    for owner in ("ann", "ann", "ann", "bob", "eve", "bob"):
        house.received(owner=owner)
    turns = [laboratory.examiner.next().owner for _ in range(6)]
    assert sorted(turns[:3]) == ["ann", "bob", "eve"]
    assert sorted(turns[3:5]) == ["ann", "bob"]
    assert laboratory.examiner.next() is None


def test_threads_never_claim_the_same(laboratory, house):
    for _ in range(12):
        house.received()
    taken, gate = [], threading.Barrier(4)

    def claim():
        gate.wait()
        while (row := laboratory.examiner.next()) is not None:
            taken.append(row.learnware_id)

    threads = [threading.Thread(target=claim) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == len(set(taken)) == 12


def test_a_heartbeat_holds_the_lease_until_it_is_lost(house):
    row = house.claimed(house.received(), lease_s=10.0)
    beats = []

    def beat():
        house.clock.pass_by(5.0)
        if len(beats) == 3:
            house.delete(row)
        with house.database.transaction() as session:
            beats.append(Learnwares().renew(session, row, 10.0))
        return beats[-1]

    with Heartbeat(beat, 0.01) as heartbeat:
        heartbeat._thread.join(60)
    assert beats == [True, True, True, False]


def test_what_is_given_back_waits_at_once_and_does_not_count_as_tried(laboratory, house):
    row = house.received(**MISFIT)
    first = laboratory.examiner.next()
    leases = Leases(house.database, LEASE_S)
    with leases.holding(first):
        assert laboratory.examiner.next() is None
        assert leases.give_back() == 1
        assert leases.give_back() == 0
        second = laboratory.examiner.next()
    assert (second.attempt, second.tries) == (2, 1)
    assert not laboratory.examiner.check(first)
    assert laboratory.examiner.check(second)
    assert laboratory.verdict(row).attempt == 2


def test_a_verdict_that_came_in_time_counts_although_the_check_was_given_back(laboratory, house):
    row = house.received(**MISFIT)
    claimed = laboratory.examiner.next()
    with house.database.transaction() as session:
        assert Learnwares().give_back(session, claimed)
    assert laboratory.examiner.check(claimed)
    assert laboratory.examiner.next() is None
    assert laboratory.verdict(row).attempt == 1


def test_who_lost_a_check_cannot_give_it_back(laboratory, house):
    house.received(**MISFIT)
    first = laboratory.examiner.next()
    house.clock.pass_by(LEASE_S + 1)
    second = laboratory.examiner.next()
    with house.database.transaction() as session:
        assert not Learnwares().give_back(session, first)
    assert laboratory.examiner.next() is None
    assert house.now(second).lease_until > house.clock()


def test_a_heartbeat_survives_a_database_that_fails_for_a_moment(until):
    beats = []

    def beat():
        beats.append(1)
        if len(beats) == 1:
            raise Unavailable("busy", reason="DATABASE_BUSY")
        return True

    with Heartbeat(beat, 0.01):
        until(lambda: len(beats) > 3)
