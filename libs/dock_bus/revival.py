"""A stream that stores nothing any more: NATS holds on to a failed write, as on a full disk, for as long as it runs.

Neither room nor another configuration nor a purge ends that (2.15.1); a restart does, or a stream made anew under that
name. Events are wake-ups, and what they tell of stands in the database, so the stream may go.
"""

from __future__ import annotations

import asyncio
import logging
import time

import nats.errors
from nats.js.api import StorageType, StreamConfig

from dock_bus.connection import Connection, Session
from learndock.errors import Unavailable

SILENT_S = 20.0
_PROBE_BYTES = 64 << 10
_log = logging.getLogger(__name__)


class Revival:
    """Notices that a server which answers everything else confirms no event, and makes their stream anew.

    Only where another stream of its own takes a message meanwhile: otherwise there is no room, and nothing is done.
    """

    def __init__(self, connection: Connection, silent_s: float = SILENT_S) -> None:
        self._connection = connection
        self._silent_s = silent_s
        self._since: float | None = None

    def heard(self) -> None:
        """The stream answered."""
        self._since = None

    def unheard(self) -> bool:
        """The stream did not answer in time, on a connection that stands; whether it is silent for long."""
        moment = time.monotonic()
        self._since = moment if self._since is None else self._since
        return moment - self._since >= self._silent_s

    async def revive(self, session: Session) -> None:
        """Make the stream anew where only that can help. Unavailable BUS_FULL where there is no room."""
        name = self._connection.wire.events
        born = (await session.js.stream_info(name)).created
        if not await self._has_room(session):
            raise Unavailable(
                "The bus stores nothing: its disk is full, or fails.",
                reason="BUS_FULL",
                hint="Make room on the server's disk; events wait in the database meanwhile, and go on by themselves.",
                retry_after_s=5.0,
            )
        if (await session.js.stream_info(name)).created != born:
            return  # another process was here
        await session.js.delete_stream(name)
        await self._connection.repair(session)
        self.heard()
        _log.warning(
            "the stream %s confirmed nothing for %.0f s although there is room, as after a full disk: it was made anew",
            name,
            self._silent_s,
        )

    async def _has_room(self, session: Session) -> bool:
        wire = self._connection.wire
        config = StreamConfig(name=wire.probe, subjects=[wire.probe_subject], storage=StorageType.FILE, max_msgs=1)
        try:
            await session.js.add_stream(config)
            try:
                await session.js.publish(wire.probe_subject, bytes(_PROBE_BYTES))
            finally:
                await session.js.delete_stream(wire.probe)
        except (nats.errors.Error, asyncio.TimeoutError) as error:
            _log.info("a stream to try whether there is room failed: %s", error or type(error).__name__)
            return False
        return True
