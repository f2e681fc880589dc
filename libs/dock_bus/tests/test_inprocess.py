from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from dock_bus import Delivery, Subscription
from dock_bus.durable import matches
from dock_bus.inprocess import InProcessBus
from dock_bus.tests.contract import QUICK, EventBusContract, Recorder, message, until
from learndock.errors import Unavailable


@pytest.fixture
def bus():
    bus = InProcessBus()
    yield bus
    bus.close()


class TestInProcessBus(EventBusContract):
    def test_a_full_durable_refuses_and_nobody_gets_half(self):
        bus = InProcessBus(max_waiting=2)
        hold = threading.Event()
        started = threading.Event()
        other = Recorder()

        def handler(_: Delivery) -> None:
            started.set()
            hold.wait(60)

        bus.subscribe(QUICK, handler)
        bus.subscribe(replace(QUICK, durable="other"), other)
        for number in (1, 2, 3):
            bus.publish(message())
            assert started.wait(60)
            until(lambda number=number: len(other.ids) == number)
        with pytest.raises(Unavailable) as caught:
            bus.publish(message())
        assert caught.value.reason == "BUS_FULL"
        assert caught.value.retry_after_s
        hold.set()
        bus.close()
        assert len(other.ids) == 3

    def test_among_several_none_is_taken_past_one_that_was_refused(self):
        bus = InProcessBus(max_waiting=2)
        hold, started = threading.Event(), threading.Event()

        def handler(_: Delivery) -> None:
            started.set()
            hold.wait(60)

        other = Recorder()
        bus.subscribe(replace(QUICK, subjects=["dock.full"]), handler)
        bus.subscribe(replace(QUICK, durable="other", subjects=["dock.empty"]), other)
        bus.publish(message("dock.full"))
        assert started.wait(60)
        late = message("dock.empty")
        sent = [message("dock.full"), message("dock.empty"), message("dock.full"), message("dock.full"), late]
        outcomes = bus.publish_all(sent)
        assert [error and error.reason for error in outcomes] == [None, None, None, "BUS_FULL", "BUS_FULL"]
        hold.set()
        bus.close()
        assert late.event_id not in other.ids

    def test_what_was_refused_can_be_published_later(self):
        bus = InProcessBus(max_waiting=1)
        hold, started = threading.Event(), threading.Event()
        recorder = Recorder()

        def handler(delivery: Delivery) -> None:
            recorder(delivery)
            started.set()
            hold.wait(60)

        bus.subscribe(QUICK, handler)
        sent = [message() for _ in range(3)]
        bus.publish(sent[0])
        assert started.wait(60)
        bus.publish(sent[1])
        with pytest.raises(Unavailable):
            bus.publish(sent[2])
        hold.set()
        until(lambda: len(recorder.ids) == 2)
        bus.publish(sent[2])
        until(lambda: recorder.ids == [each.event_id for each in sent])
        bus.close()

    def test_an_abandoned_durable_forgets_the_oldest(self):
        bus = InProcessBus(max_waiting=3)
        bus.subscribe(QUICK, Recorder())()
        sent = [message() for _ in range(5)]
        for each in sent:
            bus.publish(each)
        recorder = Recorder()
        bus.subscribe(QUICK, recorder)
        until(lambda: len(recorder.ids) == 3)
        assert recorder.ids == [each.event_id for each in sent[2:]]
        bus.close()

    def test_beyond_the_window_an_event_id_is_new(self):
        bus = InProcessBus(window_s=0.0)
        recorder = Recorder()
        bus.subscribe(QUICK, recorder)
        sent = message()
        bus.publish(sent)
        bus.publish(sent)
        until(lambda: len(recorder.ids) == 2)
        bus.close()


def test_no_thread_stays_behind():
    before = threading.active_count()
    bus = InProcessBus()
    for number in range(4):
        bus.subscribe(Subscription(durable=f"d{number}", subjects=[">"], max_in_flight=2), Recorder())
    bus.publish(message())
    bus.close()
    assert threading.active_count() == before


@pytest.mark.parametrize(
    ("pattern", "subject", "expected"),
    [(">", "a", True), ("a.>", "a", False), ("a.>", "a.", False), ("a.>", "a.b.c", True), ("a.b", "a.b", True)],
)
def test_matches(pattern, subject, expected):
    assert matches(pattern, subject) is expected
