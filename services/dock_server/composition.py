"""Builds a dock: adapters by settings, services by constructor, one server for the chosen targets."""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from prometheus_client import CollectorRegistry

from dock_blob import BlobStore
from dock_bus import EventBus
from dock_bus.inprocess import InProcessBus
from dock_bus.traced import TracedBus
from dock_checking.examiner import Workbench
from dock_db import Database, DeadLetterRecorder, Learnwares, Reconciler, Relay
from dock_db.ownership import require_own
from dock_reuse.peers import PeerSource
from dock_rpc.peers import Peers, peer_addresses
from dock_rpc.server import Server, build_server
from dock_sandbox.environment import EnvironmentBuilder
from dock_sandbox.observed import ObservedRunner
from dock_sandbox.process import ProcessSandbox
from dock_server.adapters import bus_disk, check_adapters, open_blobs, open_bus, open_database
from dock_server.backup.schedule import scheduled
from dock_server.folder import DockFolder
from dock_server.late import Late, LateServicer
from dock_server.metrics import DockMetrics
from dock_server.readiness import Readiness, Stopped
from dock_server.security import Security
from dock_server.settings import DockSettings, PackageSettings
from dock_server.targets import (
    ADD,
    TARGETS,
    WITH_BLOBS,
    WITH_DATABASE,
    Drainable,
    Means,
    Runnable,
    check_peers,
    check_targets,
    full_name,
    make_service,
)
from dock_server.urls import place_of

__all__ = ["TARGETS", "Dock", "compose"]
_log = logging.getLogger(__name__)


@dataclass
class Dock:
    """A composed dock: listening, and not ready before `start` has found everything it needs."""

    server: Server
    registry: CollectorRegistry
    metrics: DockMetrics
    readiness: Readiness
    peers: Peers
    _folder: DockFolder
    _settings: DockSettings
    _servicers: Mapping[str, LateServicer]
    _database: Database
    _bus: EventBus
    _running: list[Runnable] = field(default_factory=list)

    def start(self, stopping: threading.Event | None = None) -> bool:
        """Wait for what is not there yet, start the workers, then be ready; False where `stopping` was set before."""
        stopping = stopping or threading.Event()
        self.server.start(ready=False)
        try:
            self._start_parts(stopping)
        except Stopped:
            return False
        self.readiness.reached()
        self.server.be_ready()
        return True

    def drain(self) -> None:
        """Say that this process goes, and begin nothing new; calls are served as before."""
        self.readiness.left()
        self.server.drain()
        for part in self._running:
            if isinstance(part, Drainable):
                part.drain()

    def stop(self, grace_s: float = 5.0) -> None:
        """Take no more calls, let running ones end, stop the workers."""
        self.drain()
        self.server.stop(grace_s)
        while self._running:
            self._running.pop().stop()
        self.peers.close()
        self._bus.close()
        self._database.close()

    def _start_parts(self, stopping: threading.Event) -> None:
        means = self._means(stopping)
        for part in self._beside():
            self._begin("the database", part, stopping)
        for target, late in self._servicers.items():
            service = self.readiness.wait_for(target, partial(make_service, target, means, self._settings), stopping)
            self._begin(target, service, stopping)
            late.attach(service.servicer)
        for part in scheduled(self._servicers, means, self._settings.tenant):
            self._begin("the schedule of backups", part, stopping)

    def _means(self, stopping: threading.Event) -> Means:
        """What the targets are made of, waited for. Each target waits for no more than it needs."""
        folder, settings = self._folder, self._settings
        if WITH_DATABASE & self._servicers.keys() and not settings.embedded:
            what = f"the database at {place_of(settings.db_url)}"
            self.readiness.wait_for(what, lambda: self._database.schema().require(), stopping)
        blobs = Late()
        if WITH_BLOBS & self._servicers.keys():
            where = place_of(settings.blob_url) if settings.blob_url else "its folder"
            blobs.attach(self.readiness.wait_for(f"the store at {where}", self._own_blobs, stopping))
        bench = Workbench(
            runner=ObservedRunner(ProcessSandbox(unsafe_local=settings.unsafe_local), self.metrics.sandbox_run),
            environments=EnvironmentBuilder(folder.environments, offline=settings.offline),
            scratch=folder.scratch,
            package_limits=PackageSettings().limits(),
        )
        source = PeerSource(self.peers.ingestion, self.peers.specification)
        bus = TracedBus(self._bus)
        return Means(self._database, blobs, bus, bench, folder.keys, source, self.registry, self.metrics)

    def _own_blobs(self) -> BlobStore:
        blobs = open_blobs(self._folder, self._settings)
        require_own(self._database, blobs)
        return blobs

    def _beside(self) -> list[Runnable]:
        """What runs in every process that writes: see docs/adr/0014-which-parts-run-where.md."""
        if not WITH_DATABASE & self._servicers.keys():
            return []
        settings = self._settings
        reconciler = Reconciler(
            self._database,
            period_s=settings.reconcile_period_s,
            grace_s=settings.reconcile_grace_s,
            on_driven=self.metrics.redriven,
        )
        beside: list[Runnable] = [Relay(self._database, TracedBus(self._bus)), reconciler]
        if isinstance(self._bus, InProcessBus):  # NATS keeps its dead letters itself
            beside.append(DeadLetterRecorder(self._database, self._bus))
        return beside

    def _begin(self, what: str, part: Runnable, stopping: threading.Event) -> None:
        self.readiness.wait_for(what, part.start, stopping)
        self._running.append(part)


