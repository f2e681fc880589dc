"""One thread's pulls from a consumer, through lost connections and wiped servers."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable

import nats.errors
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription as Inbox
from nats.js.api import ConsumerConfig

from dock_bus.connection import Connection, Session, said
from learndock.errors import DockError

_log = logging.getLogger(__name__)
_EXPIRES_S = 20.0
_GRACE_S = 5.0
_LOOK_S = 0.2
_LONGEST_PAUSE_S = 2.0
_SAY_AGAIN_S = 60.0
_TROUBLE = (nats.errors.Error, OSError, asyncio.TimeoutError, DockError)


class Puller:
    """Asks for one message at a time. Its coroutines run on the connection's loop, one at a time."""

    def __init__(self, connection: Connection, stream: str, config: ConsumerConfig) -> None:
        self._connection = connection
        self._stream = stream
        self._config = config
        self._arrived: asyncio.Queue[Msg | None] = asyncio.Queue()
        self._session: Session | None = None
        self._inbox: Inbox | None = None
        self._asked = False
        self._pause_s = 0.1
        self._said_at = -_SAY_AGAIN_S

    def wake(self) -> None:
        """Let `next` look whether it is to stop."""
        self._arrived.put_nowait(None)

    async def ask_ahead(self, session: Session) -> None:
        """Ask for the next message while its thread still waits for the confirmation of its answer."""
        if self._session is session and session.is_alive and not self._asked:
            await self._ask()

    async def next(self, stopped: Callable[[], bool]) -> Msg | None:
        """The next message, however long it takes. None once `stopped`, when nothing is left that had come already."""
        while not stopped():
            try:
                msg = await self._once()
                self._pause_s = 0.1
            except _TROUBLE as error:
                self._say(error)
                await self._shut()
                await asyncio.sleep(self._pause_s)
                self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)
                continue
            if msg is not None:
                return msg
        await self._shut()
        return self._left()

    def _say(self, error: Exception) -> None:
        """Aloud where it lasts though the server is there: nobody else would tell."""
        lasts = self._connection.is_up and self._pause_s >= _LONGEST_PAUSE_S
        aloud = lasts and time.monotonic() - self._said_at > _SAY_AGAIN_S
        if aloud:
            self._said_at = time.monotonic()
        level = logging.WARNING if aloud else logging.DEBUG
        _log.log(level, "%s cannot be pulled from: %s", self._config.durable_name, said(error))

    async def _once(self) -> Msg | None:
        """A message, or None when it is time to look around."""
        if self._session is None or not self._session.is_alive:
            await self._shut()
            left = self._left()
            if left is not None:
                return left
            await self._open(await self._connection.session(_LOOK_S))
        if not self._asked:
            await self._ask()
        try:
            msg = await asyncio.wait_for(self._arrived.get(), _EXPIRES_S + _GRACE_S)
        except asyncio.TimeoutError:
            await self._shut()  # the request was lost on its way
            return self._left()
        if msg is None:
            return None
        self._asked = False
        return await self._read(msg)

    async def _read(self, msg: Msg) -> Msg | None:
        status = (msg.headers or {}).get("Status", "")
        if msg.reply and msg.reply.startswith("$JS.ACK."):
            return msg
        if status not in ("404", "408"):  # 404 and 408: nothing came
            _log.info("%s is not to be had from the bus (%s): looking after it", self._config.durable_name, status)
            await self._shut()
            await asyncio.sleep(0.05)
        return None

    async def _open(self, session: Session) -> None:
        await self._connection.ensure(session, self._stream, self._config)
        self._inbox = await session.client.subscribe(session.client.new_inbox(), cb=self._put)
        self._session = session
        session.waiting.add(self._arrived)

    async def _put(self, msg: Msg) -> None:
        self._arrived.put_nowait(msg)

    async def _ask(self) -> None:
        assert self._session is not None  # _open was called
        assert self._inbox is not None
        wanted = {"batch": 1, "expires": int(_EXPIRES_S * 1e9)}
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._config.durable_name}"
        await self._session.client.publish(subject, json.dumps(wanted).encode(), reply=self._inbox.subject)
        self._asked = True

    async def _shut(self) -> None:
        """Give the inbox up; what was on its way still arrives."""
        session, inbox = self._session, self._inbox
        self._session, self._inbox, self._asked = None, None, False
        if session is None or inbox is None:
            return
        session.waiting.discard(self._arrived)
        try:
            if session.is_alive:
                await asyncio.wait_for(inbox.drain(), _GRACE_S)  # type: ignore[no-untyped-call]
        except _TROUBLE as error:
            _log.debug("an inbox did not end well: %s", said(error))

    def _left(self) -> Msg | None:
        while not self._arrived.empty():
            msg = self._arrived.get_nowait()
            if msg is not None and msg.reply and msg.reply.startswith("$JS.ACK."):
                return msg
        return None
