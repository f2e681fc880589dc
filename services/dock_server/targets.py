"""The targets: what each needs, and how it is put together from that."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from prometheus_client import CollectorRegistry

from dock_blob import BlobStore
from dock_bus import EventBus
from dock_checking.examiner import Workbench
from dock_checking.settings import CheckingSettings
from dock_checking.wiring import make_checking
from dock_db import Database
from dock_ingestion.settings import IngestionSettings
from dock_ingestion.wiring import make_ingestion
from dock_reuse.settings import ReuseSettings
from dock_reuse.wiring import make_reuse
from dock_search.settings import SearchSettings
from dock_search.wiring import make_search
from dock_server.metrics import DockMetrics
from dock_server.settings import DockSettings
from dock_specification.settings import SpecificationSettings
from dock_specification.wiring import make_specification
from dockapi.checking.v1.checking_pb2_grpc import add_CheckingServiceServicer_to_server
from dockapi.ingestion.v1.ingestion_pb2_grpc import add_IngestionServiceServicer_to_server
from dockapi.reuse.v1.reuse_pb2_grpc import add_ReuseServiceServicer_to_server
from dockapi.search.v1.search_pb2_grpc import add_SearchServiceServicer_to_server
from dockapi.specification.v1.specification_pb2_grpc import add_SpecificationServiceServicer_to_server
from learndock.errors import InvalidInput

TARGETS = ("ingestion", "checking", "specification", "search", "reuse")
WITH_DATABASE = frozenset({"ingestion", "checking", "specification", "search"})
WITH_BLOBS = frozenset({"ingestion", "checking", "specification"})
WITH_BENCH = frozenset({"checking", "reuse"})
"""Those that run packages: they need a folder for environments and scratch."""
PEERS_OF = {"reuse": ("ingestion", "specification")}
"""Whom each target calls."""

ADD: Mapping[str, Callable[[Any, Any], None]] = {
    "ingestion": add_IngestionServiceServicer_to_server,
    "checking": add_CheckingServiceServicer_to_server,
    "specification": add_SpecificationServiceServicer_to_server,
    "search": add_SearchServiceServicer_to_server,
    "reuse": add_ReuseServiceServicer_to_server,
}
"""The function of the stubs that adds each servicer to a server."""


class Runnable(Protocol):
    """What runs beside the server."""

    def start(self) -> None:
        """Start its threads."""
        ...

    def stop(self) -> None:
        """Stop them and wait."""
        ...


@runtime_checkable
class Drainable(Protocol):
    """What can be told to begin nothing new before it is stopped."""

    def drain(self) -> None:
        """Begin nothing new; what is at hand goes on."""
        ...


class Service(Runnable, Protocol):
    """A target put together."""

    @property
    def servicer(self) -> Any:
        """What it serves."""
        ...


@dataclass(frozen=True)
class Means:
    """What targets are made of; those that nobody here needs are stand-ins."""

    database: Database
    blobs: BlobStore
    bus: EventBus
    bench: Workbench
    keys: Path
    source: Any
    """Records, packages and specifications as `reuse` asks its peers for them."""
    registry: CollectorRegistry
    metrics: DockMetrics


def check_targets(targets: Sequence[str]) -> None:
    """InvalidInput TARGET_UNKNOWN."""
    unknown = sorted(set(targets) - set(TARGETS))
    if unknown or not targets:
        raise InvalidInput(
            f"No such target: {', '.join(unknown) or '(none given)'}.",
            reason="TARGET_UNKNOWN",
            hint=f"The targets are {', '.join(TARGETS)}.",
        )


def check_peers(targets: Sequence[str], addresses: Mapping[str, str]) -> None:
    """InvalidInput PEER_ADDRESS_MISSING for a service that one here calls, and that is neither here nor named."""
    for target in targets:
        missing = [peer for peer in PEERS_OF.get(target, ()) if peer not in targets and peer not in addresses]
        if missing:
            names = " and ".join(f"DOCK_PEERS_{peer.upper()}" for peer in missing)
            raise InvalidInput(
                f"{target} calls {' and '.join(missing)}, and no address is given for that.",
                reason="PEER_ADDRESS_MISSING",
                hint=f"Set {names}, for example to dns:///{missing[0]}:50051.",
            )


def full_name(target: str) -> str:
    """The gRPC service of a target."""
    return f"dockapi.{target}.v1.{target.capitalize()}Service"


def make_service(target: str, means: Means, settings: DockSettings) -> Service:
    """Put one target together."""
    bench = means.bench
    if target == "ingestion":
        return make_ingestion(
            means.database,
            means.blobs,
            IngestionSettings(),
            tenant=settings.tenant,
            package_limits=bench.package_limits,
            on_orphan=means.metrics.orphan,
        )
    if target == "checking":
        return make_checking(
            means.database,
            means.blobs,
            means.bus,
            bench,
            means.keys,
            CheckingSettings(),
            alone=settings.embedded,
            on_attempt=partial(means.metrics.attempt, "checking"),
        )
    if target == "specification":
        return make_specification(
            means.database,
            means.blobs,
            means.bus,
            SpecificationSettings(),
            tenant=settings.tenant,
            package_limits=bench.package_limits,
            on_attempt=partial(means.metrics.attempt, "specification"),
        )
    if target == "search":
        search = make_search(means.database, means.bus, _search_settings(settings), tenant=settings.tenant)
        means.metrics.follow(lambda: search.follower.revision)
        return search
    return make_reuse(
        means.source,
        bench.runner,
        bench.environments,
        bench.scratch,
        _reuse_settings(settings),
        registry=means.registry,
        package_limits=bench.package_limits,
        on_damaged=means.metrics.damaged,
    )


def _reuse_settings(settings: DockSettings) -> ReuseSettings:
    """Its calls may wait for calls to this very server: they may never hold all of its threads."""
    reuse = ReuseSettings()
    return reuse.model_copy(update={"max_calls": min(reuse.max_calls, settings.workers // 2)})


def _search_settings(settings: DockSettings) -> SearchSettings:
    """Who waits for the index may never keep all threads from those who do not."""
    search = SearchSettings()
    return search.model_copy(update={"max_waiting": min(search.max_waiting, settings.workers // 4)})
