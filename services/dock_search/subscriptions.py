"""The events search listens to: every transition wakes the follower of this replica."""

from __future__ import annotations

from collections.abc import Callable

from dock_bus import EventBus, Subscription
from dock_db.events import heard
from dock_search.follower import Follower

_ABANDONED_S = 3600.0
"""A replica that came back later than this reads the database anyway, and needs no event of the time between."""


def subscribe(bus: EventBus, follower: Follower, replica: str) -> Callable[[], None]:
    """Wake the follower at each event; each replica has a durable name of its own, so each sees all.

    The bus forgets the name of a replica that is gone for good.
    """
    own = Subscription(durable=f"search-{replica}", subjects=["dock.learnware.>"], inactive_s=_ABANDONED_S)
    return bus.subscribe(own, heard(follower.wake))
