"""Tries everything that the settings name, and says what answered."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from grpc_health.v1 import health_pb2, health_pb2_grpc

from dock_bus.durability import writes_through
from dock_bus.settings import BusSettings
from dock_db import Database, dialect
from dock_db.ownership import ownership
from dock_rpc.channel import channel
from dock_rpc.peers import peer_addresses
from dock_server.adapters import open_blobs
from dock_server.folder import DockFolder
from dock_server.readiness import passes
from dock_server.settings import DockSettings
from dock_server.targets import PEERS_OF, WITH_BLOBS, WITH_DATABASE, full_name
from dock_server.urls import place_of
from learndock.cli.failure import CODES
from learndock.errors import DockError, FailedPrecondition

ANSWER_S = 5.0
SKEW_S = 2.0
"""Clock difference to the database from which it is told; leases go by the database's clock alone."""


@dataclass(frozen=True)
class Reached:
    """One dependency, and what it answered. Where it is not `needed` a dock works without.

    `exit_code` is what `dock serve` ends with where it is not `ok`; 3 for what it waits for.
    """

    name: str
    ok: bool
    text: str
    remedy: str = ""
    needed: bool = True
    exit_code: int = 3

    @classmethod
    def failed(cls, name: str, where: str, error: DockError, *, needed: bool = True) -> Reached:
        """By an error of ours."""
        code = 3 if passes(error) else CODES[error.kind]
        return cls(name, ok=False, text=f"{where}{error.message}", remedy=error.hint, needed=needed, exit_code=code)


def reach(settings: DockSettings, targets: Sequence[str]) -> Iterator[Reached]:
    """Try what these targets need, one after the other. Nothing is written."""
    mine = set(targets)
    if not settings.embedded and mine & WITH_DATABASE:
        yield from _database(settings.db_url, "database")
        if settings.db_read_url:
            yield from _database(settings.db_read_url, "read replica")
    if settings.blob_url and mine & WITH_BLOBS:
        found = _tried("store", place_of(settings.blob_url), lambda: _store(settings))
        yield found
        if found.ok and not settings.embedded:
            yield from _belonging(settings)
    if settings.bus_url and not settings.bus_url.startswith("inproc") and mine & WITH_DATABASE:
        yield _tried("bus", place_of(settings.bus_url), lambda: _bus(settings))
        yield _bus_disk(BusSettings())
    for peer in dict.fromkeys(peer for target in targets for peer in PEERS_OF.get(target, ())):
        if peer not in mine and (address := peer_addresses().get(peer)):
            yield _peer(peer, address)


def reach_peers() -> Iterator[Reached]:
    """Ask every service that DOCK_PEERS_… names whether it is ready; that one is not is no fault of this machine."""
    for name, address in peer_addresses().items():
        yield replace(_peer(name, address), needed=False)


def _tried(name: str, where: str, attempt: Callable[[], str]) -> Reached:
    try:
        return Reached(name, ok=True, text=f"{where}: {attempt()}")
    except DockError as error:
        return Reached.failed(name, f"{where}: ", error)


def _database(url: str, name: str) -> Iterator[Reached]:
    database = Database(url)
    try:
        found = _tried(name, place_of(url), lambda: _server(database))
        yield found
        if found.ok and name == "database":
            yield _schema(database)
            yield _clock(database)
    finally:
        database.close()


def _server(database: Database) -> str:
    with database.read() as session:
        dialect.now(session)
    return "answers"


def _schema(database: Database) -> Reached:
    try:
        found = database.schema()
        found.refuse_newer()
    except DockError as error:
        return Reached.failed("schema", "", error)
    text = f"{found.version}, this code knows {found.head}"
    return Reached("schema", ok=not found.behind, text=text, remedy="Run `dock db migrate`." if found.behind else "")


def _clock(database: Database) -> Reached:
    with database.read() as session:
        before = time.time()
        theirs = dialect.now(session)
        after = time.time()
    # The answer was given somewhere between the question and its arrival.
    skew = max(0.0, before - theirs, theirs - after)
    text = f"{skew:.1f} s apart from the database's" if skew >= 0.1 else "the same as the database's"
    remedy = "" if skew < SKEW_S else "Run a time service on both machines."
    return Reached("clock", ok=skew < SKEW_S, text=text, remedy=remedy)


def _store(settings: DockSettings) -> str:
    blobs = open_blobs(DockFolder(settings.data.resolve()), settings)
    next(iter(blobs.list()), None)
    return "answers"


def _belonging(settings: DockSettings) -> Iterator[Reached]:
    """Whether the store is that of the database; nothing is told where the database does not answer as it should."""
    database = Database(settings.db_url)
    try:
        if not database.schema().usable:
            return
        blobs = open_blobs(DockFolder(settings.data.resolve()), settings)
        found = ownership(database, blobs)
    except DockError:
        return
    finally:
        database.close()
    try:
        found.refuse_others()
    except FailedPrecondition as error:
        yield Reached("store's dock", ok=False, text=error.message, remedy=error.hint)
    else:
        text = found.dock_id if found.certain else f"not marked yet; the database is that of {found.dock_id}"
        yield Reached("store's dock", ok=True, text=text)


def _bus(settings: DockSettings) -> str:
    from dock_bus.nats import NatsBus  # noqa: PLC0415 - a dock on a laptop has no use for it

    bus = NatsBus.connect(settings.bus_url, name="dock-doctor")
    try:
        bus.dead_letters()  # asks the server
    finally:
        bus.close()
    return "answers"


def _bus_disk(settings: BusSettings) -> Reached:
    name, needed = "bus's disk", settings.require_sync
    if not settings.monitor_url:
        return Reached(name, ok=False, text="not known: DOCK_BUS_MONITOR_URL is unset", needed=needed)
    try:
        always = writes_through(settings)
    except DockError as error:
        return Reached.failed(name, "", error, needed=needed)
    if always:
        return Reached(name, ok=True, text="what is confirmed is on it (sync_interval: always)")
    text = "a power cut may lose what was confirmed; the dock makes up for it from its database"
    remedy = "Set `sync_interval: always` in the server's `jetstream` and restart it."
    return Reached(name, ok=False, text=text, remedy=remedy, needed=needed)


def _peer(name: str, address: str) -> Reached:
    request = health_pb2.HealthCheckRequest(service=full_name(name))
    try:
        with channel(address, named_by=f"DOCK_PEERS_{name.upper()}") as link:
            status = health_pb2_grpc.HealthStub(link).Check(request, timeout=ANSWER_S).status
    except DockError as error:
        return Reached.failed(name, f"{address}: ", error)
    ready = status == health_pb2.HealthCheckResponse.SERVING
    return Reached(name, ok=ready, text=f"{address}: {'ready' if ready else 'not ready'}")
