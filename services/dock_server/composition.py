"""Builds a dock: adapters by settings, services by constructor, one server for the chosen targets."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from prometheus_client import CollectorRegistry

from dock_blob import BlobStore
from dock_blob.file import FileBlobStore
from dock_bus import EventBus
from dock_bus.inprocess import InProcessBus
from dock_checking.examiner import Workbench
from dock_checking.settings import CheckingSettings
from dock_checking.wiring import make_checking
from dock_db import Database, Learnwares, Reconciler, Relay
from dock_ingestion.settings import IngestionSettings
from dock_ingestion.wiring import make_ingestion
from dock_reuse.peers import PeerSource
from dock_reuse.settings import ReuseSettings
from dock_reuse.wiring import make_reuse
from dock_rpc.peers import Peers, peer_addresses
from dock_rpc.server import Server, build_server
from dock_sandbox.environment import EnvironmentBuilder
from dock_sandbox.process import ProcessSandbox
from dock_search.settings import SearchSettings
from dock_search.wiring import make_search
from dock_server.folder import DockFolder
from dock_server.settings import DockSettings, PackageSettings
from dock_specification.settings import SpecificationSettings
from dock_specification.wiring import make_specification
from dockapi.checking.v1.checking_pb2_grpc import add_CheckingServiceServicer_to_server
from dockapi.ingestion.v1.ingestion_pb2_grpc import (
    add_IngestionServiceServicer_to_server,
)
from dockapi.reuse.v1.reuse_pb2_grpc import add_ReuseServiceServicer_to_server
from dockapi.search.v1.search_pb2_grpc import add_SearchServiceServicer_to_server
from dockapi.specification.v1.specification_pb2_grpc import (
    add_SpecificationServiceServicer_to_server,
)
from learndock.errors import InvalidInput

TARGETS = ("ingestion", "checking", "specification", "search", "reuse")
_log = logging.getLogger(__name__)


class Runnable(Protocol):
    """What runs beside the server."""

    def start(self) -> None:
        """Start its threads."""
        ...

    def stop(self) -> None:
        """Stop them and wait."""
        ...


@dataclass
class Dock:
    """A composed dock. `start` starts in dependency order; `stop` stops in reverse, draining calls first."""

    server: Server
    database: Database
    bus: EventBus
    parts: list[Runnable]
    peers: Peers
    registry: CollectorRegistry
    _running: list[Runnable] = field(default_factory=list)

    def start(self) -> None:
        """Load what is there, start the workers, then take calls."""
        for part in self.parts:
            part.start()
            self._running.append(part)
        self.server.start()

    def stop(self, grace_s: float = 5.0) -> None:
        """Take no more calls, let running ones end, stop the workers."""
        self.server.stop(grace_s)
        while self._running:
            self._running.pop().stop()
        self.peers.close()
        self.bus.close()
        self.database.close()


def compose(folder: DockFolder, settings: DockSettings, targets: Sequence[str] = TARGETS) -> Dock:
    """Wire an embedded dock over a folder that this process holds. InvalidInput TARGET_UNKNOWN."""
    _check_targets(targets)
    _check_adapters(settings)
    _empty(folder)
    database = Database(folder.database_url)
    database.create()
    _release_leases(database)
    blobs = FileBlobStore(folder.blobs)
    bus = InProcessBus()
    registry = CollectorRegistry()
    address = f"{settings.host}:{settings.port}"
    bench = Workbench(
        runner=ProcessSandbox(unsafe_local=settings.unsafe_local),
        environments=EnvironmentBuilder(folder.environments, offline=settings.offline),
        scratch=folder.scratch,
        package_limits=PackageSettings().limits(),
    )
    late = _LatePeers()
    services, parts = _services(targets, database, blobs, bus, bench, folder.keys, late, settings)
    server = build_server(
        services,
        address=address,
        registry=registry,
        max_workers=settings.workers,
        max_message_bytes=settings.max_message_bytes,
    )
    peers = Peers.connect(f"{settings.host}:{server.port}", peer_addresses())
    late.attach(peers)
    reconciler = Reconciler(database, period_s=settings.reconcile_period_s, grace_s=settings.reconcile_grace_s)
    return Dock(server, database, bus, [Relay(database, bus), reconciler, *parts], peers, registry)


class _LatePeers:
    """Stubs of the process's own port, which is known only once the server is bound."""

    def __init__(self) -> None:
        self._source: PeerSource | None = None

    def attach(self, peers: Peers) -> None:
        self._source = PeerSource(peers.ingestion, peers.specification)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)


