"""What poison costs the others: a steady flow on one dock, in windows with poison and without, by turns drawn by lot.

Poison is what fails again and again: packages that the disk damaged after they were accepted, set to work anew in each
window of poison, and events that nobody can read (garbage, half a mebibyte of junk) or that mean nothing (states of the
future, learnwares that never were). A pair is one window of each; between windows all that is poison comes to rest.

Run it with:  .venv/bin/python tools/torture/poison.py [--pairs 16] [--seconds 15] [--damaged 4]
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
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import load
import wares
from death import prepare
from dock_db import Database, Learnwares
from dockapi.events.v1 import events_pb2
from gauge import MeasuredDock
from learndock.client import Dock
from learndock.specification import TableSpecification
from pairs import Seconds, compare

PUSH_EVERY_S, SEARCH_EVERY_S, EVENT_EVERY_S = 2.0, 0.1, 0.25
SETTLE_S = 2.0
"""Of each window, at its beginning, that do not count."""
MOST, STOCK = 1.10, 16
SETTINGS: Mapping[str, Any] = {"DOCK_CHECKING_LEASE_S": "5", "DOCK_RECONCILE_PERIOD_S": "1"}
"""So that five tries of what fails end within a window and the rest after it."""
SUBJECTS = ("dock.learnware.received", "dock.learnware.accepted", "dock.learnware.indexed")
TOLD = (
    ("search", 0.5),
    ("search", 0.99),
    ("push", 0.5),
    ("push", 0.99),
    ("push to INDEXED", 0.5),
    ("push to INDEXED", 0.9),
)
WITHOUT, BESIDE = "without", "beside poison"


@dataclass
class Window:
    """What calls took, by kind, from the moment they were due; and how many failed."""

    took: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    failed: list[str] = field(default_factory=list)


class Flow:
    """Pushes and searches at fixed times, however long the ones before take."""

    def __init__(self, address: str, packages: Sequence[Path]) -> None:
        self._address = address
        self._packages = iter(packages)
        self._own = threading.local()
        self._task = wares.task(1000)

    def window(self, seconds: float) -> Window:
        """Start everything in its time, wait for the end of all."""
        found, start = Window(), time.perf_counter() + 0.1
        due: list[tuple[float, Callable[[Window, float], None]]] = []
        end = SETTLE_S + seconds
        due += [(at, self._search) for at in np.arange(0, end, SEARCH_EVERY_S)]
        due += [(at, partial(self._push, next(self._packages))) for at in np.arange(0, end, PUSH_EVERY_S)]
        with ThreadPoolExecutor(32) as pool:
            for at, deed in sorted(due, key=lambda each: each[0]):
                time.sleep(max(0.0, start + at - time.perf_counter()))
                pool.submit(deed, found if at >= SETTLE_S else Window(), start + at)
        return found

    def _dock(self) -> Dock:
        if not hasattr(self._own, "dock"):
            self._own.dock = Dock(self._address, owner="steady")
        return self._own.dock  # type: ignore[no-any-return]

    def _push(self, path: Path, window: Window, due: float) -> None:
        learnware_id = self._timed(window, "push", due, lambda: self._dock().push(path).learnware_id)
        self._timed(window, "push to INDEXED", due, lambda: self._dock().wait(learnware_id, timeout=600).state)

    def _search(self, window: Window, due: float) -> None:
        task: TableSpecification = self._task
        self._timed(window, "search", due, lambda: str(len(self._dock().search(task).hits)))

    def _timed(self, window: Window, kind: str, due: float, deed: Callable[[], str]) -> str:
        outcome = ""
        try:
            outcome = deed()
        except Exception as fault:  # noqa: BLE001 - whatever it is, it is a failed call
            window.failed.append(f"{kind}: {fault!r}")
        window.took[kind].append(time.perf_counter() - due)
        return outcome


class Poison:
    """Damaged packages and events of a dock's folder that do their harm for the length of a with-block."""

    def __init__(self, data: Path, address: str, damaged: Sequence[tuple[str, int]]) -> None:
        self._data, self._address, self._damaged = data, address, damaged
        self._rng = random.Random(1)  # noqa: S311
        self.events = self.tries = 0

    def __enter__(self) -> Poison:
        database = Database(f"sqlite:///{self._data / 'dock.db'}")
        with closing(database), database.transaction() as session:
            for key in self._damaged:
                Learnwares().redrive(session, *key)
        self.tries += len(self._damaged)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._done.set()
        self._thread.join()

    def rest(self) -> None:
        """Wait until all that is damaged is given up."""
        with Dock(self._address) as anybody:
            while any(record.state != "FAILED_INTERNAL" for record in anybody.list(owner="poisoner")):
                time.sleep(0.2)

    def _run(self) -> None:
        kinds = (self._garbage, self._future, self._huge, self._nobodys)
        with closing(sqlite3.connect(self._data / "dock.db", timeout=30)) as connection:
            while not self._done.wait(EVENT_EVERY_S):
                payload = kinds[self.events % len(kinds)]()
                values = (uuid.uuid4().hex, SUBJECTS[self.events % len(SUBJECTS)], payload, time.time())
                with connection:
                    connection.execute(
                        "INSERT INTO outbox (event_id, subject, payload, created_at) VALUES (?, ?, ?, ?)", values
                    )
                self.events += 1

    def _garbage(self) -> bytes:
        return b"\xff" + self._rng.randbytes(200)

    def _future(self) -> bytes:
        # State 999 and a field 1023, of a version that is not written yet.
        known = events_pb2.LearnwareEvent(event_id="future", learnware_id="lw-future", version=1)
        return known.SerializeToString() + b"\x28\xe7\x07\xfa\x3f\x05later"

    def _huge(self) -> bytes:
        return self._rng.randbytes(512 << 10)

    def _nobodys(self) -> bytes:
        return events_pb2.LearnwareEvent(
            event_id=uuid.uuid4().hex, tenant="default", learnware_id="lw-nobody", version=1, state="STATE_RECEIVED"
        ).SerializeToString()


