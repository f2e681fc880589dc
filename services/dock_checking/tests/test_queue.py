from __future__ import annotations

import threading

import pytest
from services.dock_checking.tests.conftest import LEASE_S, MISFIT

from dock_bus import Message
from dock_bus.inprocess import InProcessBus
from dock_checking.queue import CheckQueue
from dock_checking.subscriptions import subscribe
from dock_db import Relay, State


@pytest.fixture
def queue_of():
    queues = []

    def make(laboratory, *, parallel=2, poll_s=30.0, **more):
        queues.append(CheckQueue(laboratory.examiner, parallel=parallel, poll_s=poll_s, **more))
        queues[-1].start()
        return queues[-1]

    yield make
    for queue in queues:
        queue.stop()


def test_what_waits_when_it_starts_is_checked_to_the_last(laboratory, house, until, queue_of):
    for _ in range(5):
        house.received(**MISFIT)
    queue_of(laboratory)
    until(lambda: len(house.rows(State.REJECTED)) == 5)


def test_an_event_wakes_it(laboratory, house, until, queue_of):
    bus = InProcessBus()
    unsubscribe = subscribe(bus, queue_of(laboratory))
    relay = Relay(house.database, bus, poll_s=0.05)
    relay.start()
    house.received(**MISFIT)
    until(lambda: house.rows(State.REJECTED))
    unsubscribe()
    relay.stop()
    bus.close()


def test_without_an_event_it_looks_by_itself(laboratory, house, until, queue_of):
    queue_of(laboratory, parallel=1, poll_s=0.05)
    house.received(**MISFIT)
    until(lambda: house.rows(State.REJECTED))


def test_a_check_that_does_not_end_in_time_is_given_back(laboratory, house, until, queue_of, monkeypatch):
    go_on = threading.Event()
    monkeypatch.setattr(laboratory.examiner, "_examine", lambda *_: go_on.wait(60))
    queue = queue_of(laboratory, parallel=1)
    row = house.received(**MISFIT)
    queue.wake()
    until(lambda: house.now(row).state is State.CHECKING)
    queue.stop(timeout_s=0.01)
    assert house.now(row).lease_until == 0
    assert house.now(row).tries == 0
    assert laboratory.examiner.next().attempt == 2
    go_on.set()


def test_an_unreadable_event_ends_among_the_dead_letters(laboratory, until, queue_of, caplog):
    bus = InProcessBus()
    unsubscribe = subscribe(bus, queue_of(laboratory))
    bus.publish(Message(event_id="e1", subject="dock.learnware.received", data=b"\xff\xff\xff"))
    until(lambda: [letter.count for letter in bus.dead_letters()] == [1])
    assert "gave up what nobody can read" in caplog.text
    unsubscribe()
    bus.close()


def test_a_host_that_fails_does_not_end_it(broken_laboratory, house, until, queue_of, caplog):
    row = house.received()
    other = house.received(owner="bob", **MISFIT)
    queue_of(broken_laboratory, parallel=1, poll_s=0.05)
    until(lambda: house.now(other).state is State.REJECTED)
    assert house.now(row).state is State.CHECKING
    assert "put off" in caplog.text
    house.clock.pass_by(LEASE_S + 1)
    until(lambda: house.now(row).attempt == 2)


def test_it_stops_while_nothing_waits(laboratory, queue_of):
    queue_of(laboratory, poll_s=600.0).stop(10.0)


def test_damaged_packages_cost_the_others_no_rest(laboratory, house, until, queue_of, caplog):
    for _ in range(3):
        damaged = house.received()
        house.blobs.delete(damaged.blob_key)
        house.blobs.put(damaged.blob_key, [b"other bytes"])
    good = house.received(**MISFIT)
    told = []
    queue_of(laboratory, parallel=1, poll_s=600.0, on_attempt=told.append)
    until(lambda: house.now(good).state is State.REJECTED)
    assert caplog.text.count("put off") == 3
    until(lambda: told == ["damaged"] * 3 + ["done"])


def test_where_the_host_fails_the_others_keep_their_tries(broken_laboratory, house, until, queue_of, caplog):
    rows = [house.received() for _ in range(4)]
    queue_of(broken_laboratory, parallel=1, poll_s=600.0)
    until(lambda: caplog.text.count("put off") == 2)
    assert [house.now(row).state for row in rows] == [State.CHECKING] * 2 + [State.RECEIVED] * 2
