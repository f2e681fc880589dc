"""A bus whose messages carry the trace of what caused them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from dock_bus.port import DeadLetter, Delivery, EventBus, Message, Subscription
from dock_trace import HEADER, TraceContext, span


class TracedBus:
    """EventBus over another one: a span for each publishing and each handling of a message that belongs to a trace."""

    def __init__(self, bus: EventBus) -> None:
        self._bus = bus

    def publish(self, message: Message) -> None:
        """As the bus below."""
        above = TraceContext.parse(message.headers.get(HEADER, ""))
        if above is None:
            self._bus.publish(message)
            return
        about = {**_about(message), "messaging.operation.name": "publish"}
        with span(f"publish {message.subject}", kind="producer", parent=above, attributes=about) as here:
            headers = {**message.headers, HEADER: here.context.traceparent}
            self._bus.publish(replace(message, headers=headers))

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


def _about(message: Message) -> dict[str, str]:
    return {"messaging.destination.name": message.subject, "messaging.message.id": message.event_id}
