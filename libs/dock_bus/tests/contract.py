"""What every EventBus does. An adapter's tests inherit from it and give the fixture `bus`."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import pytest

from dock_bus import Delivery, EventBus, Message
from dock_bus.tests.letters import DeadLetterContract
from dock_bus.tests.publishing import PublishingContract
from dock_bus.tests.recorder import QUICK, Recorder, message, until
from learndock.errors import FailedPrecondition, InvalidInput, Unavailable

__all__ = ["QUICK", "EventBusContract", "Recorder", "message", "until"]


class EventBusContract(PublishingContract, DeadLetterContract):
    def test_a_message_arrives_whole(self, bus: EventBus):
        seen = []
        bus.subscribe(QUICK, lambda delivery: seen.append((delivery.message, delivery.count)))
        sent = Message("dock.thing", "an-id", b"\x00bytes", {"trace": "t"})
        bus.publish(sent)
        until(lambda: bool(seen))
        assert seen == [(sent, 1)]

    def test_subjects_select(self, bus: EventBus):
        exact, below = Recorder(), Recorder()
        bus.subscribe(replace(QUICK, durable="exact", subjects=["dock.a"]), exact)
        bus.subscribe(replace(QUICK, durable="below", subjects=["dock.a.>"]), below)
        sent = [message("dock.a"), message("dock.a.b"), message("dock.ab"), message("dock.a.b.c")]
        for each in sent:
            bus.publish(each)
        until(lambda: len(exact.ids) >= 1 and len(below.ids) >= 2)
        time.sleep(0.05)
        assert exact.ids == [sent[0].event_id]
        assert sorted(below.ids) == sorted([sent[1].event_id, sent[3].event_id])

    def test_members_share_and_durables_each_get_all(self, bus: EventBus):
        first, second, other = Recorder(), Recorder(), Recorder()
        bus.subscribe(QUICK, first)
        bus.subscribe(QUICK, second)
        bus.subscribe(replace(QUICK, durable="other"), other)
        sent = [message() for _ in range(50)]
        for each in sent:
            bus.publish(each)
        until(lambda: len(other.ids) == 50 and len(first.ids) + len(second.ids) == 50)
        assert sorted(first.ids + second.ids) == sorted(other.ids) == sorted(each.event_id for each in sent)

    def test_what_fails_comes_again_after_its_backoff(self, bus: EventBus):
        moments: list[float] = []

        def handler(delivery: Delivery) -> None:
            moments.append(time.monotonic())
            if delivery.count < 3:
                raise ValueError

        bus.subscribe(replace(QUICK, backoff_s=(0.1, 0.2)), handler)
        bus.publish(message())
        until(lambda: len(moments) == 3)
        assert moments[1] - moments[0] >= 0.09
        assert moments[2] - moments[1] >= 0.19
        assert not bus.dead_letters()

    def test_a_failing_message_does_not_hold_up_others(self, bus: EventBus):
        poison = message()
        recorder = Recorder(lambda delivery: delivery.message.event_id == poison.event_id)
        bus.subscribe(replace(QUICK, backoff_s=(600.0,)), recorder)
        bus.publish(poison)
        good = [message() for _ in range(5)]
        for each in good:
            bus.publish(each)
        until(lambda: set(recorder.ids) >= {each.event_id for each in good})
        assert recorder.ids.count(poison.event_id) == 1

    def test_a_silent_handler_loses_the_message_to_another_member(self, bus: EventBus):
        let_go = threading.Event()
        recorder = Recorder()

        def handler(delivery: Delivery) -> None:
            recorder(delivery)
            if delivery.count == 1:
                let_go.wait(60)

        slow = replace(QUICK, ack_wait_s=1.5)  # in which the other member has to answer, on any machine
        bus.subscribe(slow, handler)
        bus.subscribe(slow, handler)
        bus.publish(message())
        until(lambda: [count for _, count in recorder.deliveries] == [1, 2])
        let_go.set()
        time.sleep(0.3)
        assert len(recorder.deliveries) == 2

    def test_in_progress_keeps_the_message(self, bus: EventBus):
        recorder = Recorder()
        done = threading.Event()

        def handler(delivery: Delivery) -> None:
            recorder(delivery)
            for _ in range(6):
                time.sleep(0.3)
                delivery.in_progress()
            done.set()

        slow = replace(QUICK, ack_wait_s=1.5, max_in_flight=2)
        bus.subscribe(slow, handler)
        bus.publish(message())
        assert done.wait(60)
        time.sleep(0.5)
        assert len(recorder.deliveries) == 1

    def test_a_durable_keeps_messages_while_nobody_is_attached(self, bus: EventBus):
        leave = bus.subscribe(QUICK, Recorder())
        leave()
        sent = [message() for _ in range(3)]
        for each in sent:
            bus.publish(each)
        later = Recorder()
        bus.subscribe(QUICK, later)
        until(lambda: len(later.ids) == 3)
        assert later.ids == [each.event_id for each in sent]

    def test_max_in_flight(self, bus: EventBus):
        running, most, lock = 0, 0, threading.Lock()
        ended, full = [], threading.Event()

        def handler(_: Delivery) -> None:
            nonlocal running, most
            with lock:
                running += 1
                most = max(most, running)
            if running == 3:
                full.set()
            full.wait(60)
            time.sleep(0.05)  # in which a fourth would come
            with lock:
                running -= 1
                ended.append(1)

        bus.subscribe(replace(QUICK, max_in_flight=3), handler)
        for _ in range(9):
            bus.publish(message())
        until(lambda: len(ended) == 9)
        assert most == 3

    def test_leaving_waits_for_the_running_handler(self, bus: EventBus):
        started, ended = threading.Event(), threading.Event()

        def handler(_: Delivery) -> None:
            started.set()
            time.sleep(0.2)
            ended.set()

        leave = bus.subscribe(QUICK, handler)
        bus.publish(message())
        assert started.wait(60)
        leave()
        assert ended.is_set()
        leave()

    def test_closing_waits_and_refuses_from_then_on(self, bus: EventBus):
        started, ended = threading.Event(), threading.Event()

        def handler(_: Delivery) -> None:
            started.set()
            time.sleep(0.2)
            ended.set()

        bus.subscribe(QUICK, handler)
        bus.publish(message())
        assert started.wait(60)
        bus.close()
        assert ended.is_set()
        with pytest.raises(Unavailable) as caught:
            bus.publish(message())
        assert caught.value.reason == "BUS_DOWN"
        bus.close()

    def test_a_handler_may_end_its_own_membership(self, bus: EventBus):
        left = threading.Event()
        leaving = []

        def handler(_: Delivery) -> None:
            leaving[0]()
            left.set()

        leaving.append(bus.subscribe(QUICK, handler))
        bus.publish(message())
        assert left.wait(60)

    def test_members_must_agree(self, bus: EventBus):
        bus.subscribe(QUICK, Recorder())
        bus.subscribe(replace(QUICK, max_in_flight=7, subjects=("dock.>",)), Recorder())
        with pytest.raises(FailedPrecondition) as caught:
            bus.subscribe(replace(QUICK, max_deliver=1), Recorder())
        assert caught.value.reason == "DURABLE_CONFLICT"

    def test_who_comes_after_all_have_left_may_subscribe_in_another_way(self, bus: EventBus):
        bus.subscribe(QUICK, Recorder())()
        later = Recorder(lambda _: True)
        bus.subscribe(replace(QUICK, subjects=["dock.other"], max_deliver=1, ack_wait_s=1.0), later)
        bus.publish(message("dock.thing"))
        sent = message("dock.other")
        bus.publish(sent)
        until(lambda: len(bus.dead_letters()) == 1)
        assert later.ids == [sent.event_id]

    def test_overlapping_subjects_are_delivered_once(self, bus: EventBus):
        recorder = Recorder()
        bus.subscribe(replace(QUICK, subjects=["dock.a.>", "dock.a.b", "dock.a.>", "dock.c"]), recorder)
        sent = [message(subject) for subject in ("dock.a.b", "dock.c", "dock.d", "dock.a.c")]
        for each in sent:
            bus.publish(each)
        until(lambda: len(recorder.ids) >= 3)
        time.sleep(0.1)
        assert sorted(recorder.ids) == sorted(each.event_id for each in sent if each.subject != "dock.d")

    def test_an_abandoned_durable_is_forgotten_where_it_may(self, bus: EventBus):
        passing = replace(QUICK, inactive_s=2.0)
        first = Recorder()
        leave = bus.subscribe(passing, first)
        bus.publish(message())
        until(lambda: len(first.ids) == 1)
        leave()
        missed, met = message(), message()
        time.sleep(4.0)
        bus.publish(missed)
        again = Recorder()
        bus.subscribe(passing, again)
        bus.publish(met)
        until(lambda: met.event_id in again.ids)
        assert again.ids == [met.event_id]

    @pytest.mark.parametrize(
        "change",
        [
            {"durable": ""}, {"subjects": []}, {"subjects": ["dock.*"]}, {"max_deliver": 0}, {"ack_wait_s": 0},
            {"max_in_flight": 0}, {"inactive_s": -1},
        ],
    )  # fmt: skip
    def test_a_subscription_without_sense_is_refused(self, bus: EventBus, change):
        with pytest.raises(InvalidInput) as caught:
            bus.subscribe(replace(QUICK, **change), Recorder())
        assert caught.value.reason == "SUBSCRIPTION_INVALID"
