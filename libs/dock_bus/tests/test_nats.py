from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import nats
import pytest
from nats.js.api import AckPolicy, ConsumerConfig
from tools.services.nats import NatsServer

from dock_bus import Delivery, Message
from dock_bus.nats import NatsBus
from dock_bus.tests.contract import QUICK, EventBusContract, Recorder, message, until
from dock_bus.wire import Wire
from learndock.errors import InvalidInput

MEMBER = Path(__file__).with_name("member.py")


@pytest.fixture
def bus(nats_server, bus_settings):
    bus = NatsBus.connect(nats_server.url, bus_settings)
    yield bus
    bus.close()


def on_server(url, call):
    """Something done to the server by somebody else: an async function of a client and its JetStream."""

    async def do():
        client = await nats.connect(url)
        try:
            return await call(client, client.jetstream())
        finally:
            await client.close()

    return asyncio.run(do())


@contextmanager
def member(url, settings, durable, mode, *numbers):
    """A member in another process, and the lines that it says."""
    command = [sys.executable, str(MEMBER), url, settings.prefix, durable, mode, *map(str, numbers)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    lines = _Lines(process)
    try:
        yield lines
    finally:
        process.stdin.close()
        process.wait(60)
        lines.reader.join()
        process.stdout.close()


class _Lines:
    def __init__(self, process):
        self.process = process
        self.said: list[str] = []
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.said.append(line.strip())

    @property
    def ids(self):
        return [line.split()[0] for line in self.said if line != "ready"]


class TestNatsBus(EventBusContract):
    def test_members_in_several_processes_share(self, bus, nats_server, bus_settings):
        with (
            member(nats_server.url, bus_settings, "quick", "take") as one,
            member(nats_server.url, bus_settings, "quick", "take") as two,
        ):
            until(lambda: "ready" in one.said and "ready" in two.said, seconds=60)
            sent = [message() for _ in range(200)]
            for each in sent:
                bus.publish(each)
            until(lambda: len(one.ids) + len(two.ids) == 200, seconds=60)
            assert sorted(one.ids + two.ids) == sorted(each.event_id for each in sent)
            assert one.ids
            assert two.ids

    def test_what_a_killed_member_held_goes_to_another(self, bus, nats_server, bus_settings):
        with member(nats_server.url, bus_settings, "quick", "die", 1.0, 3) as dying:
            until(lambda: "ready" in dying.said, seconds=60)
            sent = message()
            bus.publish(sent)
            until(lambda: dying.process.poll() is not None, seconds=60)
        assert dying.said == ["ready", f"{sent.event_id} 1"]
        recorder = Recorder()
        bus.subscribe(replace(QUICK, ack_wait_s=1.0), recorder)
        until(lambda: recorder.deliveries[:1] == [(sent.event_id, 2)])
        assert not bus.dead_letters()

    def test_a_death_at_the_last_delivery_is_a_dead_letter_though_nobody_was_there(
        self, bus, nats_server, bus_settings
    ):
        sent = message(data=b"kept")
        with member(nats_server.url, bus_settings, "quick", "die", 1.0, 1) as dying:
            until(lambda: "ready" in dying.said, seconds=60)
            bus.publish(sent)
            until(lambda: dying.process.poll() is not None, seconds=60)
        assert not bus.dead_letters()
        recorder = Recorder()
        bus.subscribe(replace(QUICK, ack_wait_s=1.0, max_deliver=1), recorder)
        until(lambda: len(bus.dead_letters()) == 1, seconds=60)
        assert bus.dead_letters()[0].message == sent
        assert recorder.ids == []
        bus.retry_dead_letter("quick", sent.event_id)
        until(lambda: recorder.deliveries == [(sent.event_id, 1)])

    def test_what_no_dock_published_is_a_dead_letter_and_holds_nobody_up(self, bus, nats_server, bus_settings):
        wire = Wire(bus_settings.prefix)

        def handler(delivery: Delivery) -> None:
            json.loads(delivery.message.data)

        seen = Recorder()
        bus.subscribe(replace(QUICK, max_deliver=5), handler)
        bus.subscribe(replace(QUICK, durable="other"), seen)

        async def publish(client, js):
            await js.publish(wire.subject("dock.thing"), b"\xff")
            await js.publish(wire.subject("dock.thing"), b"\xff", headers={"Dock-Subject": "", "Odd": "\u00fc"})
            longest = b"\xff" * ((1 << 20) - (32 << 10))
            await js.publish(wire.subject("dock.thing"), longest, headers={"Nats-Msg-Id": "x" * 3000})

        on_server(nats_server.url, publish)
        good = Message("dock.thing", "good", b"{}")
        bus.publish(good)
        until(lambda: len(bus.dead_letters()) == 3 and "good" in seen.ids)
        assert {letter.count for letter in bus.dead_letters()} == {5}
        assert [set(letter.message.data) for letter in bus.dead_letters()] == [{255}] * 3
        for letter in bus.dead_letters():
            bus.retry_dead_letter(letter.durable, letter.message.event_id)
        until(lambda: len(bus.dead_letters()) == 3)

    def test_what_is_too_large_for_the_stream_is_not_taken_from_anybody(self, bus, nats_server, bus_settings):
        async def publish(client, js):
            with pytest.raises(nats.errors.Error):
                await js.publish(Wire(bus_settings.prefix).subject("dock.thing"), b"x" * ((1 << 20) - 1000))

        on_server(nats_server.url, publish)

    def test_deleted_streams_are_made_again_and_all_goes_on(self, bus, nats_server, bus_settings):
        wire, recorder, passing = Wire(bus_settings.prefix), Recorder(), Recorder()
        bus.subscribe(QUICK, recorder)
        bus.subscribe(replace(QUICK, durable="passing", inactive_s=60.0), passing)
        bus.publish(message())
        until(lambda: len(recorder.ids) == len(passing.ids) == 1)

        async def delete(client, js):
            for stream in (wire.events, wire.letters, wire.advisories):
                await js.delete_stream(stream)

        on_server(nats_server.url, delete)
        sent = message()
        bus.publish(sent)
        until(lambda: sent.event_id in recorder.ids and sent.event_id in passing.ids)

    def test_a_deleted_stream_of_dead_letters_takes_the_next_one(self, bus, nats_server, bus_settings):
        bus.subscribe(QUICK, Recorder(lambda _: True))

        async def delete(client, js):
            await js.delete_stream(Wire(bus_settings.prefix).letters)

        on_server(nats_server.url, delete)
        sent = message()
        bus.publish(sent)
        until(lambda: [letter.message.event_id for letter in bus.dead_letters()] == [sent.event_id])
        assert "no answer" not in bus.dead_letters()[0].error

    def test_a_deleted_consumer_is_made_again(self, bus, nats_server, bus_settings):
        recorder = Recorder()
        bus.subscribe(QUICK, recorder)

        async def delete(client, js):
            await js.delete_consumer(Wire(bus_settings.prefix).events, "quick")

        on_server(nats_server.url, delete)
        sent = message()
        bus.publish(sent)
        until(lambda: sent.event_id in recorder.ids)

    def test_a_consumer_that_cannot_be_had_is_told_of(self, bus, nats_server, bus_settings, caplog):
        wire = Wire(bus_settings.prefix)

        async def occupy(client, js):
            taken = ConsumerConfig(durable_name="quick", deliver_subject="elsewhere", ack_policy=AckPolicy.EXPLICIT)
            await js.add_consumer(wire.events, taken)

        on_server(nats_server.url, occupy)
        bus.subscribe(QUICK, Recorder())
        until(lambda: "quick cannot be pulled from" in caplog.text, seconds=60.0)

    def test_the_settings_of_today_reach_streams_of_yesterday(self, bus, nats_server, bus_settings):
        changed = bus_settings.model_copy(update={"max_age_s": 1234.0, "max_bytes": 32 << 20})
        NatsBus.connect(nats_server.url, changed).close()

        async def look(client, js):
            return (await js.stream_info(Wire(bus_settings.prefix).events)).config

        config = on_server(nats_server.url, look)
        assert (config.max_age, config.max_bytes, config.duplicate_window) == (1234.0, 32 << 20, 120.0)

    def test_docks_with_different_prefixes_do_not_meet(self, bus, nats_server, bus_settings, request):
        other_settings = bus_settings.model_copy(update={"prefix": f"{bus_settings.prefix}x"})
        other = NatsBus.connect(nats_server.url, other_settings)
        mine, theirs = Recorder(), Recorder()
        bus.subscribe(QUICK, mine)
        other.subscribe(QUICK, theirs)
        sent = [message(), message()]
        bus.publish(sent[0])
        other.publish(sent[1])
        until(lambda: bool(mine.ids and theirs.ids))
        other.close()
        assert (mine.ids, theirs.ids) == ([sent[0].event_id], [sent[1].event_id])

        async def delete(client, js):
            wire = Wire(other_settings.prefix)
            for stream in (wire.events, wire.letters, wire.advisories):
                await js.delete_stream(stream)

        on_server(nats_server.url, delete)


def test_no_thread_stays_behind(nats_server, bus_settings):
    before = threading.active_count()
    bus = NatsBus.connect(nats_server.url, bus_settings)
    for number in range(3):
        bus.subscribe(replace(QUICK, durable=f"d{number}", max_in_flight=2), Recorder())
    bus.publish(message())
    bus.close()
    bus.close()
    assert threading.active_count() == before


def test_what_this_server_will_not_take_is_the_messages_fault_and_not_the_servers(bus_settings):
    server = NatsServer(more="max_payload: 65536")
    server.start()
    try:
        bus = NatsBus.connect(server.url, bus_settings)
        with pytest.raises(InvalidInput) as caught:
            bus.publish(message(data=b"x" * 100_000))
        assert caught.value.reason == "MESSAGE_TOO_LARGE"
        bus.publish(message(data=b"x" * 10_000))
        bus.close()
    finally:
        server.close()
