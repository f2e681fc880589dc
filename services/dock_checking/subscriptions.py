"""The events checking listens to: a received learnware wakes the queue."""

from __future__ import annotations

from collections.abc import Callable

from dock_bus import EventBus, Subscription
from dock_checking.queue import CheckQueue
from dock_db.events import heard


def subscribe(bus: EventBus, queue: CheckQueue) -> Callable[[], None]:
    """Wake the queue at each event; an unreadable one goes to the dead letters at once."""
    return bus.subscribe(Subscription(durable="checking", subjects=["dock.learnware.received"]), heard(queue.wake))
