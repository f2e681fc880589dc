"""A bus whose messages carry the trace of what caused them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import zip_longest

from dock_bus.port import DeadLetter, Delivery, EventBus, Message, Subscription
from dock_trace import HEADER, Span, TraceContext, begin, span
from learndock.errors import DockError


class TracedBus:
    """EventBus over another one: a span for each publishing and each handling of a message that belongs to a trace."""

    def __init__(self, bus: EventBus) -> None:
        self._bus = bus

    def publish(self, message: Message) -> None:
        """As the bus below."""
        [error] = self.publish_all([message])
        if error is not None:
            raise error

    def publish_all(self, messages: Sequence[Message]) -> Sequence[DockError | None]:
        """As the bus below; the span of each lasts until all are published."""
        spans = [_producing(message) for message in messages]
        given = [_below(message, begun) for message, begun in zip(messages, spans, strict=True)]
        outcomes: Sequence[DockError | None] = []
        try:
            outcomes = self._bus.publish_all(given)
        finally:
            for begun, error in zip_longest(spans, outcomes):
                if begun is not None:
                    if error is not None:
                        begun.fail(error.reason)
                    begun.end()
        return outcomes

    def subscribe(self, subscription: Subscription, handler: Callable[[Delivery], None]) -> Callable[[], None]:
        """As the bus below."""

        def handle(delivery: Delivery) -> None:
            message = delivery.message
            above = TraceContext.parse(message.headers.get(HEADER, ""))
            if above is None:
                handler(delivery)
                return
            about: dict[str, str | int] = {"messaging.operation.name": "process", **_about(message)}
            about |= {"messaging.consumer.group.name": subscription.durable, "dock.delivery": delivery.count}
            with span(f"process {message.subject}", kind="consumer", parent=above, attributes=about):
                handler(delivery)

        return self._bus.subscribe(subscription, handle)

    def dead_letters(self) -> Sequence[DeadLetter]:
        """As the bus below."""
        return self._bus.dead_letters()

    def retry_dead_letter(self, durable: str, event_id: str) -> None:
        """As the bus below."""
        self._bus.retry_dead_letter(durable, event_id)

    def close(self) -> None:
        """As the bus below."""
        self._bus.close()


def _producing(message: Message) -> Span | None:
    """A span for its publishing, where it belongs to a trace."""
    above = TraceContext.parse(message.headers.get(HEADER, ""))
    if above is None:
        return None
    about = {**_about(message), "messaging.operation.name": "publish"}
    return begin(f"publish {message.subject}", kind="producer", parent=above, attributes=about)


def _below(message: Message, begun: Span | None) -> Message:
    if begun is None:
        return message
    return replace(message, headers={**message.headers, HEADER: begun.context.traceparent})


def _about(message: Message) -> dict[str, str]:
    return {"messaging.destination.name": message.subject, "messaging.message.id": message.event_id}
