"""What every EventBus does with what is given up; a part of its contract."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import pytest

from dock_bus import Delivery, EventBus, UnreadableError
from dock_bus.tests.recorder import QUICK, Recorder, message, until
from learndock.errors import NotFound


class DeadLetterContract:
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
