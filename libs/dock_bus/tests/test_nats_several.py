"""Several messages published at once, and what becomes of each where the server or the way to it fails."""

from __future__ import annotations

import asyncio
import threading
from contextlib import closing
from dataclasses import replace

import nats
import pytest
from tools.services.nats import NatsServer

from dock_bus import Message
from dock_bus.nats import NatsBus
from dock_bus.settings import BusSettings
from dock_bus.tests.contract import QUICK, Recorder, message, until
from dock_bus.tests.proxy import LossyWay

SETTINGS = BusSettings(timeout_s=1.0, max_bytes=16 << 20)


@pytest.fixture
def bus(own_nats):
    with closing(NatsBus.connect(own_nats.url, SETTINGS)) as bus:
        yield bus


def reasons(outcomes):
    return [error and error.reason for error in outcomes]


def configure(url, **changes):
    """The stream of events, set otherwise by somebody else."""

    async def change():
        client = await nats.connect(url)
        js = client.jetstream()
        await js.update_stream((await js.stream_info("DOCK")).config.evolve(**changes))
        await client.close()

    asyncio.run(change())


def publish_until_taken(bus, sent):
    """As relays do: what was not confirmed is published again, in its order."""
    left = list(sent)

    def is_empty():
        outcomes = bus.publish_all(left)
        assert {error.reason for error in outcomes if error} <= {"BUS_DOWN", "BUS_FULL"}
        left[:] = [each for each, error in zip(left, outcomes, strict=True) if error]
        return not left

    until(is_empty, seconds=60)


def test_a_confirmation_that_is_lost_in_the_middle_is_of_that_one_alone(own_nats):
    way = LossyWay(own_nats.port, lambda body: b'"stream":"DOCK"' in body and b'"seq":3' in body[:40])
    sent = [message() for _ in range(9)]
    recorder = Recorder()
    with closing(way), closing(NatsBus.connect(way.url, SETTINGS)) as bus:
        assert reasons(bus.publish_all(sent)) == [None, None, "BUS_DOWN"] + [None] * 6
        assert way.lost == 1
        bus.subscribe(QUICK, recorder)
        way._loses = lambda _: False
        assert reasons(bus.publish_all([sent[2], message()])) == [None, None]
        until(lambda: len(recorder.ids) >= 10)
    assert recorder.ids[:9] == [each.event_id for each in sent]  # it had been stored, and was so once


def test_one_that_the_stream_does_not_take_holds_up_none(own_nats, bus):
    recorder = Recorder()
    bus.subscribe(QUICK, recorder)
    configure(own_nats.url, max_msg_size=1000)
    sent = [message(), message(data=b"x" * 1000), message()]
    assert reasons(bus.publish_all(sent)) == [None, "MESSAGE_TOO_LARGE", None]
    until(lambda: recorder.ids == [sent[0].event_id, sent[2].event_id])


@pytest.mark.parametrize("size", [999_900, 1_000_100])
def test_a_server_that_takes_less_than_others_says_so_and_keeps_the_connection(size):
    server = NatsServer(more="max_payload: 1000000")
    server.start()
    with closing(server), closing(NatsBus.connect(server.url, SETTINGS)) as bus:
        connected = bus._connection._session
        sent = [message(), Message("dock.thing", "large", b"x" * size, {"a": "b" * 100}), message()]
        assert reasons(bus.publish_all(sent)) == [None, "MESSAGE_TOO_LARGE", None]
        assert bus._connection._session is connected


def test_none_is_taken_past_the_window_after_the_stream_was_full(own_nats, bus):
    configure(own_nats.url, max_msgs=5, discard="new")
    sent = [message() for _ in range(200)]
    assert reasons(bus.publish_all(sent)) == [None] * 5 + ["BUS_FULL"] * 195
    configure(own_nats.url, max_msgs=-1)
    recorder = Recorder()
    bus.subscribe(QUICK, recorder)
    assert not any(bus.publish_all(sent[5:]))
    until(lambda: len(recorder.ids) >= 200)
    assert recorder.ids == [each.event_id for each in sent]


def test_a_stream_that_is_gone_is_made_again_for_all_of_them(own_nats, bus):
    bus.publish(message())
    own_nats.wipe()
    sent = [message() for _ in range(100)]
    recorder = Recorder()
    publish_until_taken(bus, sent)
    bus.subscribe(QUICK, recorder)
    until(lambda: len(recorder.ids) >= 100)
    assert recorder.ids == [each.event_id for each in sent]


def test_what_was_confirmed_before_the_server_died_among_several_is_there(own_nats, bus):
    sent = [message(data=b"x" * 2000) for _ in range(3000)]
    outcomes = []
    publishing = threading.Thread(target=lambda: outcomes.extend(bus.publish_all(sent)))
    some = Recorder()
    bus.subscribe(QUICK, some)
    publishing.start()
    until(lambda: len(some.ids) > 5, seconds=60)
    own_nats.kill()
    publishing.join(60)
    confirmed = [each.event_id for each, error in zip(sent, outcomes, strict=True) if error is None]
    lost = [error for error in outcomes if error is not None]
    assert confirmed
    assert {error.reason for error in lost} == {"BUS_DOWN"}
    own_nats.start()
    late = Recorder()
    until(lambda: bus._connection.is_up, seconds=60)
    bus.subscribe(replace(QUICK, durable="late"), late)
    until(lambda: len(late.ids) >= len(confirmed), seconds=60)
    assert late.ids[: len(confirmed)] == confirmed


@pytest.fixture
def cannot_store(own_nats, bus):
    """The stream of events has failed to write, as on a full disk, and holds on to that."""
    bus._publisher._revival._silent_s = 1.5
    folder = next(own_nats.store.glob("jetstream/*/streams/DOCK/msgs"))
    away = folder.with_name("away")
    folder.rename(away)
    folder.touch()  # no file can be made in it
    try:
        while not any(bus.publish_all([message(data=b"x" * 900_000)])):
            pass
    finally:
        folder.unlink()
        away.rename(folder)


def test_a_stream_that_failed_to_write_once_is_made_anew_when_there_is_room(cannot_store, bus, caplog):
    recorder = Recorder()
    bus.subscribe(QUICK, recorder)
    sent = [message() for _ in range(20)]
    publish_until_taken(bus, sent)
    assert "it was made anew" in caplog.text
    until(lambda: {each.event_id for each in sent} <= set(recorder.ids), seconds=60)


def test_a_server_that_stores_nothing_at_all_is_full_and_keeps_its_stream(cannot_store, own_nats, bus, caplog):
    born = bus._connection.wait(bus._connection._session.js.stream_info("DOCK")).created
    in_its_way = next(own_nats.store.glob("jetstream/*/streams")) / "DOCK_PROBE"
    in_its_way.touch()  # no other stream can be made either
    sent = [message()]
    until(lambda: reasons(bus.publish_all(sent)) == ["BUS_FULL"], seconds=60)
    assert bus._connection.wait(bus._connection._session.js.stream_info("DOCK")).created == born
    in_its_way.unlink(missing_ok=True)
    publish_until_taken(bus, sent)
    assert "it was made anew" in caplog.text
