"""The reading side of the outbox: what counts as an event of a dock, and what a service does with everything else."""

from __future__ import annotations

from collections.abc import Callable

from google.protobuf.message import DecodeError

from dock_bus.port import Delivery, UnreadableError
from dockapi.events.v1 import events_pb2

MAX_EVENT_BYTES = 64 << 10
"""Ids and digests; far more than any event has."""


def heard(wake: Callable[[], object]) -> Callable[[Delivery], None]:
    """A handler that wakes at each event; what is none goes to the dead letters at its first delivery."""

    def on_event(delivery: Delivery) -> None:
        read_event(delivery.message.data)
        wake()

    return on_event


def read_event(data: bytes) -> events_pb2.LearnwareEvent:
    """The event. UnreadableError where it is too large, no such message, or names no version of a learnware.

    Fields and states that a later release added are no fault: such an event speaks of a version all the same.
    """
    if len(data) > MAX_EVENT_BYTES:
        raise UnreadableError(f"{len(data)} bytes, and no event has more than {MAX_EVENT_BYTES}")
    try:
        event = events_pb2.LearnwareEvent.FromString(data)
    except DecodeError:
        raise UnreadableError("it is no LearnwareEvent") from None
    if not event.event_id or not event.learnware_id or event.version < 1:
        raise UnreadableError("it names no version of a learnware")
    return event
