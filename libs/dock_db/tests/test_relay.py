"""Events reach the bus at least once, and effects happen once."""

from __future__ import annotations

import threading
import time

import pytest
from sqlalchemy import func, select

from dock_bus import Delivery, Message, Subscription
from dock_bus.inprocess import InProcessBus
from dock_db import Outbox, Reconciler, Relay, State, forget_seen, once, tables
from dock_db.tests.buses import OneByOne
from dock_db.tests.making import LEARNWARES, bring_to, claim, insert, store
from dock_db.transitions import MAX_TRIES
from dockapi.events.v1 import events_pb2
from learndock.errors import Unavailable


class Listener(OneByOne):
    """A bus that keeps what it is given, twice where told to, and is down where told to."""

    def __init__(self) -> None:
        self.published: list[Message] = []
        self.down_after: int | None = None

    def publish(self, message: Message) -> None:
        if self.down_after is not None and len(self.published) >= self.down_after:
            raise Unavailable("down", reason="BUS_DOWN")
        self.published.append(message)

    def subjects(self) -> list[str]:
        return [message.subject.rpartition(".")[2] for message in self.published]


def waiting(database) -> int:
    with database.read() as session:
        return Outbox().depth(session)[0]


def test_events_leave_in_order_and_once_taken_are_gone(database):
    bus = Listener()
    with database.transaction() as session:
        bring_to(session, State.ACCEPTED)
    relay = Relay(database, bus)
    assert relay.relay() == 3
    assert bus.subjects() == ["received", "checking", "accepted"]
    assert relay.relay() == 0 == waiting(database)
    event = events_pb2.LearnwareEvent.FromString(bus.published[0].data)
    assert event.event_id == bus.published[0].event_id
    assert (event.tenant, event.learnware_id, event.version) == ("default", "00000001", 1)


def test_what_is_not_committed_is_not_told(database):
    with pytest.raises(RuntimeError), database.transaction() as session:
        insert(session)
        raise RuntimeError
    assert waiting(database) == 0
    with database.read() as session:
        assert LEARNWARES.revision(session) == 0


def test_a_bus_that_goes_down_halfway(database):
    bus = Listener()
    bus.down_after = 2
    with database.transaction() as session:
        bring_to(session, State.ACCEPTED)
    relay = Relay(database, bus)
    with pytest.raises(Unavailable):
        relay.relay()
    assert waiting(database) == 1
    bus.down_after = None
    assert relay.relay() == 1
    assert bus.subjects() == ["received", "checking", "accepted"]


@pytest.mark.parametrize("moment", ["relay.publish.after", "db.commit.before"])
def test_a_crash_between_publishing_and_marking_publishes_again(database, monkeypatch, moment):
    bus = Listener()
    with database.transaction() as session:
        insert(session)
    relay = Relay(database, bus)
    monkeypatch.setenv("DOCK_FAILPOINTS", f"{moment}=error")
    with pytest.raises(Unavailable):
        relay.relay()
    monkeypatch.delenv("DOCK_FAILPOINTS")
    assert waiting(database) == 1
    relay.relay()
    assert [message.event_id for message in bus.published] == [bus.published[0].event_id] * 2


def test_the_thread_relays_at_once_and_goes_on_after_the_bus_was_down(database):
    bus = Listener()
    bus.down_after = 0
    relay = Relay(database, bus, poll_s=0.05)
    relay.start()
    try:
        with database.transaction() as session:
            insert(session)
        time.sleep(0.12)
        assert bus.published == []
        bus.down_after = None
        end = time.monotonic() + 60
        while waiting(database) and time.monotonic() < end:
            time.sleep(0.01)
        assert bus.subjects() == ["received"]
    finally:
        relay.stop()


def test_the_inbox_lets_an_event_through_once_for_each_consumer(database, clock):
    with database.transaction() as session:
        assert once(session, "checking", "e1")
        assert not once(session, "checking", "e1")
        assert once(session, "search", "e1")
    with pytest.raises(RuntimeError), database.transaction() as session:
        assert once(session, "checking", "e2")
        raise RuntimeError
    with database.transaction() as session:
        assert once(session, "checking", "e2")
    clock.pass_by(100)
    with database.transaction() as session:
        assert once(session, "checking", "e3")
        assert forget_seen(session, older_than_s=50) == 3
        assert not once(session, "checking", "e3")