def compose(folder: DockFolder, settings: DockSettings, targets: Sequence[str] = TARGETS) -> Dock:
    """Wire a dock of `targets`. An embedded one is over a folder that this process holds.

    InvalidInput TARGET_UNKNOWN, ADAPTER_UNKNOWN, PEER_ADDRESS_MISSING; FailedPrecondition ADDRESS_TAKEN.
    """
    check_targets(targets)
    check_adapters(settings)
    check_peers(targets, peer_addresses())
    security = Security(settings, targets, peer_addresses())
    database = open_database(folder, settings)
    registry = CollectorRegistry()
    metrics = DockMetrics(registry)
    readiness = Readiness()
    servicers = {target: LateServicer(lambda: readiness.missing) for target in TARGETS if target in targets}
    server = build_server(
        [(full_name(target), ADD[target], servicer) for target, servicer in servicers.items()],
        address=f"{settings.host}:{settings.port}",
        registry=registry,
        max_workers=settings.workers,
        max_message_bytes=settings.max_message_bytes,
        max_connection_age_s=settings.connection_age_seconds,
        tls=security.tls,
        gate=security.gate(database),
        private_address=security.private_address,
        reflected=settings.reflection,
    )
    peers = security.connect(server.port)
    if settings.embedded:
        _take_over(folder, database)
    if WITH_DATABASE & servicers.keys() and not (settings.embedded or settings.bus_url):
        _log.warning("DOCK_BUS_URL names no server: other processes' work is only found by polling the database")
    if WITH_DATABASE & servicers.keys():
        bus = open_bus(settings, name="dock-" + "-".join(servicers), on_delivery=metrics.delivery)
        metrics.watch(database, bus)
        if synced := bus_disk(settings):
            metrics.watch_disk(synced)
    else:
        bus = InProcessBus()  # a stand-in: who has no rows hears of none
    return Dock(server, registry, metrics, readiness, peers, folder, settings, servicers, database, bus)


def _take_over(folder: DockFolder, database: Database) -> None:
    """The folder is ours alone, so whoever was in it is dead: go on at once, not when leases run out."""
    shutil.rmtree(folder.scratch, ignore_errors=True)
    folder.scratch.mkdir(parents=True, exist_ok=True)
    database.create()
    with database.transaction() as session:
        Learnwares().release_leases(session)
