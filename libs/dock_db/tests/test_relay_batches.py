"""What a relay does with many events at once: only what was confirmed goes, and a bus that is behind is given less."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import closing

from dock_bus import Delivery, Message, Subscription
from dock_bus.nats import NatsBus
from dock_bus.settings import BusSettings
from dock_db import Database, Outbox, Relay, SetAside, once
from dock_db.pace import SLOW_S, Pace
from dock_db.tests.making import insert
from learndock.errors import DockError, InvalidInput, Unavailable

LOST = Unavailable("not confirmed", reason="BUS_DOWN")


class Picky:
    """A bus that answers for each event as it is told to; it has what it lost the answer to."""

    def __init__(self) -> None:
        self.answers: dict[str, DockError] = {}
        self.given: list[list[str]] = []
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.reached = threading.Event()

    def publish_all(self, messages: Sequence[Message]) -> Sequence[DockError | None]:
        self.given.append([message.event_id for message in messages])
        self.reached.set()
        assert self.may_go_on.wait(60)
        return [self.answers.get(message.event_id) for message in messages]

    @property
    def sizes(self) -> list[int]:
        return [len(ids) for ids in self.given]


def fill(database: Database, count: int) -> list[str]:
    with database.transaction() as session:
        for number in range(count):
            insert(session, content=str(number))
    return waiting(database)


def waiting(database: Database) -> list[str]:
    with database.read() as session:
        return [row.event_id for row in Outbox().pending(session, 10_000)]


def relay(one: Relay) -> bool:
    """Whether the bus took all of a batch."""
    try:
        one.relay()
    except Unavailable:
        return False
    return True


def test_one_event_without_a_confirmation_stays_and_those_around_it_go(database):
    bus = Picky()
    events = fill(database, 9)
    bus.answers[events[4]] = LOST
    one = Relay(database, bus)
    assert not relay(one)
    assert waiting(database) == [events[4]]
    bus.answers.clear()
    assert relay(one)
    assert waiting(database) == []
    assert bus.given == [events, [events[4]]]


def test_one_event_that_no_bus_can_carry_is_set_aside_from_among_the_others(database):
    bus = Picky()
    events = fill(database, 9)
    bus.answers[events[4]] = InvalidInput("too large", reason="MESSAGE_TOO_LARGE")
    one = Relay(database, bus)
    assert one.relay() == 9
    assert waiting(database) == []
    with database.read() as session:
        assert [letter.message.event_id for letter in SetAside().all(session)] == [events[4]]


def test_a_bus_that_is_behind_is_given_less_and_more_again(database):
    bus = Picky()
    events = fill(database, 100)
    bus.answers = dict.fromkeys(events, LOST)
    one = Relay(database, bus)
    assert not any(relay(one) for _ in range(9))
    assert bus.sizes == [100, 50, 25, 12, 6, 3, 1, 1, 1]
    bus.answers, bus.given = {}, []
    assert relay(one)
    assert bus.sizes == [1, 2, 4, 8, 16, 32, 37]
    assert [event for ids in bus.given for event in ids] == events
    assert waiting(database) == []


def test_the_pace_follows_what_it_sees():
    pace = Pace(100)
    pace.note(2 * SLOW_S, whole=True)
    pace.note(0.0, whole=False)
    assert pace.size == 25
    for _ in range(3):
        pace.note(0.0, whole=True)
    assert pace.size == 100


def test_stopping_ends_a_batch_after_what_is_on_its_way(database):
    bus = Picky()
    events = fill(database, 60)
    bus.answers = dict.fromkeys(events, LOST)
    one = Relay(database, bus, poll_s=60)
    for _ in range(4):
        relay(one)
    bus.answers, bus.given = {}, []
    bus.reached.clear()
    bus.may_go_on.clear()
    one.start()
    assert bus.reached.wait(60)
    stopping = threading.Thread(target=one.stop)
    stopping.start()
    while not one._stopping.is_set():
        time.sleep(0.001)
    bus.may_go_on.set()
    stopping.join()
    assert bus.given == [events[:6]]
    assert waiting(database) == events[6:]


def test_a_server_that_dies_amid_a_batch_has_what_left_the_outbox(database, own_nats):
    events = fill(database, 400)
    seen: list[str] = []

    def handler(delivery: Delivery) -> None:
        with database.transaction(wake=False) as session:
            if once(session, "effect", delivery.message.event_id):
                seen.append(delivery.message.event_id)

    def dies_on_the_way() -> None:
        while len(waiting(database)) > 250:
            time.sleep(0.001)
        own_nats.kill()
        time.sleep(0.2)
        own_nats.start()

    with closing(NatsBus.connect(own_nats.url, BusSettings(timeout_s=1.0, max_bytes=16 << 20))) as bus:
        death = threading.Thread(target=dies_on_the_way)
        death.start()
        one, end = Relay(database, bus), time.monotonic() + 120
        while waiting(database) and time.monotonic() < end:
            relay(one)
        death.join()
        bus.subscribe(Subscription("effect", ["dock.>"], max_in_flight=2), handler)
        while len(seen) < len(events) and time.monotonic() < end:
            time.sleep(0.01)
    assert sorted(seen) == sorted(events)
