"""A durable on NATS: members pull one message at a time from its consumer, and answer each by itself."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import nats.errors
from nats.aio.msg import Msg
from nats.js.api import ConsumerConfig

from dock_bus.connection import Connection, Session, said
from dock_bus.port import Delivery, Message, Subscription
from dock_bus.pulling import Puller
from learndock.errors import DockError

_log = logging.getLogger(__name__)
_EARLY = 0.98
"""Share of the ack deadline after which an answer counts no more: the server's clock began before ours, and it takes a
late answer for the answer to the next delivery (nats-server#4786)."""


@dataclass(eq=False)
class Held:
    """A message in a handler's hands, until `deadline` by the monotonic clock."""

    message: Message
    count: int
    sequence: int
    reply: str
    deadline: float


Bury = Callable[[Session, Held, str], Awaitable[None]]


class PulledDurable:
    """The Source of one member. `bury` is called with what failed at its last delivery."""

    def __init__(
        self, connection: Connection, stream: str, config: ConsumerConfig, subscription: Subscription, bury: Bury
    ) -> None:
        self._connection = connection
        self._subscription = subscription
        self._stream = stream
        self._config = config
        self._bury = bury
        self._own = threading.local()
        self._pullers: list[Puller] = []

    def take(self, stopped: Callable[[], bool]) -> tuple[Held, Delivery] | None:
        """Wait for the next delivery; None once `stopped`."""
        puller = getattr(self._own, "puller", None)
        if puller is None:
            puller = self._own.puller = Puller(self._connection, self._stream, self._config)
            self._pullers.append(puller)
        try:
            msg = self._connection.wait(puller.next(stopped))
        except DockError:  # closed
            return None
        return None if msg is None else self._hold(msg)

    def ack(self, token: Held) -> bool:
        """Confirm, and wait until the server has confirmed that. False where the answer does not count."""
        if time.monotonic() > token.deadline:
            return False
        puller: Puller | None = getattr(self._own, "puller", None)

        async def ask(session: Session) -> None:
            answer = session.client.request(token.reply, b"+ACK", timeout=self._connection.settings.timeout_s)
            await asyncio.gather(answer, *([puller.ask_ahead(session)] if puller is not None else []))

        return self._done(ask, "an answer did not reach the bus")

    def nak(self, token: Held, error: str) -> None:
        """The message comes again after its backoff, or is put among the dead letters."""
        if time.monotonic() > token.deadline:
            return  # the server has given it to somebody else, or will say that it has given it up
        if token.count >= self._subscription.max_deliver:
            self.give_up(token, error)
            return
        steps = self._subscription.backoff_s
        delay_s = steps[min(token.count, len(steps)) - 1] if steps else 0.0
        self._answer(token, b"-NAK " + json.dumps({"delay": int(delay_s * 1e9)}).encode())

    def give_up(self, token: Held, error: str) -> None:
        """Put the message among the dead letters, and let it not come again."""
        if time.monotonic() <= token.deadline and self._put_away(token, error):
            self._answer(token, b"+TERM")

    def wake(self) -> None:
        """Let waiting threads look whether they are to stop."""
        for puller in list(self._pullers):
            self._connection.call_soon(puller.wake)

    def _hold(self, msg: Msg) -> tuple[Held, Delivery]:
        about = msg.metadata
        message = self._connection.wire.message(msg.subject, msg.headers, msg.data, about.sequence.stream)
        held = Held(message, about.num_delivered, about.sequence.stream, msg.reply, self._deadline())
        return held, Delivery(message, held.count, lambda: self._extend(held))

    def _extend(self, held: Held) -> None:
        if time.monotonic() < held.deadline:
            held.deadline = self._deadline()
            self._connection.call_soon(lambda: self._connection.loop.create_task(self._say_working(held)))

    def _deadline(self) -> float:
        return time.monotonic() + _EARLY * self._subscription.ack_wait_s

    async def _say_working(self, held: Held) -> None:
        try:
            session = await self._connection.session(self._subscription.ack_wait_s)
            await session.client.publish(held.reply, b"+WPI")
        except (nats.errors.Error, OSError, asyncio.TimeoutError, DockError) as error:
            _log.debug("the bus could not be told of work in progress: %s", said(error))

    def _answer(self, held: Held, answer: bytes) -> bool:
        async def ask(session: Session) -> None:
            await session.client.request(held.reply, answer, timeout=self._connection.settings.timeout_s)

        return self._done(ask, "an answer did not reach the bus")

    def _put_away(self, held: Held, error: str) -> bool:
        async def put(session: Session) -> None:
            await self._bury(session, held, error)

        return self._done(put, "a dead letter could not be stored, and the server will note it")

    def _done(self, call: Callable[[Session], Awaitable[None]], what: str) -> bool:
        try:
            self._connection.wait(self._connection.attempt(call))
        except DockError as error:
            _log.warning("%s: %s", what, error.message)
            return False
        return True
