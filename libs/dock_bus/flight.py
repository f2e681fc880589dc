"""Messages on their way to NATS: several at once, none waiting for the one before, and the server's answer to each."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.errors import APIError, NoStreamResponseError

from dock_bus.connection import Session
from dock_bus.port import Message
from dock_bus.wire import Wire

_WINDOW = 64
"""So many are unconfirmed at a time. The server syncs one after the other: more would come no sooner."""
_TOO_LARGE = 10054
"""JetStream's code for a message larger than its stream takes."""
_FRAME_BYTES = len("NATS/1.0\r\n\r\n")


class Flight:
    """One publishing of messages, each with a number, within one connection's life; on the connection's loop.

    The server stores them in the order given. After the first that it has no room or no stream for none is sent any
    more; what was on its way then may still be stored. Of some no answer may come: the connection was lost, or the
    time was up.
    """

    def __init__(self, session: Session, wire: Wire) -> None:
        self._session = session
        self._wire = wire
        self._answers: asyncio.Queue[Msg | None] = asyncio.Queue()
        self._unconfirmed: set[int] = set()
        self._is_refused = False
        self.outcomes: dict[int, Exception | None] = {}
        """Of each that was answered: None where it is stored, or nats-py's error."""

    async def send(self, messages: Mapping[int, Message], timeout_s: float) -> None:
        """Send them and wait for the answers, as long as that. Raises where the connection is lost, or the time up."""
        client = self._session.client
        inbox = client.new_inbox()
        answers = await client.subscribe(f"{inbox}.*", cb=self._put)
        self._session.waiting.add(self._answers)
        try:
            await asyncio.wait_for(self._send_all(messages, inbox), timeout_s)
        finally:
            self._session.waiting.discard(self._answers)
            if self._session.is_alive:
                await answers.unsubscribe()

    async def _send_all(self, messages: Mapping[int, Message], inbox: str) -> None:
        for number, message in messages.items():
            while len(self._unconfirmed) >= _WINDOW or not self._answers.empty():
                await self._note_answer()
            if self._is_refused:
                break
            await self._send_one(number, message, inbox)
        while self._unconfirmed:
            await self._note_answer()

    async def _send_one(self, number: int, message: Message, inbox: str) -> None:
        subject, headers = self._wire.subject(message.subject), self._wire.headers(message)
        client: Client = self._session.client
        framed = _FRAME_BYTES + sum(len(key) + len(value) + 4 for key, value in headers.items())
        if framed + len(message.data) > client.max_payload:  # the server would end the connection over it
            self.outcomes[number] = nats.errors.MaxPayloadError()
            return
        self._unconfirmed.add(number)
        await client.publish(subject, message.data, reply=f"{inbox}.{number}", headers=headers)

    async def _note_answer(self) -> None:
        answer = await self._answers.get()
        if answer is None:
            raise nats.errors.ConnectionClosedError
        number = int(answer.subject.rpartition(".")[2])
        self._unconfirmed.discard(number)
        self.outcomes[number] = error = _error_in(answer)
        self._is_refused = self._is_refused or not (error is None or is_too_large(error))

    async def _put(self, answer: Msg) -> None:
        self._answers.put_nowait(answer)


def is_too_large(error: Exception) -> bool:
    """Whether the message is to blame: more than this server is set to take."""
    return isinstance(error, nats.errors.MaxPayloadError) or getattr(error, "err_code", None) == _TOO_LARGE


def _error_in(answer: Msg) -> Exception | None:
    if (answer.headers or {}).get("Status") == "503":
        return NoStreamResponseError()
    try:
        said = json.loads(answer.data)
        if "error" in said:
            return APIError(**said["error"])
        return None if "seq" in said else nats.errors.Error("an answer that says nothing")
    except (ValueError, TypeError):
        return nats.errors.Error("an answer that cannot be read")