def damage(data: Path, packages: Sequence[Path]) -> list[tuple[str, int]]:
    """Have packages accepted by a dock that checks nothing, and turn a bit of each on the disk; which they are."""
    with MeasuredDock(data, targets="ingestion") as dock, Dock(dock.address, owner="poisoner") as poisoner:
        records = [poisoner.push(package) for package in packages]
    for path in (data / "blobs" / "objects" / "packages").rglob("*"):
        if path.is_file():
            whole = path.read_bytes()
            path.write_bytes(whole[:100] + bytes([whole[100] ^ 8]) + whole[101:])
    return [(record.learnware_id, record.version) for record in records]


def measure(
    folder: Path, pairs: int, seconds: float, damaged: int, seed: int
) -> tuple[dict[str, list[Window]], Poison]:
    """All windows by kind, in the order of their pairs."""
    rng, each = random.Random(seed), int((SETTLE_S + seconds) / PUSH_EVERY_S) + 1  # noqa: S311
    packages = wares.make_packages(folder / "wares", damaged + STOCK + 2 * pairs * each)
    stock, rest = packages[damaged : damaged + STOCK], packages[damaged + STOCK :]
    data, windows = folder / "dock", defaultdict[str, list[Window]](list)
    spoilt = damage(data, packages[:damaged])
    with MeasuredDock(data, **SETTINGS) as dock:
        with Dock(dock.address, owner="first") as first:
            for learnware_id in [first.push(package).learnware_id for package in stock]:
                first.wait(learnware_id, timeout=600)
        poison, flow = Poison(data, dock.address, spoilt), Flow(dock.address, rest)
        poison.rest()
        for number in range(pairs):
            for kind in rng.sample((WITHOUT, BESIDE), 2):
                if kind == WITHOUT:
                    windows[kind].append(flow.window(seconds))
                else:
                    with poison:
                        windows[kind].append(flow.window(seconds))
                    poison.rest()
            print(f"pair {number + 1} of {pairs}", file=sys.stderr, flush=True)
    return windows, poison


def rows(windows: Mapping[str, Sequence[Window]], seed: int) -> list[load.Row]:
    """A row for each quantile, and one that compares windows without poison with one another."""
    rng = np.random.default_rng(seed)
    found: list[load.Row] = []
    for kind, share in TOLD:
        without, beside = ([np.array(each.took[kind]) for each in windows[key]] for key in (WITHOUT, BESIDE))
        found.append(_row(kind, share, without, beside, rng))
    calm = [np.array(each.took["search"]) for each in windows[WITHOUT]]
    half = len(calm) // 2 * 2
    if half >= 4:
        found.append(_row("search, without against without", 0.99, calm[:half:2], calm[1:half:2], rng))
    return found


def _row(
    kind: str, share: float, without: Sequence[Seconds], beside: Sequence[Seconds], rng: np.random.Generator
) -> load.Row:
    found, calls = compare(without, beside, share, rng), sum(map(len, without))
    interval = f"{found.low:.2f} to {found.high:.2f}"
    return f"{kind}, p{share * 100:.0f}", calls, found.without, found.beside, found.ratio, interval, found.verdict(MOST)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=16, help="windows of each kind")
    parser.add_argument("--seconds", type=float, default=15.0, help="of each window that count")
    parser.add_argument("--damaged", type=int, default=4, help="packages that fail five times in each window of poison")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    prepare()
    with tempfile.TemporaryDirectory(prefix="poison-") as name:
        windows, poison = measure(Path(name), asked.pairs, asked.seconds, asked.damaged, asked.seed)
    head = ("call", "calls of each", f"{WITHOUT}, s", f"{BESIDE}, s", "ratio", "95 % interval", f"at most {MOST}")
    load.show("A steady flow without poison and beside it", head, rows(windows, asked.seed))
    failed = [each for mine in windows.values() for window in mine for each in window.failed]
    print(
        f"\nPoison: {poison.events} events; {poison.tries} times a damaged package was tried five times and given up."
    )
    print("\n".join(f"failed: {each}" for each in failed[:20]))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
