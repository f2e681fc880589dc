"""What every EventBus takes, refuses and takes once; a part of its contract."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest

from dock_bus import EventBus, Message
from dock_bus.tests.recorder import QUICK, Recorder, message, until
from learndock.errors import InvalidInput


class PublishingContract:
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

    def test_publishing_from_a_handler(self, bus: EventBus):
        answers = Recorder()
        bus.subscribe(
            replace(QUICK, durable="asks", subjects=["dock.ask"]), lambda _: bus.publish(message("dock.answer"))
        )
        bus.subscribe(replace(QUICK, durable="answers", subjects=["dock.answer"]), answers)
        bus.publish(message("dock.ask"))
        until(lambda: len(answers.ids) == 1)

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
