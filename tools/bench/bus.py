"""How many events a second the bus takes and delivers: in the process, and over NATS that syncs every write.

python tools/bench/bus.py [--quick]
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from tools.services.nats import NatsServer  # noqa: E402

from dock_bus import Delivery, EventBus, Message, Subscription  # noqa: E402
from dock_bus.inprocess import InProcessBus  # noqa: E402
from dock_bus.nats import NatsBus  # noqa: E402
from dock_bus.settings import BusSettings  # noqa: E402
from table import Cell, Table  # noqa: E402

COMMAND = "python tools/bench/bus.py"
_BYTES = 200
_PUBLISHERS = 4


def rates(bus: EventBus, events: int, publishers: int, together: int, handlers: int) -> tuple[float, float]:
    """(events published a second, events published and consumed a second)."""
    done, seen = threading.Event(), [0]
    counting = threading.Lock()

    def handler(_: Delivery) -> None:
        with counting:
            seen[0] += 1
            if seen[0] == events:
                done.set()

    name = f"bench-{publishers}-{together}-{handlers}"
    own = Subscription(durable=name, subjects=["dock.bench"], max_in_flight=handlers, inactive_s=600)
    leave = bus.subscribe(own, handler)  # it has nothing of the one before

    def publish() -> None:
        for _ in range(events // publishers // together):
            bus.publish_all([Message("dock.bench", uuid.uuid4().hex, b"x" * _BYTES) for _ in range(together)])

    threads = [threading.Thread(target=publish) for _ in range(publishers)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    published = time.perf_counter() - start
    if not done.wait(600):
        raise RuntimeError(f"{seen[0]} of {events} events arrived")
    consumed = time.perf_counter() - start
    leave()
    return events / published, events / consumed


def rows(name: str, bus: EventBus, events: int) -> list[list[Cell]]:
    """One row for each number of publishers, of events that each publishes together, and of handlers."""
    return [
        [name, publishers, together, handlers, events, *rates(bus, events, publishers, together, handlers)]
        for publishers, together, handlers in ((1, 1, 1), (_PUBLISHERS, 1, 8), (1, 100, 1), (1, 100, 8))
    ]


def tables(quick: bool) -> list[Table]:
    """Both buses, one after the other."""
    found: list[list[Cell]] = []
    inside = InProcessBus(max_waiting=100_000)
    found += rows("inside the process", inside, 2_000 if quick else 40_000)
    inside.close()
    server = NatsServer()
    server.start()
    try:
        bus = NatsBus.connect(
            server.url, BusSettings(prefix="bench", monitor_url=server.monitor_url, require_sync=True)
        )
        found += rows("NATS, sync_interval: always", bus, 400 if quick else 4_000)
        bus.close()
    finally:
        server.close()
    notes = (
        f"Events of {_BYTES} bytes. A publisher waits for the confirmations of what it published together, and each "
        "handler's answer is confirmed too. One server with one copy; publishers, handlers and server share the cores.",
    )
    columns = (
        "bus",
        "publishers",
        "published together",
        "handlers",
        "events",
        "published, events/s",
        "published and consumed, events/s",
    )
    return [Table("bus.rates", "Events a second", columns, found, COMMAND, notes)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    for table in tables(parser.parse_args().quick):
        print(table.to_markdown())


if __name__ == "__main__":
    main()
