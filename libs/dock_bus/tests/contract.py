"""What every EventBus does. An adapter's tests inherit from it and give the fixture `bus`."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import replace

import pytest

from dock_bus import Delivery, EventBus, Message, Subscription, UnreadableError
from learndock.errors import FailedPrecondition, InvalidInput, NotFound, Unavailable

QUICK = Subscription(durable="quick", subjects=["dock.>"], max_deliver=3, ack_wait_s=5.0, backoff_s=(0.02,))


def message(subject: str = "dock.thing", data: bytes = b"") -> Message:
    return Message(subject, uuid.uuid4().hex, data)


def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.005)


class Recorder:
    """A handler that remembers, and fails where told to."""

    def __init__(self, fails: Callable[[Delivery], bool] = lambda _: False) -> None:
        self.deliveries: list[tuple[str, int]] = []
        self._fails = fails
        self._lock = threading.Lock()

    def __call__(self, delivery: Delivery) -> None:
        with self._lock:
            self.deliveries.append((delivery.message.event_id, delivery.count))
        if self._fails(delivery):
            raise ValueError("told to fail")

    @property
    def ids(self) -> list[str]:
        with self._lock:
            return [event_id for event_id, _ in self.deliveries]


class EventBusContract:
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

    def test_given_up_after_max_deliver_and_retried_by_hand(self, bus: EventBus):
        broken = threading.Event()
        broken.set()
        recorder = Recorder(lambda _: broken.is_set())
        bus.subscribe(QUICK, recorder)
        sent = message(data=b"kept")
        bus.publish(sent)
        until(lambda: len(bus.dead_letters()) == 1)
        [letter] = bus.dead_letters()
        assert (letter.durable, letter.message, letter.count) == ("quick", sent, 3)
        assert "told to fail" in letter.error
        assert abs(time.time() - letter.at) < 60
        assert [count for _, count in recorder.deliveries] == [1, 2, 3]
        broken.clear()
        bus.retry_dead_letter("quick", sent.event_id)
        until(lambda: recorder.deliveries[-1] == (sent.event_id, 1) and not bus.dead_letters())

    def test_what_nobody_can_read_is_given_up_at_once_and_may_be_retried(self, bus: EventBus):
        readable, other = threading.Event(), Recorder()
        counts: list[int] = []

        def handler(delivery: Delivery) -> None:
            counts.append(delivery.count)
            if not readable.is_set():
                raise UnreadableError("junk")

        bus.subscribe(QUICK, handler)
        bus.subscribe(replace(QUICK, durable="other"), other)
        sent = message(data=b"\xff")
        bus.publish(sent)
        until(lambda: len(bus.dead_letters()) == 1)
        [letter] = bus.dead_letters()
        assert (letter.durable, letter.message, letter.count) == ("quick", sent, 1)
        assert letter.error == "unreadable: junk"
        time.sleep(0.1)
        assert (counts, other.ids) == ([1], [sent.event_id])
        readable.set()
        bus.retry_dead_letter("quick", sent.event_id)
        until(lambda: len(counts) == 2 and not bus.dead_letters())

    def test_a_dead_letter_goes_again_to_its_durable_alone_and_may_die_again(self, bus: EventBus):
        failing, other = Recorder(lambda _: True), Recorder()
        bus.subscribe(replace(QUICK, max_deliver=1), failing)
        bus.subscribe(replace(QUICK, durable="other", subjects=[">"]), other)
        sent = message()
        bus.publish(sent)
        until(lambda: len(bus.dead_letters()) == 1)
        for times in (2, 3):
            bus.retry_dead_letter("quick", sent.event_id)
            until(lambda times=times: len(failing.ids) == times and len(bus.dead_letters()) == 1)
        assert bus.dead_letters()[0].message == sent
        time.sleep(0.1)
        assert other.ids == [sent.event_id]

    def test_dead_letters_of_two_durables_are_two(self, bus: EventBus):
        bus.subscribe(replace(QUICK, max_deliver=1), Recorder(lambda _: True))
        bus.subscribe(replace(QUICK, durable="with.dots and blanks/ü", max_deliver=1), Recorder(lambda _: True))
        sent = message()
        bus.publish(sent)
        until(lambda: len(bus.dead_letters()) == 2)
        assert {letter.durable for letter in bus.dead_letters()} == {"quick", "with.dots and blanks/ü"}
        bus.retry_dead_letter("with.dots and blanks/ü", sent.event_id)
        until(lambda: len(bus.dead_letters()) == 2)

    def test_silence_until_the_last_delivery_is_a_dead_letter(self, bus: EventBus):
        let_go = threading.Event()
        bus.subscribe(replace(QUICK, ack_wait_s=0.3, max_deliver=2, max_in_flight=3), lambda _: let_go.wait(60))
        sent = message(data=b"kept")
        bus.publish(sent)
        until(lambda: len(bus.dead_letters()) == 1, seconds=60)
        let_go.set()
        [letter] = bus.dead_letters()
        assert (letter.durable, letter.message, letter.count) == ("quick", sent, 2)
        assert "no answer" in letter.error

    def test_odd_errors_are_kept_whole_enough(self, bus: EventBus):
        def handler(_: Delivery) -> None:
            raise ValueError("first line\r\nNats-Msg-Id: forged\n\u2028ü\0" + "x" * 100_000)

        bus.subscribe(replace(QUICK, max_deliver=1), handler)
        bus.publish(message(data=b"d" * 900_000))
        until(lambda: len(bus.dead_letters()) == 1)
        [letter] = bus.dead_letters()
        assert "first line\r\nNats-Msg-Id: forged\n\u2028ü\0xxx" in letter.error
        assert letter.message.data == b"d" * 900_000

    def test_no_such_dead_letter(self, bus: EventBus):
        bus.subscribe(QUICK, Recorder())
        for durable in ("quick", "nobody"):
            with pytest.raises(NotFound) as caught:
                bus.retry_dead_letter(durable, "never-sent")
            assert caught.value.reason == "DEAD_LETTER_NOT_FOUND"

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

    def test_the_same_event_id_is_taken_once(self, bus: EventBus):
        recorder = Recorder()
        bus.subscribe(QUICK, recorder)
        sent = message()
        for _ in range(3):
            bus.publish(sent)
        marker = message()
        bus.publish(marker)
        until(lambda: marker.event_id in recorder.ids)
        assert recorder.ids == [sent.event_id, marker.event_id]

    def test_several_at_once_arrive_whole_and_in_their_order(self, bus: EventBus):
        seen: list[Message] = []
        bus.subscribe(QUICK, lambda delivery: seen.append(delivery.message))
        sent = [Message("dock.thing", uuid.uuid4().hex, b"%d" % number, {"n": str(number)}) for number in range(150)]
        assert list(bus.publish_all(sent)) == [None] * 150
        until(lambda: len(seen) >= 150)
        assert seen == sent
        assert list(bus.publish_all([])) == []

    def test_one_among_several_that_no_bus_can_carry_holds_up_none(self, bus: EventBus):
        recorder = Recorder()
        bus.subscribe(QUICK, recorder)
        large, wrong = message(data=b"x" * (1 << 20)), message("elsewhere")
        sent = [message(), large, message(), wrong, message()]
        outcomes = bus.publish_all(sent)
        reasons = [error.reason if isinstance(error, InvalidInput) else error for error in outcomes]
        assert reasons == [None, "MESSAGE_TOO_LARGE", None, "MESSAGE_INVALID", None]
        until(lambda: len(recorder.ids) >= 3)
        assert recorder.ids == [each.event_id for each in sent if each not in (large, wrong)]

    def test_several_at_once_are_taken_once_however_often_they_are_sent(self, bus: EventBus):
        recorder = Recorder()
        bus.subscribe(QUICK, recorder)
        first, second, third = message(), message(), message()
        bus.publish(first)
        for sent in ([first, second, first], [second, third]):
            assert not any(bus.publish_all(sent))
        until(lambda: third.event_id in recorder.ids)
        assert recorder.ids == [each.event_id for each in (first, second, third)]

    def test_a_closed_bus_refuses_each_of_several(self, bus: EventBus):
        bus.close()
        outcomes = bus.publish_all([message(), message()])
        assert [error and error.reason for error in outcomes] == ["BUS_DOWN"] * 2

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

    def test_publishing_from_a_handler(self, bus: EventBus):
        answers = Recorder()
        bus.subscribe(
            replace(QUICK, durable="asks", subjects=["dock.ask"]), lambda _: bus.publish(message("dock.answer"))
        )
        bus.subscribe(replace(QUICK, durable="answers", subjects=["dock.answer"]), answers)
        bus.publish(message("dock.ask"))
        until(lambda: len(answers.ids) == 1)

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

    @pytest.mark.parametrize(
        "wrong",
        [
            Message("", "id", b""), Message("dock", "id", b""), Message("other.thing", "id", b""),
            Message("dock.>", "id", b""), Message("dock..a", "id", b""), Message("dock.a b", "id", b""),
            Message("dock.a\r\nPUB", "id", b""), Message("dock.a", "", b""), Message("dock.a", "i\nd", b""),
            Message("dock.a", "id", b"", {"Nats-Msg-Id": "x"}), Message("dock.a", "id", b"", {"a b": "x"}),
            Message("dock.a", "id", b"", {"a": "x\r\ny"}), Message("dock.a", "id", b"", {"a": "ü"}),
        ],
    )  # fmt: skip
    def test_a_message_that_cannot_travel_is_refused(self, bus: EventBus, wrong):
        with pytest.raises(InvalidInput) as caught:
            bus.publish(wrong)
        assert caught.value.reason == "MESSAGE_INVALID"

    def test_the_largest_message_arrives_and_a_larger_one_is_refused(self, bus: EventBus):
        seen: list[Message] = []
        bus.subscribe(QUICK, lambda delivery: seen.append(delivery.message))
        largest = Message("dock.thing", "an-id", b"x" * (1_000_000), {"empty": "", "with": "a: b, c"})
        bus.publish(largest)
        until(lambda: bool(seen))
        assert seen == [largest]
        with pytest.raises(InvalidInput) as caught:
            bus.publish(message(data=b"x" * (1 << 20)))
        assert caught.value.reason == "MESSAGE_TOO_LARGE"