def _services(
    targets: Sequence[str],
    database: Database,
    blobs: BlobStore,
    bus: EventBus,
    bench: Workbench,
    keys: Path,
    late: _LatePeers,
    settings: DockSettings,
) -> tuple[list[tuple[str, Callable[[Any, Any], None], Any]], list[Runnable]]:
    services: list[tuple[str, Callable[[Any, Any], None], Any]] = []
    parts: list[Runnable] = []
    if "ingestion" in targets:
        ingestion = make_ingestion(
            database, blobs, IngestionSettings(), tenant=settings.tenant, package_limits=bench.package_limits
        )
        services.append((_service("ingestion"), add_IngestionServiceServicer_to_server, ingestion.servicer))
        parts.append(ingestion)
    if "checking" in targets:
        checking = make_checking(database, blobs, bus, bench, keys, CheckingSettings())
        services.append((_service("checking"), add_CheckingServiceServicer_to_server, checking.servicer))
        parts.append(checking)
    if "specification" in targets:
        specification = make_specification(
            database, blobs, bus, SpecificationSettings(), tenant=settings.tenant, package_limits=bench.package_limits
        )
        services.append((_service("specification"), add_SpecificationServiceServicer_to_server, specification.servicer))
        parts.append(specification)
    if "search" in targets:
        search = make_search(database, bus, _search_settings(settings))
        services.append((_service("search"), add_SearchServiceServicer_to_server, search.servicer))
        parts.append(search)
    if "reuse" in targets:
        reuse = make_reuse(
            late,  # type: ignore[arg-type]
            bench.runner,
            bench.environments,
            bench.scratch,
            _reuse_settings(settings),
            package_limits=bench.package_limits,
        )
        services.append((_service("reuse"), add_ReuseServiceServicer_to_server, reuse.servicer))
        parts.append(reuse)
    return services, parts


def _reuse_settings(settings: DockSettings) -> ReuseSettings:
    """Its calls wait for calls to this very server: they may never hold all of its threads."""
    reuse = ReuseSettings()
    return reuse.model_copy(update={"max_calls": min(reuse.max_calls, settings.workers // 2)})


def _search_settings(settings: DockSettings) -> SearchSettings:
    """Who waits for the index may never keep all threads from those who do not."""
    search = SearchSettings()
    return search.model_copy(update={"max_waiting": min(search.max_waiting, settings.workers // 4)})


def _service(target: str) -> str:
    return f"dockapi.{target}.v1.{target.capitalize()}Service"


def _check_targets(targets: Sequence[str]) -> None:
    unknown = sorted(set(targets) - set(TARGETS))
    if unknown or not targets:
        raise InvalidInput(
            f"No such target: {', '.join(unknown) or '(none given)'}.",
            reason="TARGET_UNKNOWN",
            hint=f"The targets are {', '.join(TARGETS)}.",
        )


def _check_adapters(settings: DockSettings) -> None:
    for name, value in (("DOCK_DB_URL", settings.db_url), ("DOCK_BLOB_URL", settings.blob_url)):
        if value:  # what would not be used must not be taken silently
            raise InvalidInput(
                f"{name}={value.split(':')[0]}:… has no adapter here.",
                reason="ADAPTER_UNKNOWN",
                hint="This version keeps everything in its data folder; unset the variable.",
            )
    if settings.bus_url and not settings.bus_url.startswith("inproc:"):
        raise InvalidInput(
            f"DOCK_BUS_URL={settings.bus_url.split(':')[0]}:… has no adapter here.",
            reason="ADAPTER_UNKNOWN",
            hint="This version has the bus inside the process; unset the variable.",
        )


def _empty(folder: DockFolder) -> None:
    shutil.rmtree(folder.scratch, ignore_errors=True)
    folder.scratch.mkdir(parents=True, exist_ok=True)


def _release_leases(database: Database) -> None:
    """The folder is ours alone, so whoever held leases is dead: go on at once, not when they run out."""
    with database.transaction() as session:
        Learnwares().release_leases(session)
