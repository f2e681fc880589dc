from __future__ import annotations

from dataclasses import replace

import pytest

from dock_bus import DeadLetter, Message
from dock_bus.inprocess import InProcessBus
from dock_bus.tests.contract import QUICK, Recorder, message, until
from dock_db import DeadLetterRecorder, DeadLetters
from learndock.errors import NotFound

LETTER = DeadLetter("checking", Message("dock.a", "id", b"\x00\xff", {"trace": "t"}), "ValueError: \0 no", 5, 12.5)


def kept(database, **which):
    with database.read() as session:
        return DeadLetters().all(session, **which)


def ask(database, durable, event_id):
    with database.transaction() as session:
        DeadLetters().ask_again(session, durable, event_id)


@pytest.fixture
def bus():
    bus = InProcessBus()
    yield bus
    bus.close()


def test_letters_are_kept_whole_and_the_newest_of_an_event_stays(database):
    with database.transaction() as session:
        DeadLetters().keep(session, LETTER)
        DeadLetters().keep(session, replace(LETTER, durable="search-0", at=1.0))
        DeadLetters().keep(session, replace(LETTER, count=7, error="é" * 10_000))
    first, second = kept(database)
    assert (first.durable, second.durable, second.count, len(second.error)) == ("search-0", "checking", 7, 4096)
    assert second.message == LETTER.message
    ask(database, "checking", "id")
    assert kept(database, asked_again=True) == [second]
    assert kept(database, asked_again=False) == [first]


def test_what_is_not_there_cannot_be_asked_for(database):
    with pytest.raises(NotFound) as caught:
        ask(database, "checking", "id")
    assert caught.value.reason == "DEAD_LETTER_NOT_FOUND"


def test_what_the_bus_gives_up_is_written_down_and_delivered_again_when_asked_for(database, bus):
    broken = [True]
    recorder = Recorder(lambda _: broken[0])
    bus.subscribe(replace(QUICK, max_deliver=2), recorder)
    keeping = DeadLetterRecorder(database, bus, poll_s=0.02)
    keeping.start()
    sent = message(data=b"kept")
    bus.publish(sent)
    until(lambda: len(kept(database)) == 1)
    ask(database, "quick", sent.event_id)
    until(lambda: [count for _, count in recorder.deliveries] == [1, 2, 1, 2])
    until(lambda: [letter.message for letter in kept(database, asked_again=False)] == [sent])
    broken[0] = False
    ask(database, "quick", sent.event_id)
    until(lambda: not kept(database) and not bus.dead_letters())
    assert [count for _, count in recorder.deliveries] == [1, 2, 1, 2, 1]
    keeping.stop()


def test_a_letter_of_an_earlier_life_is_delivered_once_its_consumer_is_there(database, bus):
    with database.transaction() as session:
        DeadLetters().keep(session, replace(LETTER, durable="quick"))
    ask(database, "quick", "id")
    keeping = DeadLetterRecorder(database, bus)
    keeping.record()
    assert len(kept(database)) == 1
    seen, other = [], Recorder()
    bus.subscribe(replace(QUICK, durable="other"), other)
    bus.subscribe(QUICK, lambda delivery: seen.append((delivery.message, delivery.count)))
    keeping.record()
    until(lambda: bool(seen))
    assert seen == [(LETTER.message, 1)]
    assert (kept(database), other.ids) == ([], [])


def test_stopping_writes_down_what_came_last(database, bus):
    keeping = DeadLetterRecorder(database, bus, poll_s=3600.0)
    keeping.start()
    bus.subscribe(replace(QUICK, max_deliver=1), Recorder(lambda _: True))
    bus.publish(message())
    until(lambda: len(bus.dead_letters()) == 1)
    assert not kept(database)
    keeping.stop()
    assert len(kept(database)) == 1
