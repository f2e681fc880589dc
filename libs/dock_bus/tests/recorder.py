"""A handler that remembers, and what else tests of a bus send it."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable

from dock_bus import Delivery, Message, Subscription

QUICK = Subscription(durable="quick", subjects=["dock.>"], max_deliver=3, ack_wait_s=5.0, backoff_s=(0.02,))


def message(subject: str = "dock.thing", data: bytes = b"") -> Message:
    return Message(subject, uuid.uuid4().hex, data)


def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.005)


class Recorder:
    """A handler that remembers, and fails where told to."""

    def __init__(self, fails: Callable[[Delivery], bool] = lambda _: False) -> None:
        self.deliveries: list[tuple[str, int]] = []
        self._fails = fails
        self._lock = threading.Lock()

    def __call__(self, delivery: Delivery) -> None:
        with self._lock:
            self.deliveries.append((delivery.message.event_id, delivery.count))
        if self._fails(delivery):
            raise ValueError("told to fail")

    @property
    def ids(self) -> list[str]:
        with self._lock:
            return [event_id for event_id, _ in self.deliveries]
