"""The events specification listens to: an accepted learnware wakes the queue."""

from __future__ import annotations

from collections.abc import Callable

from dock_bus import EventBus, Subscription
from dock_db.events import heard
from dock_specification.embedding import EmbeddingQueue


def subscribe(bus: EventBus, queue: EmbeddingQueue) -> Callable[[], None]:
    """Wake the queue at each event; an unreadable one goes to the dead letters at once."""
    return bus.subscribe(Subscription(durable="specification", subjects=["dock.learnware.accepted"]), heard(queue.wake))
