"""The events search listens to: every transition wakes the follower of this replica."""

from __future__ import annotations

from collections.abc import Callable

from dock_bus import Delivery, EventBus, Subscription
from dock_search.follower import Follower
from dockapi.events.v1 import events_pb2

_ABANDONED_S = 3600.0
"""A replica that came back later than this reads the database anyway, and needs no event of the time between."""


def subscribe(bus: EventBus, follower: Follower, replica: str) -> Callable[[], None]:
    """Wake the follower at each event; each replica has a durable name of its own, so each sees all.

    The bus forgets the name of a replica that is gone for good.
    """

    def on_event(delivery: Delivery) -> None:
        events_pb2.LearnwareEvent.FromString(delivery.message.data)
        follower.wake()

    own = Subscription(durable=f"search-{replica}", subjects=["dock.learnware.>"], inactive_s=_ABANDONED_S)
    return bus.subscribe(own, on_event)
