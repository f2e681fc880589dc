"""Publishing on NATS: what becomes of each message, in words that every bus has."""

from __future__ import annotations

from collections.abc import Sequence

from nats.js.errors import APIError, NoStreamResponseError

from dock_bus.checks import check_message
from dock_bus.connection import Connection, Session, said
from dock_bus.flight import Flight, is_too_large
from dock_bus.port import Message
from learndock.errors import DockError, InvalidInput, Unavailable

_FULL = frozenset({10023, 10047, 10077, 10122})
"""JetStream's codes for no room: resources, storage, the stream's bytes."""


class Publisher:
    """Publishes over a connection. Any thread may call."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def publish_all(self, messages: Sequence[Message]) -> list[DockError | None]:
        """As the port has it; one at a time where there is only one."""
        outcomes = [_wrong_with(message) for message in messages]
        waiting = {number: message for number, message in enumerate(messages) if outcomes[number] is None}
        if not waiting:
            return outcomes
        untold: DockError | None = None

        async def send(session: Session) -> None:
            flight = Flight(session, self._connection.wire)
            try:
                await flight.send(waiting, self._connection.settings.timeout_s)
            finally:
                for number, error in flight.outcomes.items():
                    if not isinstance(error, NoStreamResponseError):
                        del waiting[number]
                        outcomes[number] = self._translated(error)
            if any(isinstance(error, NoStreamResponseError) for error in flight.outcomes.values()):
                raise NoStreamResponseError  # the stream is made again, and what is left is sent again

        try:
            self._connection.wait(self._connection.attempt(send))
        except DockError as error:
            untold = error
        for number in waiting:
            outcomes[number] = untold or self._behind(outcomes)
        return outcomes

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
        """Why what comes after a refusal was not sent: that refusal."""
        refused = next((each for each in outcomes if isinstance(each, Unavailable)), None)
        return refused or self._connection.is_down_error()


def _wrong_with(message: Message) -> DockError | None:
    try:
        check_message(message)
    except InvalidInput as error:
        return error
    return None
