"""The events search listens to: every transition wakes the follower of this replica."""

from __future__ import annotations

from collections.abc import Callable

from dock_bus import Delivery, EventBus, Subscription
from dock_search.follower import Follower
from dockapi.events.v1 import events_pb2


def subscribe(bus: EventBus, follower: Follower, replica: str) -> Callable[[], None]:
    """Wake the follower at each event; each replica has a durable name of its own, so each sees all."""

    def on_event(delivery: Delivery) -> None:
        events_pb2.LearnwareEvent.FromString(delivery.message.data)
        follower.wake()

    return bus.subscribe(Subscription(durable=f"search-{replica}", subjects=["dock.learnware.>"]), on_event)
