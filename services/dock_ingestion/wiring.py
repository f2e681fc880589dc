"""Puts ingestion together from the ports it is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dock_blob import BlobStore
from dock_db import Database
from dock_ingestion.breaches import BreachDesk
from dock_ingestion.catalogue import Catalogue
from dock_ingestion.servicer import IngestionServicer
from dock_ingestion.settings import IngestionSettings
from dock_ingestion.sweeper import Sweeper
from dock_ingestion.uploads import UploadDesk
from learndock.package import PackageLimits

_DEFAULTS = PackageLimits()


@dataclass(frozen=True)
class Ingestion:
    """The target `ingestion`: what it serves, and what runs beside it."""

    servicer: IngestionServicer
    sweeper: Sweeper

    def start(self) -> None:
        """Start what runs beside the server."""
        self.sweeper.start()

    def stop(self) -> None:
        """Stop it, waiting."""
        self.sweeper.stop()


def make_ingestion(
    database: Database,
    blobs: BlobStore,
    settings: IngestionSettings,
    *,
    tenant: str,
    package_limits: PackageLimits = _DEFAULTS,
    on_orphan: Callable[[str], None] = lambda _kind: None,
) -> Ingestion:
    """Wire ingestion by hand; `on_orphan` hears the kind of each thing that is swept: upload or package."""
    desk = UploadDesk(database, blobs, settings, tenant, package_limits)
    catalogue = Catalogue(database, blobs, tenant, settings.watch_poll_s)
    servicer = IngestionServicer(desk, catalogue, BreachDesk(database, settings), settings.max_chunk_bytes)
    return Ingestion(servicer, Sweeper(database, blobs, settings, on_orphan))
