"""Events a second from the outbox through relay and NATS to a consumer that notes each once.

python tools/bench/relay.py [--quick]
"""

from __future__ import annotations

import sys
import threading
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import insert

ROOT = Path(__file__).resolve().parent.parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from tools.services.nats import NatsServer  # noqa: E402
from tools.services.postgres import PostgresServer  # noqa: E402

from dock_bus import Delivery, Message, Subscription  # noqa: E402
from dock_bus.nats import NatsBus  # noqa: E402
from dock_bus.settings import BusSettings  # noqa: E402
from dock_db import Database, Relay, once  # noqa: E402
from dock_db import tables as rows  # noqa: E402
from learndock.errors import DockError  # noqa: E402
from table import Cell, Table  # noqa: E402

COMMAND = "python tools/bench/relay.py"
_BYTES = 200
_KINDS = ((1, False, False), (1, True, False), (2, True, False), (2, True, True))


class OneByOne:
    """Publishes several as relays did before they published them together: each waits for the one before."""

    def __init__(self, bus: NatsBus) -> None:
        self._bus = bus
        self.publish, self.subscribe = bus.publish, bus.subscribe
        self.dead_letters, self.retry_dead_letter, self.close = bus.dead_letters, bus.retry_dead_letter, bus.close

    def publish_all(self, messages: Sequence[Message]) -> Sequence[DockError | None]:
        """Each by itself."""
        return [outcome for message in messages for outcome in self._bus.publish_all([message])]


def tables(quick: bool) -> list[Table]:
    """Events one by one, and together; one relay and two; a consumer that counts, and one that writes a row."""
    events = 300 if quick else 3_000
    postgres, nats = PostgresServer(), NatsServer()
    try:
        postgres.start()
        nats.start()
        found: list[list[Cell]] = [
            [
                relays,
                "together" if together else "one by one",
                "a row of the inbox" if inbox else "none",
                events,
                *_rates(postgres, nats, events, relays, together=together, inbox=inbox),
            ]
            for relays, together, inbox in _KINDS
        ]
    finally:
        nats.close()
        postgres.close()
    return [
        Table(
            key="relay.rates",
            title="Events a second from outbox to consumer",
            columns=(
                "relays",
                "published",
                "effect of an event",
                "events",
                "outbox emptied, events/s",
                "all consumed, events/s",
            ),
            rows=found,
            command=COMMAND,
            notes=(
                f"PostgreSQL holds the outbox ({_BYTES} bytes an event), NATS syncs each event to its disk and "
                "confirms it before its row goes; the consumer runs eight handlers and confirms each event. "
                "All share these cores. The goal is 500 events/s; a dock "
                "needs fewer than 50.",
            ),
        )
    ]


def _rates(
    postgres: PostgresServer, nats: NatsServer, events: int, relays: int, *, together: bool, inbox: bool
) -> tuple[float, float]:
    database = Database(postgres.new_database())
    database.create()
    _fill(database, events)
    settings = BusSettings(
        prefix=f"bench-{relays}-{together:d}-{inbox:d}", monitor_url=nats.monitor_url, require_sync=True
    )
    bus = NatsBus.connect(nats.url, settings)
    done, seen, counting = threading.Event(), [0], threading.Lock()

    def handler(delivery: Delivery) -> None:
        if inbox:
            with database.transaction(wake=False) as session:
                once(session, "bench", delivery.message.event_id)
        with counting:
            seen[0] += 1
            if seen[0] == events:
                done.set()

    bus.subscribe(Subscription(durable="bench", subjects=["dock.bench"], max_in_flight=8), handler)
    running = [Relay(database, bus if together else OneByOne(bus)) for _ in range(relays)]
    start = time.perf_counter()
    threads = [threading.Thread(target=_drain, args=(relay,)) for relay in running]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    emptied = time.perf_counter() - start
    if not done.wait(600):
        raise RuntimeError(f"{seen[0]} of {events} events arrived")
    consumed = time.perf_counter() - start
    bus.close()
    database.close()
    return events / emptied, events / consumed


def _drain(relay: Relay) -> None:
    while relay.relay():
        pass


def _fill(database: Database, events: int) -> None:
    row = {"subject": "dock.bench", "payload": b"x" * _BYTES, "created_at": time.time()}
    with database.transaction(wake=False) as session:
        session.execute(insert(rows.outbox), [{**row, "event_id": uuid.uuid4().hex} for _ in range(events)])


def main() -> None:
    for table in tables(quick="--quick" in sys.argv):
        print(table.to_markdown())


if __name__ == "__main__":
    main()
