from __future__ import annotations

import asyncio
import uuid

import nats
import pytest

from dock_bus.nats import NatsBus
from dock_bus.settings import BusSettings
from dock_bus.tests.contract import EventBusContract
from dock_bus.wire import Wire


@pytest.fixture
def settings(nats_server):
    """A corner of its own on the server that tests share, and gone after the test."""
    chosen = BusSettings(prefix=f"t{uuid.uuid4().hex[:8]}", max_bytes=16 << 20, monitor_url=nats_server.monitor_url)
    yield chosen
    asyncio.run(forget(nats_server.url, Wire(chosen.prefix)))


async def forget(url: str, wire: Wire) -> None:
    client = await nats.connect(url)
    for stream in (wire.events, wire.letters, wire.advisories):
        await client.jetstream().delete_stream(stream)
    await client.close()


@pytest.fixture
def bus(nats_server, settings):
    bus = NatsBus.connect(nats_server.url, settings)
    yield bus
    bus.close()


class TestNatsBus(EventBusContract):
    pass
