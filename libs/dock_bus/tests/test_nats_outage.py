"""The server goes and comes, and loses what it had."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import closing
from dataclasses import replace

import pytest
from tools.services.nats import NatsServer

from dock_bus import Delivery
from dock_bus.durability import writes_through
from dock_bus.nats import NatsBus
from dock_bus.settings import BusSettings
from dock_bus.tests.contract import QUICK, Recorder, message, until
from learndock.errors import FailedPrecondition, InvalidInput, Unavailable

SETTINGS = BusSettings(timeout_s=1.0, max_bytes=16 << 20)


@pytest.fixture
def server(own_nats):
    return own_nats


@pytest.fixture
def bus(server):
    bus = NatsBus.connect(server.url, SETTINGS)
    yield bus
    bus.close()


def publish_when_possible(bus, each):
    """As the relay does."""

    def taken():
        try:
            bus.publish(each)
        except Unavailable as error:
            assert error.reason == "BUS_DOWN"
            return False
        return True

    until(taken, seconds=60)


def test_it_waits_for_a_server_that_is_not_there_and_says_so(server, caplog):
    server.stop()
    caplog.set_level(logging.INFO, "dock_bus")
    bus = NatsBus.connect(server.url, SETTINGS)
    recorder = Recorder()
    leave = bus.subscribe(replace(QUICK, durable="leaves"), Recorder())
    bus.subscribe(QUICK, recorder)
    leave()
    with pytest.raises(Unavailable) as caught:
        bus.publish(message())
    assert (caught.value.reason, caught.value.retry_after_s) == ("BUS_DOWN", 1.0)
    with pytest.raises(Unavailable):
        bus.dead_letters()
    assert f"waiting for the bus at {server.url}" in caplog.text
    server.start()
    sent = message()
    publish_when_possible(bus, sent)
    until(lambda: recorder.ids == [sent.event_id], seconds=60)
    assert f"connected to the bus at {server.url}" in caplog.text
    bus.close()


def test_closing_does_not_wait_for_a_server_that_is_not_there(server):
    server.stop()
    bus = NatsBus.connect(server.url, SETTINGS)
    bus.subscribe(QUICK, Recorder())
    closing = threading.Thread(target=bus.close)
    closing.start()
    closing.join(60)
    assert not closing.is_alive()


def test_a_connection_that_goes_as_soon_as_it_came_is_no_connection(server, bus):
    server.stop()
    connection = bus._connection
    until(lambda: not connection.is_up)

    def comes_and_goes() -> None:
        connection._up.set()
        connection._lose()

    moments = threading.Timer(0.2, connection.call_soon, [comes_and_goes])
    moments.start()
    with pytest.raises(Unavailable) as caught:
        bus.publish(message())
    assert caught.value.reason == "BUS_DOWN"
    moments.join()


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_restart_in_the_middle_loses_nothing(server, bus, how):
    recorder = Recorder(lambda delivery: delivery.count == 1 and delivery.message.event_id.startswith("0"))
    bus.subscribe(replace(QUICK, max_in_flight=4, max_deliver=20, ack_wait_s=1.0), recorder)
    sent = [message() for _ in range(300)]

    def publish():
        for each in sent:
            publish_when_possible(bus, each)

    publishing = threading.Thread(target=publish)
    publishing.start()
    until(lambda: len(recorder.ids) > 50, seconds=60)
    getattr(server, how)()
    time.sleep(0.3)
    server.start()
    publishing.join(120)
    assert not publishing.is_alive()
    until(lambda: set(recorder.ids) == {each.event_id for each in sent}, seconds=60)
    until(lambda: not bus.dead_letters())


def test_what_a_handler_held_while_the_server_was_away_is_still_answered(server, bus):
    held, go_on = threading.Event(), threading.Event()
    recorder = Recorder()

    def handler(delivery: Delivery) -> None:
        recorder(delivery)
        held.set()
        go_on.wait(60)

    bus.subscribe(replace(QUICK, ack_wait_s=60.0), handler)
    bus.publish(message())
    assert held.wait(60)
    server.stop()
    server.start()
    publish_when_possible(bus, message("dock.thing"))
    go_on.set()
    until(lambda: len(recorder.ids) == 2, seconds=60)
    assert [count for _, count in recorder.deliveries] == [1, 1]


def test_a_wiped_server_gets_everything_again_and_consumption_goes_on(server, bus):
    recorder, passing = Recorder(), Recorder()
    bus.subscribe(QUICK, recorder)
    bus.subscribe(replace(QUICK, durable="passing", inactive_s=60.0), passing)
    poison = Recorder(lambda _: True)
    bus.subscribe(replace(QUICK, durable="poison", max_deliver=1), poison)
    publish_when_possible(bus, message())
    until(lambda: len(recorder.ids) == len(passing.ids) == len(bus.dead_letters()) == 1)
    server.wipe()
    sent = [message() for _ in range(20)]
    for each in sent:
        publish_when_possible(bus, each)
    wanted = {each.event_id for each in sent}
    until(lambda: wanted <= set(recorder.ids) and wanted <= set(passing.ids), seconds=60)
    until(lambda: {letter.message.event_id for letter in bus.dead_letters()} == wanted, seconds=60)


def test_a_server_that_may_lose_what_it_confirmed_is_warned_of_or_refused(server, caplog, tmp_path):
    demanding = SETTINGS.model_copy(update={"require_sync": True})
    with closing(NatsBus.connect(server.url, demanding.model_copy(update={"monitor_url": server.monitor_url}))) as bus:
        bus.publish(message())
    assert "power cut" not in caplog.text
    lax = NatsServer(tmp_path, more=f'jetstream {{ store_dir: "{tmp_path / "lax"}" }}')
    lax.start()
    try:
        with closing(NatsBus.connect(lax.url, SETTINGS.model_copy(update={"monitor_url": lax.monitor_url}))) as bus:
            bus.publish(message())
        assert "a power cut may lose them" in caplog.text
        with pytest.raises(FailedPrecondition) as caught:
            NatsBus.connect(lax.url, demanding.model_copy(update={"monitor_url": lax.monitor_url}))
        assert caught.value.reason == "BUS_NOT_DURABLE"
    finally:
        lax.close()
    with pytest.raises(InvalidInput) as invalid:
        NatsBus.connect(server.url, demanding)
    assert invalid.value.reason == "BUS_MONITOR_MISSING"


@pytest.mark.parametrize("monitor", ["http://127.0.0.1:9", "ftp://somewhere", "nonsense"])
def test_a_monitoring_address_that_tells_nothing_is_only_logged_where_nothing_depends_on_it(server, caplog, monitor):
    with closing(NatsBus.connect(server.url, SETTINGS.model_copy(update={"monitor_url": monitor}))) as bus:
        bus.publish(message())
    assert "monitor" in caplog.text.lower()
    assert "is not known" in caplog.text


def test_a_monitoring_address_that_tells_nothing_is_told_of_with_why_and_what_to_set(server):
    places = {
        "http://127.0.0.1:9": "connection refused",
        f"{server.monitor_url}/nothing": "it answered 404",
        # The port for clients, who are greeted with something that is no HTTP.
        server.url.replace("nats:", "http:"): "no monitoring of a NATS server",
        server.monitor_url.replace("http:", "https:"): "no TLS connection",
    }
    for place, why in places.items():
        with pytest.raises(Unavailable) as caught:
            writes_through(SETTINGS.model_copy(update={"monitor_url": place}))
        told = f"{caught.value.message} {caught.value.hint}"
        assert why in told
        assert "DOCK_BUS_MONITOR_URL" in told
        assert not any(word in told for word in ("URLError", "HTTPError", "BadStatusLine"))
