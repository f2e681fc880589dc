"""What no bus can carry is set aside, told, and comes back when asked for; the others go on (guarantee G10)."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from dock_bus import EventBus, Message, Subscription
from dock_bus.inprocess import InProcessBus
from dock_bus.tests.contract import Recorder, until
from dock_db import RELAY, DeadLetterRecorder, DeadLetters, Outbox, Relay, SetAside, tables
from dock_db.tests.buses import OneByOne
from dock_db.tests.making import insert
from learndock.errors import NotFound, Unavailable

POISON = {
    "too large": {"payload": b"x" * (2 << 20)},
    "a subject of another kind": {"subject": "dock.two words"},
    "a header of the bus's own": {"headers": '{"Nats-Msg-Id": "another"}'},
    "headers that cannot be read": {"headers": "{"},
    "headers that are none": {"headers": "[1]"},
}


@pytest.fixture
def bus():
    bus = InProcessBus()
    yield bus
    bus.close()


def events(database, count: int) -> list[str]:
    with database.transaction() as session:
        for number in range(count):
            insert(session, content=str(number))
        return [row.event_id for row in Outbox().pending(session)]


def spoil(database, event_id: str, **columns: object) -> None:
    with database.transaction() as session:
        session.execute(update(tables.outbox).where(tables.outbox.c.event_id == event_id).values(**columns))


def drain(database, bus: EventBus) -> None:
    relay = Relay(database, bus)
    while relay.relay():
        pass


@pytest.mark.parametrize("kind", POISON)
def test_the_others_go_on_and_the_poison_is_told(database, bus, kind):
    recorder = Recorder()
    bus.subscribe(Subscription("all", ["dock.>"]), recorder)
    first, poison, last = events(database, 3)
    spoil(database, poison, **POISON[kind])
    drain(database, bus)
    until(lambda: len(recorder.ids) == 2)
    assert recorder.ids == [first, last]
    with database.read() as session:
        [letter] = SetAside().all(session)
        assert Outbox().depth(session)[0] == 0
    assert (letter.durable, letter.message.event_id, letter.count) == (RELAY, poison, 1)
    assert letter.error.strip()


def test_the_way_back(database, bus):
    recorder = Recorder()
    bus.subscribe(Subscription("all", ["dock.>"]), recorder)
    [event] = events(database, 1)
    spoil(database, event, headers='{"a b": "c"}')
    drain(database, bus)
    with database.transaction() as session:
        SetAside().put_back(session, event)
    drain(database, bus)  # it is still poison
    with database.transaction() as session:
        assert [letter.message.event_id for letter in SetAside().all(session)] == [event]
        session.execute(update(tables.dead_letters).values(headers="{}"))  # mended, as by a newer release
        SetAside().put_back(session, event)
        assert SetAside().all(session) == []
        with pytest.raises(NotFound) as caught:
            SetAside().put_back(session, event)
    assert caught.value.reason == "DEAD_LETTER_NOT_FOUND"
    drain(database, bus)
    until(lambda: recorder.ids == [event])


def test_poison_before_a_bus_that_is_down_is_settled_once(database):
    class Down(OneByOne):
        def publish(self, message: Message) -> None:
            raise Unavailable("down", reason="BUS_DOWN")

    poison, waiting = events(database, 2)
    spoil(database, poison, headers="{")
    relay = Relay(database, Down())
    for _ in range(3):
        with pytest.raises(Unavailable):
            relay.relay()
    with database.read() as session:
        assert [letter.message.event_id for letter in SetAside().all(session)] == [poison]
        assert list(session.scalars(select(tables.outbox.c.event_id))) == [waiting]


def test_nobody_delivers_it_past_the_outbox(database, bus):
    """The recorder of the bus inside the process has the same table; what it does not know it leaves alone."""
    [event] = events(database, 1)
    spoil(database, event, headers="{")
    drain(database, bus)
    DeadLetterRecorder(database, bus).record()
    with database.read() as session:
        assert [letter.durable for letter in DeadLetters().all(session)] == [RELAY]
