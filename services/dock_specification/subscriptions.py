"""The events specification listens to: an accepted learnware wakes the queue."""

from __future__ import annotations

from collections.abc import Callable

from dock_bus import Delivery, EventBus, Subscription
from dock_specification.embedding import EmbeddingQueue
from dockapi.events.v1 import events_pb2


def subscribe(bus: EventBus, queue: EmbeddingQueue) -> Callable[[], None]:
    """Wake the queue at each event; an unreadable one goes to the dead letters."""

    def on_event(delivery: Delivery) -> None:
        events_pb2.LearnwareEvent.FromString(delivery.message.data)
        queue.wake()

    return bus.subscribe(Subscription(durable="specification", subjects=["dock.learnware.accepted"]), on_event)
