"""The port: at-least-once delivery under durable names, shaped after JetStream."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from learndock.errors import DockError


class UnreadableError(Exception):
    """A handler raises it at a message that no later delivery makes better: it goes to the dead letters at once."""


@dataclass(frozen=True)
class Message:
    """What is published. `event_id` deduplicates within the bus's window; consumers keep an inbox besides."""

    subject: str
    event_id: str
    data: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Delivery:
    """One delivery of a message; `count` is 1 the first time. `in_progress` extends the ack deadline."""

    message: Message
    count: int
    in_progress: Callable[[], None]


@dataclass(frozen=True)
class Subscription:
    """A durable consumer. Members of the same `durable` share the messages; different ones each get all.

    The handler acks by returning; an exception naks, and the message comes again after `backoff_s` (the last
    one repeats) until `max_deliver`, when it goes to the dead letters; UnreadableError sends it there at once. A
    handler silent for `ack_wait_s` loses the message to a redelivery. `max_in_flight` handlers run at a time.
    """

    durable: str
    subjects: Sequence[str]
    """Exact subjects, or with a trailing '>' everything below."""
    max_deliver: int = 5
    ack_wait_s: float = 30.0
    backoff_s: Sequence[float] = (1.0, 5.0, 30.0, 120.0, 600.0)
    max_in_flight: int = 1
    inactive_s: float = 0.0
    """Forget the durable when no member was attached for so many seconds; 0 never does. For names that a process makes
    up for itself, as a replica does: begun anew, it has only what is published from then on."""


@dataclass(frozen=True)
class DeadLetter:
    """A message that a durable gave up after `count` deliveries, the last error, and when (seconds since 1970)."""

    durable: str
    message: Message
    error: str
    count: int
    at: float


class EventBus(Protocol):
    """Publish and subscribe. Handlers run on threads of the bus."""

    def publish(self, message: Message) -> None:
        """Return when the bus has taken the message; Unavailable (BUS_DOWN, BUS_FULL) otherwise.

        InvalidInput MESSAGE_INVALID or MESSAGE_TOO_LARGE for one that no bus can carry.
        """
        ...

    def publish_all(self, messages: Sequence[Message]) -> Sequence[DockError | None]:
        """Publish several, none waiting for the one before; return what became of each, in their order.

        None: the bus has it. InvalidInput, as of `publish`: no bus can carry it, and the others go on. Unavailable: the
        bus refused it, or did not confirm it in time and may have it; publish it again, for the bus knows its id.
        What it takes it takes in the order given, but for those that it refuses among others that are on their way.
        After it refused one, none is sent any more that was not on its way, and each of them has that error.
        """
        ...

    def subscribe(self, subscription: Subscription, handler: Callable[[Delivery], None]) -> Callable[[], None]:
        """Start consuming; the returned function stops this member (waiting for running handlers)."""
        ...

    def dead_letters(self) -> Sequence[DeadLetter]:
        """What was given up and not retried since, the oldest first."""
        ...

    def retry_dead_letter(self, durable: str, event_id: str) -> None:
        """Deliver a dead letter again, to this durable alone and from count 1. NotFound (DEAD_LETTER_NOT_FOUND)."""
        ...

    def close(self) -> None:
        """Stop every consumer and wait for handlers."""
        ...
