"""Publishing on NATS: what becomes of each message, in words that every bus has."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence

import nats.errors
from nats.js.errors import APIError, NoStreamResponseError

from dock_bus.checks import check_message
from dock_bus.connection import Connection, Session, said
from dock_bus.flight import Flight, is_too_large
from dock_bus.port import Message
from dock_bus.revival import Revival
from learndock.errors import DockError, InvalidInput, Unavailable

_log = logging.getLogger(__name__)
_FULL = frozenset({10023, 10047, 10077, 10122})
"""JetStream's codes for no room: resources, storage, the stream's bytes."""


class Publisher:
    """Publishes over a connection. Any thread may call."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._revival = Revival(connection)

    def publish_all(self, messages: Sequence[Message]) -> list[DockError | None]:
        """As the port has it; one at a time where there is only one."""
        outcomes = [_wrong_with(message) for message in messages]
        waiting = {number: message for number, message in enumerate(messages) if outcomes[number] is None}
        if not waiting:
            return outcomes
        untold: DockError | None = None

        async def send(session: Session) -> None:
            answers = await self._send(session, waiting)
            for number, error in answers.items():
                if not isinstance(error, NoStreamResponseError):
                    del waiting[number]
                    outcomes[number] = self._translated(error)
            if any(isinstance(error, NoStreamResponseError) for error in answers.values()):
                raise NoStreamResponseError  # the stream is made again, and what is left is sent again

        try:
            self._connection.wait(self._connection.attempt(send))
        except DockError as error:
            untold = error
        for number in waiting:
            outcomes[number] = untold or self._behind(outcomes)
        return outcomes

    async def _send(self, session: Session, messages: Mapping[int, Message]) -> Mapping[int, Exception | None]:
        """The answers that came. asyncio.TimeoutError where none did; others get lost with their connection."""
        flight = Flight(session, self._connection.wire)
        try:
            await flight.send(messages, self._connection.settings.timeout_s)
        except (nats.errors.Error, OSError, asyncio.TimeoutError) as error:
            if not flight.outcomes:
                if isinstance(error, asyncio.TimeoutError) and self._revival.unheard():
                    await self._revival.revive(session)
                raise
            _log.info(
                "%d of %d events were not confirmed: %s",
                len(messages) - len(flight.outcomes),
                len(messages),
                said(error),
            )
        self._revival.heard()
        return flight.outcomes

    def _translated(self, error: Exception | None) -> DockError | None:
        if error is None:
            return None
        if is_too_large(error):
            return InvalidInput(
                "The message is larger than the server of the bus takes.",
                reason="MESSAGE_TOO_LARGE",
                hint="Set its max_payload to 1 MB, as it is by default.",
            )
        if isinstance(error, APIError) and error.err_code in _FULL:
            return Unavailable(
                "The bus has no room left.",
                reason="BUS_FULL",
                hint="Look at its disk and limits; events wait in the database meanwhile.",
                retry_after_s=5.0,
            )
        return self._connection.is_down_error(said(error))

    def _behind(self, outcomes: Sequence[DockError | None]) -> DockError:
        """Why something has no answer: it was not sent after a refusal, or none came."""
        refused = next((each for each in outcomes if isinstance(each, Unavailable)), None)
        return refused or self._connection.is_down_error("it did not confirm in time")


def _wrong_with(message: Message) -> DockError | None:
    try:
        check_message(message)
    except InvalidInput as error:
        return error
    return None
