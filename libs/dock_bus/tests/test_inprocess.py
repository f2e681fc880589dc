from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from dock_bus import Delivery, Subscription
from dock_bus.durable import matches
from dock_bus.inprocess import InProcessBus
from dock_bus.tests.contract import QUICK, EventBusContract, Recorder, message, until
from learndock.errors import FailedPrecondition, InvalidInput, Unavailable


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
            hold.wait(10)

        bus.subscribe(QUICK, handler)
        bus.subscribe(replace(QUICK, durable="other"), other)
        for number in (1, 2, 3):
            bus.publish(message())
            assert started.wait(5)
            until(lambda number=number: len(other.ids) == number)
        with pytest.raises(Unavailable) as caught:
            bus.publish(message())
        assert caught.value.reason == "BUS_FULL"
        assert caught.value.retry_after_s
        hold.set()
        bus.close()
        assert len(other.ids) == 3

    def test_what_was_refused_can_be_published_later(self):
        bus = InProcessBus(max_waiting=1)
        hold, started = threading.Event(), threading.Event()
        recorder = Recorder()

        def handler(delivery: Delivery) -> None:
            recorder(delivery)
            started.set()
            hold.wait(10)

        bus.subscribe(QUICK, handler)
        sent = [message() for _ in range(3)]
        bus.publish(sent[0])
        assert started.wait(5)
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

    def test_silence_until_the_last_delivery_is_a_dead_letter(self, bus):
        let_go = threading.Event()
        bus.subscribe(replace(QUICK, ack_wait_s=0.05, max_deliver=2, max_in_flight=3), lambda _: let_go.wait(10))
        bus.publish(message())
        until(lambda: len(bus.dead_letters()) == 1)
        assert "no answer" in bus.dead_letters()[0][2]
        let_go.set()

    def test_a_handler_may_end_its_own_membership(self, bus):
        left = threading.Event()
        leaving = []

        def handler(_: Delivery) -> None:
            leaving[0]()
            left.set()

        leaving.append(bus.subscribe(QUICK, handler))
        bus.publish(message())
        assert left.wait(5)

    def test_members_must_agree(self, bus):
        bus.subscribe(QUICK, Recorder())
        bus.subscribe(replace(QUICK, max_in_flight=7, subjects=("dock.>",)), Recorder())
        with pytest.raises(FailedPrecondition) as caught:
            bus.subscribe(replace(QUICK, max_deliver=1), Recorder())
        assert caught.value.reason == "DURABLE_CONFLICT"

    @pytest.mark.parametrize(
        "change", [{"durable": ""}, {"subjects": []}, {"max_deliver": 0}, {"ack_wait_s": 0}, {"max_in_flight": 0}]
    )
    def test_a_subscription_without_sense_is_refused(self, bus, change):
        with pytest.raises(InvalidInput) as caught:
            bus.subscribe(replace(QUICK, **change), Recorder())
        assert caught.value.reason == "SUBSCRIPTION_INVALID"


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
