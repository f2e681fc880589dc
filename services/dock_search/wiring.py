"""Puts search together from the ports it is given."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass, field

from dock_bus import EventBus
from dock_db import Database
from dock_search.finder import Finder
from dock_search.follower import Follower
from dock_search.servicer import SearchServicer
from dock_search.settings import SearchSettings
from dock_search.subscriptions import subscribe
from learndock import plugins
from learndock.search import Searcher


def _own_name() -> str:
    """A name that no other replica has: the machine's and the process's."""
    host = "".join(char if char.isalnum() else "-" for char in socket.gethostname())
    return f"{host}-{os.getpid()}"


@dataclass
class Search:
    """The target `search`: what it serves, and what runs beside it."""

    servicer: SearchServicer
    follower: Follower
    bus: EventBus
    replica: str
    _unsubscribe: list[Callable[[], None]] = field(default_factory=list)

    def start(self) -> None:
        """Load the index, follow the database and listen to events."""
        self.follower.start()
        self._unsubscribe.append(subscribe(self.bus, self.follower, self.replica))

    def stop(self) -> None:
        """Listen no more, then stop."""
        while self._unsubscribe:
            self._unsubscribe.pop()()
        self.follower.stop()


def make_search(database: Database, bus: EventBus, settings: SearchSettings, *, tenant: str) -> Search:
    """Wire search by hand, for the learnwares of one tenant."""
    index: Searcher = plugins.load(plugins.SEARCHERS, settings.searcher)()
    follower = Follower(database, index, tenant=tenant, poll_s=settings.poll_s)
    return Search(SearchServicer(Finder(index, follower, settings)), follower, bus, settings.replica or _own_name())
