"""What poison costs the others: a steady flow of pushes and searches, without it and beside it, by turns.

Poison is what fails again and again: packages that the disk damaged after they were accepted, and events that nobody
can read (garbage, states of the future, half a mebibyte of junk, learnwares that never were).

Run it with:  .venv/bin/python tools/torture/poison.py [--rounds 3] [--pushes 40] [--damaged 20]
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import load
import wares
from crowd import Call
from death import prepare
from dockapi.events.v1 import events_pb2
from gauge import MeasuredDock
from learndock.client import Dock
from learndock.specification import TableSpecification

PUSH_EVERY_S, SEARCH_EVERY_S, EVENT_EVERY_S = 1.5, 0.2, 0.5
SETTINGS: Mapping[str, Any] = {"DOCK_CHECKING_LEASE_S": "5", "DOCK_RECONCILE_PERIOD_S": "1"}
"""So that five tries of what fails end within a flow."""
SUBJECTS = ("dock.learnware.received", "dock.learnware.accepted", "dock.learnware.indexed")


class Flow:
    """Pushes and searches at fixed times, however long the ones before take."""

    def __init__(self, address: str, packages: Sequence[Path]) -> None:
        self._address = address
        self._packages = packages
        self._own = threading.local()
        self._task = wares.task(1000)
        self.calls: list[Call] = []

    def run(self) -> None:
        """Start everything in its time, wait for the end of all."""
        start, pushes = time.monotonic(), len(self._packages)
        searches = int(pushes * PUSH_EVERY_S / SEARCH_EVERY_S)
        due: list[tuple[float, Callable[[], None]]] = []
        due += [(number * PUSH_EVERY_S, partial(self._push, path)) for number, path in enumerate(self._packages)]
        due += [(number * SEARCH_EVERY_S, partial(self._search, self._task)) for number in range(searches)]
        with ThreadPoolExecutor(32) as pool:
            for at, deed in sorted(due, key=lambda each: each[0]):
                time.sleep(max(0.0, start + at - time.monotonic()))
                pool.submit(deed)

    def _dock(self) -> Dock:
        if not hasattr(self._own, "dock"):
            self._own.dock = Dock(self._address, owner="steady")
        return self._own.dock  # type: ignore[no-any-return]

    def _push(self, path: Path) -> None:
        start = time.perf_counter()
        learnware_id = self._timed("push", lambda: self._dock().push(path).learnware_id, start)
        self._timed("push to INDEXED", lambda: self._dock().wait(learnware_id, timeout=600).state, start)

    def _search(self, task: TableSpecification) -> None:
        self._timed("search", lambda: str(len(self._dock().search(task).hits)), time.perf_counter())

    def _timed(self, kind: str, deed: Callable[[], str], start: float) -> str:
        outcome = error = ""
        try:
            outcome = deed()
        except Exception as fault:  # noqa: BLE001 - whatever it is, it is a failed call
            error = repr(fault)
        self.calls.append(Call(kind, "steady", time.perf_counter() - start, error, outcome))
        return outcome


class Events:
    """Events that nobody can read, put into a dock's outbox from outside for the length of a with-block."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._rng = random.Random(1)  # noqa: S311
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.count = 0

    def __enter__(self) -> Events:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        kinds = (self._garbage, self._future, self._huge, self._nobodys)
        with closing(sqlite3.connect(self._data / "dock.db", timeout=30)) as connection:
            while not self._done.wait(EVENT_EVERY_S):
                payload = kinds[self.count % len(kinds)]()
                values = (uuid.uuid4().hex, SUBJECTS[self.count % len(SUBJECTS)], payload, time.time())
                with connection:
                    connection.execute(
                        "INSERT INTO outbox (event_id, subject, payload, created_at) VALUES (?, ?, ?, ?)", values
                    )
                self.count += 1

    def _garbage(self) -> bytes:
        return b"\xff" + self._rng.randbytes(200)

    def _future(self) -> bytes:
        # State 999 and a field 1023, of a version that is not written yet.
        return (
            events_pb2.LearnwareEvent(learnware_id="lw-future").SerializeToString() + b"\x28\xe7\x07\xfa\x3f\x05later"
        )

    def _huge(self) -> bytes:
        return b"\xff" * (1 << 19)

    def _nobodys(self) -> bytes:
        return events_pb2.LearnwareEvent(
            event_id=uuid.uuid4().hex, tenant="default", learnware_id="lw-nobody", version=1, state="STATE_RECEIVED"
        ).SerializeToString()


def damage(data: Path, packages: Sequence[Path]) -> None:
    """Have packages accepted by a dock that checks nothing, and turn a bit of each on the disk."""
    with MeasuredDock(data, targets="ingestion") as dock, Dock(dock.address, owner="poisoner") as poisoner:
        for package in packages:
            poisoner.push(package)
    for path in (data / "blobs" / "objects").rglob("*"):
        if path.is_file():
            whole = path.read_bytes()
            path.write_bytes(whole[:100] + bytes([whole[100] ^ 8]) + whole[101:])


def block(folder: Path, pushes: int, damaged: int, name: str) -> tuple[list[Call], Counter[str], int]:
    """One flow on a dock of its own; calls, ends of the poisoner's packages, and how many events were poison."""
    packages = wares.make_packages(folder / f"wares-{name}", pushes + damaged + 2, prefix=name)
    data = folder / name
    if damaged:
        damage(data, packages[pushes + 2 :])
    with MeasuredDock(data, **SETTINGS) as dock:
        with Dock(dock.address, owner="first") as first:
            for package in packages[:2]:  # the environment is built
                first.wait(first.push(package).learnware_id, timeout=600)
        flow, count = Flow(dock.address, packages[2 : pushes + 2]), 0
        if damaged:
            with Events(data) as events:
                flow.run()
            count = events.count
        else:
            flow.run()
        with Dock(dock.address) as anybody:
            ends = Counter(record.state for record in anybody.list(owner="poisoner"))
    return flow.calls, ends, count


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="flows of each kind, by turns")
    parser.add_argument("--pushes", type=int, default=40, help="in each flow")
    parser.add_argument("--damaged", type=int, default=20, help="packages, in each flow beside poison")
    asked = parser.parse_args()
    prepare()
    calls: dict[str, list[Call]] = defaultdict(list)
    ends, events = Counter[str](), 0
    with tempfile.TemporaryDirectory(prefix="poison-") as name:
        for number in range(asked.rounds):
            calls["without"] += block(Path(name), asked.pushes, 0, f"clean{number}")[0]
            poisoned, ended, count = block(Path(name), asked.pushes, asked.damaged, f"poison{number}")
            calls["beside poison"] += poisoned
            ends, events = ends + ended, events + count
    rows = [(kind, *row) for kind, mine in calls.items() for row in load.call_rows(mine)]
    load.show("A steady flow without poison and beside it", ("flow", *load.CALLS), rows)
    for kind in sorted({call.kind for call in calls["without"]}):
        took = {key: [call.seconds for call in mine if call.kind == kind] for key, mine in calls.items()}
        ratios = [load.percentile(took["beside poison"], p) / load.percentile(took["without"], p) for p in (0.5, 0.99)]
        print(f"\n{kind}: p50 times {ratios[0]:.2f}, p99 times {ratios[1]:.2f}")
    print(f"\nPoison: {events} events, {dict(ends)} of the damaged packages at the end of their flow.")
    return 1 if any(call.error for mine in calls.values() for call in mine) else 0


if __name__ == "__main__":
    sys.exit(main())
