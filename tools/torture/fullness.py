"""Row 13 of the fault matrix: disks that are full."""

from __future__ import annotations

import time

import psycopg2

from dock_bus.nats import NatsBus
from dock_bus.port import Message
from estate import until
from flow import Flow
from learndock.errors import Overloaded, Unavailable

SENT_S = 60.0
"""How soon events should be sent again."""


def full_disks(flow: Flow, size: int) -> str:
    """Row 13: MinIO's, NATS's and PostgreSQL's disks are full; uploads are turned away or wait, and go on with room."""
    disks = flow.estate.disks
    if not all(disk.mounted for disk in disks.values()):
        return "not shown: mounting is not allowed here"
    store = _full_store(flow, size)
    bus = _full_bus(flow, size)
    flow.breaches += [f"failed: {each}" for each in flow.failed if not each.startswith("push")]
    return f"{store}; {bus}; {_full_database(flow, size)}"


def _full_store(flow: Flow, size: int) -> str:
    told, disk = 0, flow.estate.disks["minio"]
    disk.fill(256)
    with flow.client("hasty", patience_s=1) as client:
        for package in flow.packages(2 * size, ballast=2 << 20):
            flow.note(package)
            try:
                client.push(package)
            except Overloaded:
                told += 1
            else:
                flow.breaches.append("a push was accepted without room for it")
        disk.empty()
        _push_again(flow, "store")
    return f"full store: {told} pushes turned away"


def _full_bus(flow: Flow, size: int) -> str:
    disk = flow.estate.disks["nats"]
    disk.fill(0)
    if not _flood(flow):
        flow.breaches.append("the bus had room on a full disk")
    with flow.steady(packages=10 * size):
        time.sleep(4 * size)
        waiting = flow.estate.ask("SELECT count(*) FROM outbox")[0][0]
    disk.empty()
    begun = time.monotonic()  # NATS holds on to the error, whatever room there is: the dock makes its stream anew
    if not until(lambda: not flow.estate.ask("SELECT count(*) FROM outbox")[0][0]):
        flow.breaches.append("no event was sent though the bus had room again")
    told = flow.measure("sent after there was room", time.monotonic() - begun, SENT_S)
    return f"full bus: {waiting} events waited, {told}"


def _full_database(flow: Flow, size: int) -> str:
    """While its disk is full the database may refuse what people want, or end; nothing it said before is lost."""
    disk, postgres = flow.estate.disks["postgres"], flow.estate.ground.postgres
    before = len(flow.failed)
    disk.fill(0)
    refused = _stuff(flow)
    with flow.steady(people=2, packages=5 * size):
        time.sleep(4 * size)
    turned_away = len(flow.failed) - before
    searches = [each for each in flow.failed[before:] if each.startswith("search:")]
    flow.breaches += [f"failed: {each}" for each in searches]
    if not refused:
        flow.breaches.append("the database had room on a full disk")
    disk.empty()
    ended = not postgres.child.running
    if ended:  # as whoever watches over it does: systemd, Kubernetes
        postgres.start()
    _push_again(flow, "database")
    with flow.estate.sql() as cursor:
        cursor.execute("DROP TABLE IF EXISTS stuffing")
    return f"full database: {turned_away} calls turned away, " + ("it ended and was started again" if ended else "up")


def _stuff(flow: Flow) -> bool:
    """Write rows until the database takes no more; whether that came."""
    try:
        with flow.estate.sql() as cursor:
            cursor.execute("CREATE TABLE IF NOT EXISTS stuffing (words text)")
        for _ in range(100):
            with flow.estate.sql() as cursor:
                cursor.execute("INSERT INTO stuffing SELECT repeat(md5(n::text), 60) FROM generate_series(1, 999) n")
    except psycopg2.Error:
        return True
    return False


def _flood(flow: Flow) -> bool:
    """Publish junk until the bus takes no more; whether that came."""
    bus = NatsBus.connect(flow.estate.ground.nats.url)
    try:
        for number in range(100):
            bus.publish(Message("dock.learnware.junk", f"flood-{flow.rng.getrandbits(60)}-{number}", b"x" * 100_000))
    except Unavailable:
        return True
    finally:
        bus.close()
    return False


def _push_again(flow: Flow, what: str) -> None:
    [package] = flow.packages(1)
    with flow.client() as client:
        if not until(lambda: flow.push(client, package)):
            flow.breaches.append(f"no push was accepted although the {what} had room again")
