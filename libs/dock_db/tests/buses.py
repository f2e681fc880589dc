"""Buses for tests of who publishes."""

from __future__ import annotations

from collections.abc import Sequence

from dock_bus import Message
from learndock.errors import DockError, Unavailable


class OneByOne:
    """Publishes several as one after the other, and none after one that was refused."""

    def publish(self, message: Message) -> None:
        raise NotImplementedError

    def publish_all(self, messages: Sequence[Message]) -> Sequence[DockError | None]:
        outcomes: list[DockError | None] = []
        for message in messages:
            if outcomes and isinstance(outcomes[-1], Unavailable):
                outcomes.append(outcomes[-1])
                continue
            try:
                self.publish(message)
                outcomes.append(None)
            except DockError as error:
                outcomes.append(error)
        return outcomes
