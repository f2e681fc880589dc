"""The events checking listens to: a received learnware wakes the queue."""

from __future__ import annotations

from collections.abc import Callable

from dock_bus import Delivery, EventBus, Subscription
from dock_checking.queue import CheckQueue
from dockapi.events.v1 import events_pb2


def subscribe(bus: EventBus, queue: CheckQueue) -> Callable[[], None]:
    """Wake the queue at each event; an unreadable one goes to the dead letters."""

    def on_event(delivery: Delivery) -> None:
        events_pb2.LearnwareEvent.FromString(delivery.message.data)
        queue.wake()

    return bus.subscribe(Subscription(durable="checking", subjects=["dock.learnware.received"]), on_event)
