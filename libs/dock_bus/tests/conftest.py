from __future__ import annotations

import asyncio
import uuid

import nats
import pytest

from dock_bus.settings import BusSettings
from dock_bus.wire import Wire


@pytest.fixture
def bus_settings(nats_server):
    """A corner of its own on the server that tests share, and gone after the test."""
    chosen = BusSettings(prefix=f"t{uuid.uuid4().hex[:8]}", max_bytes=16 << 20, monitor_url=nats_server.monitor_url)
    yield chosen
    asyncio.run(forget(nats_server.url, Wire(chosen.prefix)))


async def forget(url: str, wire: Wire) -> None:
    client = await nats.connect(url)
    there = {info.config.name for info in await client.jetstream().streams_info()}
    for stream in {wire.events, wire.letters, wire.advisories} & there:
        await client.jetstream().delete_stream(stream)
    await client.close()