def test_effects_happen_once_under_duplicates_crashes_and_two_relays(database, monkeypatch, tmp_path):
    """Each event is an effect (a row); the relay republishes, the bus forgets ids, and handlers fail midway."""
    bus = InProcessBus(window_s=0.0)
    failures, lock = iter(range(1000)), threading.Lock()

    def handler(delivery: Delivery) -> None:
        event = events_pb2.LearnwareEvent.FromString(delivery.message.data)
        with database.transaction(wake=False) as session:
            if once(session, "effect", event.event_id):
                LEARNWARES.claim(session, event.learnware_id, event.version, working=State.CHECKING, lease_s=60)
            with lock:
                unlucky = next(failures) % 3 == 0
            if unlucky:
                raise ValueError("before the commit")
        with lock:
            unlucky = next(failures) % 3 == 0
        if unlucky:
            raise ValueError("after the commit")

    subjects = ["dock.learnware.received"]
    bus.subscribe(Subscription("effect", subjects, max_deliver=50, backoff_s=(0.001,), max_in_flight=4), handler)
    with database.transaction() as session:
        for number in range(20):
            insert(session, content=str(number))
    monkeypatch.setenv("DOCK_FAILPOINTS", f"relay.publish.after=error@1,{tmp_path.name}=sleep:0")  # counted anew
    relays = [Relay(database, bus, poll_s=0.02), Relay(database, bus, poll_s=0.02)]
    for relay in relays:
        relay.start()
    end = time.monotonic() + 60
    try:
        while time.monotonic() < end:
            with database.read() as session:
                done = LEARNWARES.counts(session).get(State.CHECKING, (0, 0.0))[0]
            if done == 20 and waiting(database) == 0:
                break
            time.sleep(0.02)
    finally:
        for relay in relays:
            relay.stop()
        bus.close()
    with database.read() as session:
        rows = LEARNWARES.list(session, tenant="default")
        assert {(row.state, row.attempt) for row in rows} == {(State.CHECKING, 1)}
        seen = session.scalar(select(func.count()).select_from(tables.inbox))
    assert len(rows) == seen == 20


class TestReconciler:
    @pytest.fixture
    def bus(self, database):
        listener = Listener()
        relay = Relay(database, listener)

        def drained() -> list[str]:
            listener.published.clear()
            while relay.relay():
                pass
            return listener.subjects()

        return drained

    def test_nothing_overdue(self, database, bus):
        with database.transaction() as session:
            bring_to(session, State.INDEXED)
            bring_to(session, State.REJECTED, content="d")
            insert(session, content="e")
        bus()
        assert Reconciler(database, grace_s=30).scan() == 0
        assert bus() == []

    def test_a_lost_event_is_told_again_and_not_at_every_scan(self, database, clock, bus):
        with database.transaction() as session:
            insert(session)
            bring_to(session, State.ACCEPTED, content="d")
        bus()
        reconciler = Reconciler(database, grace_s=30)
        clock.pass_by(31)
        assert reconciler.scan() == 2
        assert sorted(bus()) == ["accepted", "received"]
        assert reconciler.scan() == 0
        clock.pass_by(31)
        assert reconciler.scan() == 2

    def test_an_expired_lease_calls_for_another_worker(self, database, clock, bus):
        with database.transaction() as session:
            claim(session, insert(session), lease_s=10)
        bus()
        clock.pass_by(31)
        assert Reconciler(database, grace_s=30).scan() == 1
        assert bus() == ["received"]

    def test_what_works_is_left_alone(self, database, clock):
        with database.transaction() as session:
            claim(session, insert(session), lease_s=100)
        clock.pass_by(50)
        assert Reconciler(database, grace_s=30).scan() == 0

    def test_the_fifth_silence_is_the_last(self, database, clock, bus):
        with database.transaction() as session:
            row = insert(session)
            for _ in range(MAX_TRIES):
                claim(session, row)
                clock.pass_by(61)
        bus()
        Reconciler(database, grace_s=30).scan()
        assert bus() == ["failed_internal"]

    def test_embedded_and_never_indexed_gets_a_new_revision(self, database, clock, bus):
        with database.transaction() as session:
            row = bring_to(session, State.EMBEDDING)
            store(session, row)
            before = LEARNWARES.revision(session)
        bus()
        clock.pass_by(31)
        assert Reconciler(database, grace_s=30).scan() == 1
        with database.read() as session:
            [changed] = LEARNWARES.changed_since(session, before)
        assert changed.state is State.EMBEDDING
        assert bus() == ["embedding"]

    def test_the_thread_scans(self, database, clock):
        with database.transaction() as session:
            insert(session)
        before = waiting(database)
        clock.pass_by(31)
        reconciler = Reconciler(database, period_s=0.02, grace_s=30)
        reconciler.start()
        end = time.monotonic() + 60
        while waiting(database) == before and time.monotonic() < end:
            time.sleep(0.01)
        reconciler.stop()
        assert waiting(database) == before + 1
