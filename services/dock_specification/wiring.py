"""Puts specification together from the ports it is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from dock_blob import BlobStore
from dock_bus import EventBus
from dock_db import Database
from dock_specification.catalogue import SpecificationCatalogue
from dock_specification.embedding import Embedder, EmbeddingQueue, OnAttempt
from dock_specification.servicer import SpecificationServicer
from dock_specification.settings import SpecificationSettings
from dock_specification.subscriptions import subscribe
from learndock.package import PackageLimits

_DEFAULTS = PackageLimits()


@dataclass
class Specification:
    """The target `specification`: what it serves, and what runs beside it."""

    servicer: SpecificationServicer
    queue: EmbeddingQueue
    bus: EventBus
    _unsubscribe: list[Callable[[], None]] = field(default_factory=list)

    def start(self) -> None:
        """Start embedding and listen to events."""
        self.queue.start()
        self._unsubscribe.append(subscribe(self.bus, self.queue))

    def drain(self) -> None:
        """Claim nothing more; what is at hand goes on."""
        self.queue.drain()

    def stop(self) -> None:
        """Listen no more, then stop."""
        while self._unsubscribe:
            self._unsubscribe.pop()()
        self.queue.stop()


def make_specification(
    database: Database,
    blobs: BlobStore,
    bus: EventBus,
    settings: SpecificationSettings,
    *,
    tenant: str,
    package_limits: PackageLimits = _DEFAULTS,
    on_attempt: OnAttempt = lambda _outcome: None,
) -> Specification:
    """Wire specification by hand."""
    embedder = Embedder(database, blobs, lease_s=settings.lease_s, package_limits=package_limits)
    queue = EmbeddingQueue(embedder, poll_s=settings.poll_s, on_attempt=on_attempt)
    servicer = SpecificationServicer(SpecificationCatalogue(database, tenant))
    return Specification(servicer, queue, bus)
