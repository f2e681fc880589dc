from __future__ import annotations

import threading

import pytest
from services.dock_checking.tests.conftest import LEASE_S, MISFIT

from dock_checking.servicer import CheckingServicer
from dock_db import CheckSteps, State, StepRow, VerdictRow
from dock_rpc.channel import channel
from dock_rpc.server import build_server
from dockapi.checking.v1 import checking_pb2 as pb
from dockapi.checking.v1 import checking_pb2_grpc as rpc
from learndock.check import Step
from learndock.errors import NotFound


def add_step(house, row, name):
    with house.database.transaction() as session:
        return CheckSteps().append(session, row.learnware_id, row.version, row.attempt, Step(name, "passed", "", 0.1))


def test_there_is_no_verdict_before_the_check(laboratory, house):
    row = house.received()
    with pytest.raises(NotFound) as early:
        laboratory.record.verdict(row.learnware_id, 0)
    assert early.value.reason == "VERDICT_NOT_FOUND"
    assert "RECEIVED" in early.value.message
    with pytest.raises(NotFound) as missing:
        laboratory.record.verdict("00009999", 0)
    assert missing.value.reason == "LEARNWARE_NOT_FOUND"


def test_a_verdict_comes_with_the_steps_of_its_own_attempt(laboratory, house):
    row = house.received(**MISFIT)
    add_step(house, laboratory.examiner.next(), "instantiate")
    house.clock.pass_by(LEASE_S + 1)
    laboratory.examiner.check(laboratory.examiner.next())
    verdict, steps = laboratory.record.verdict(row.learnware_id, 0)
    assert verdict.attempt == 2
    assert {step.attempt for step in steps} == {2}
    assert "instantiate" not in [step.name for step in steps]
    assert len(laboratory.steps(row)) == len(steps) + 1


def test_following_shows_place_steps_and_verdict_as_they_come(laboratory, house, until):
    first, row = house.received(**MISFIT), house.received(**MISFIT)
    seen = []
    follower = threading.Thread(
        target=lambda: seen.extend(laboratory.record.follow(row.learnware_id, 0, lambda: True)), daemon=True
    )
    places = laboratory.record.follow(row.learnware_id, 0, lambda: True)
    assert next(places) == 2
    assert laboratory.examiner.check(laboratory.examiner.next())
    assert house.now(first).state is State.REJECTED
    assert next(places) == 1
    follower.start()
    laboratory.examiner.check(laboratory.examiner.next())
    follower.join(60)
    assert isinstance(seen[-1], VerdictRow)
    steps = [each for each in seen if isinstance(each, StepRow)]
    assert steps == laboratory.steps(row)
    assert [each for each in places if isinstance(each, StepRow)] == steps


def test_following_a_check_that_is_over_tells_it_all_again(laboratory, house):
    row = house.received(**MISFIT)
    laboratory.examiner.check(laboratory.examiner.next())
    *steps, verdict = laboratory.record.follow(row.learnware_id, 0, lambda: True)
    assert steps == laboratory.steps(row)
    assert verdict == laboratory.verdict(row)


def test_following_ends_without_a_verdict_where_the_check_was_given_up(laboratory, house):
    row = house.received()
    follow = laboratory.record.follow(row.learnware_id, 0, lambda: True)
    assert next(follow) == 1
    house.delete(row)
    assert list(follow) == []


def test_following_stays_with_the_version_it_began_with(laboratory, house):
    first = house.received(**MISFIT)
    follow = laboratory.record.follow(first.learnware_id, 0, lambda: True)
    assert next(follow) == 1
    house.received(learnware_id=first.learnware_id)
    laboratory.examiner.check(laboratory.examiner.next())
    assert {each.version for each in follow if isinstance(each, VerdictRow)} == {1}


def test_who_went_away_is_told_no_more(laboratory, house):
    row = house.received()
    turns = iter([True, True, False])
    assert list(laboratory.record.follow(row.learnware_id, 0, lambda: next(turns))) == [1]


def test_it_is_told_over_grpc(laboratory, house):
    row = house.received(**MISFIT)
    laboratory.examiner.check(laboratory.examiner.next())
    servicer = CheckingServicer(laboratory.record)
    service = ("dockapi.checking.v1.CheckingService", rpc.add_CheckingServiceServicer_to_server, servicer)
    with build_server([service], address="127.0.0.1:0") as server:
        opened = channel(f"127.0.0.1:{server.port}")
        stub = rpc.CheckingServiceStub(opened)
        verdict = stub.GetVerdict(pb.GetVerdictRequest(learnware_id=row.learnware_id)).verdict
        *steps, last = stub.WatchCheck(pb.WatchCheckRequest(learnware_id=row.learnware_id))
        with pytest.raises(NotFound):
            stub.GetVerdict(pb.GetVerdictRequest(learnware_id="00009999"))
        opened.close()
    assert not verdict.accepted
    assert verdict.reason == "SPECIFICATION_WIDTH"
    assert [each.step for each in steps] == list(verdict.steps)
    assert last.verdict.verdict_id == verdict.verdict_id
    assert verdict.steps[-1].status == pb.STEP_STATUS_PASSED
