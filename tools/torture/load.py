"""Many at once on one dock: pushes and searches of a crowd, a queue of one owner's hundreds, a flood of junk.

Run it with:  .venv/bin/python tools/torture/load.py [--quick]
"""

from __future__ import annotations

import argparse
import math
import os
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import wares
from crowd import Call, Client, Crowd
from flood import Flood
from gauge import MeasuredDock, Size
from learndock.client import Dock
from learndock.client.records import LearnwareRecord
from learndock.errors import NotFound

Row = tuple[object, ...]


def shares(packages: Sequence[Path], people: int) -> list[list[str]]:
    """Packages dealt out to `people`."""
    return [[str(path) for path in packages[number::people]] for number in range(people)]


def crowd_of(address: str, clients: int, packages: Sequence[Path], searches: int, *, name: str = "client") -> Crowd:
    """`clients` owners who share the pushes and the searches."""
    paths = shares(packages, clients)
    each = [
        Client(f"{name}{number}", paths[number], searches // clients + (number < searches % clients), seed=number)
        for number in range(clients)
    ]
    return Crowd(address, each)


def percentile(seconds: Sequence[float], share: float) -> float:
    """The value that `share` of them stay below; 0 for none."""
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def call_rows(calls: Sequence[Call]) -> list[Row]:
    """A row for each kind of call: how many, how many failed, and what they took."""
    rows: list[Row] = []
    for kind in sorted({call.kind for call in calls}):
        mine = [call for call in calls if call.kind == kind]
        took = [call.seconds for call in mine]
        failed = Counter(call.error for call in mine if call.error)
        told = ", ".join(f"{count} x {reason}" for reason, count in failed.most_common(3))
        rows.append((kind, len(mine), sum(failed.values()), *(percentile(took, p) for p in (0.5, 0.99, 1.0)), told))
    return rows


def refusals(before: Counter[tuple[str, str]], after: Counter[tuple[str, str]]) -> str:
    """What the dock turned away meanwhile, by method and code: each of these was tried again."""
    told = {key: count for key, count in (after - before).items() if key[1] not in ("OK", "CANCELLED")}
    return ", ".join(f"{method} {code} {count}" for (method, code), count in sorted(told.items())) or "none"


def show(title: str, head: Sequence[str], rows: Sequence[Row]) -> None:
    """Print a table as Markdown."""
    print(f"\n### {title}\n\n| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for row in rows:
        print("| " + " | ".join(f"{cell:.3g}" if isinstance(cell, float) else str(cell) for cell in row) + " |")


def show_size(before: Size, after: Size, peak: Size) -> None:
    """Print what the dock's process had."""
    rows = [("before", *_cells(before)), ("peak", *_cells(peak)), ("after", *_cells(after))]
    show("The dock's process", ("", "memory, MiB", "threads", "open files"), rows)


def _cells(size: Size) -> tuple[str, int, int]:
    return f"{size.rss_mib:.0f}", size.threads, size.files


CALLS = ("call", "calls", "failed", "p50, s", "p99, s", "longest, s", "why")


def storm(folder: Path, clients: int, pushes: int, searches: int) -> None:
    """Pushes and searches at once, after the same searches alone."""
    with MeasuredDock(folder / "storm") as dock:
        seed = wares.make_packages(folder / "seed", wares.ISLANDS, prefix="seed")
        crowd_of(dock.address, 2, seed, 20, name="seed").run()
        packages = wares.make_packages(folder / "storm-wares", pushes)
        alone = [call for call in crowd_of(dock.address, clients, [], searches).run() if call.kind == "search"]
        show(f"{searches} searches by {clients} clients, nothing else", CALLS, call_rows(alone))
        crowd = crowd_of(dock.address, clients, packages, searches)
        crowd.start()
        before, handled, cpu, start = dock.size(), dock.handled(), dock.cpu_seconds(), time.monotonic()
        calls = crowd.finish()
        took, worked = time.monotonic() - start, dock.cpu_seconds() - cpu
        show(f"{pushes} pushes and {searches} searches by {clients} clients", CALLS, call_rows(calls))
        ends = Counter(call.outcome for call in calls if call.kind == "wait")
        print(f"\nAll over after {took:.0f} s ({worked:.0f} s of processor time of the dock); ends: {dict(ends)};")
        print(f"turned away and tried again: {refusals(handled, dock.handled())}.")
        show_size(before, dock.size(), dock.peak())


def queue(folder: Path, waiting: int) -> None:
    """One owner's hundreds, then another's one: how many checks of the first end before the second's begins."""
    with MeasuredDock(folder / "queue") as dock:
        packages = wares.make_packages(folder / "queue-wares", waiting + 1)
        greedy = [Client("greedy", share, waits=False) for share in shares(packages[1:], 4)]
        start = time.monotonic()
        failed = [call for call in Crowd(dock.address, greedy).run() if call.error]
        pushed = time.monotonic() - start
        with Dock(dock.address, owner="late") as late:
            left = len(late.list(owner="greedy", states=["RECEIVED"]))
            mine = late.push(packages[0])
            start = time.monotonic()
            end = late.wait(mine.learnware_id, timeout=600)
            seconds = time.monotonic() - start
            passed = begun_before(late, mine)
        rows = [(waiting, len(failed), pushed, left, passed, seconds, end.state)]
        head = ("pushed", "failed", "in s", "waiting", "checks begun before the other's", "it took, s", "it ended")
        show("One owner's hundreds and another's one", head, rows)


def flood(folder: Path, searches: int, clients: int = 8) -> None:
    """Searches of some, alone and while one owner sends junk as fast as it can."""
    with MeasuredDock(folder / "flood") as dock:
        seed = wares.make_packages(folder / "flood-seed", wares.ISLANDS, prefix="seed")
        crowd_of(dock.address, 2, seed, 20, name="seed").run()
        rows: list[Row] = []
        alone = crowd_of(dock.address, clients, [], searches, name="alone")
        alone.start()
        rows.append(("alone", *call_rows(alone.finish())[0][1:]))
        with Flood(dock.address) as junk:
            time.sleep(5)  # what a minute allows is spent
            others = crowd_of(dock.address, clients, [], searches, name="other")
            others.start()
            handled, start = dock.handled(), time.monotonic()
            calls, took = others.finish(), time.monotonic() - start
            came = sum((dock.handled() - handled).values()) - searches
        rows.append(("beside the flood", *call_rows(calls)[0][1:]))
        show(f"{searches} searches by {clients} clients, and a flood of junk", ("search", *CALLS[1:]), rows)
        print(f"\nThe flood: {came / took:.0f} calls/s, whose ends were {junk.answers}.")


def begun_before(dock: Dock, mine: LearnwareRecord) -> int:
    """How many checks of others began after `mine` was accepted and before its own check began."""
    began = {record.learnware_id: _began(dock, record.learnware_id) for record in dock.list()}
    accepted = mine.created_at.timestamp() if mine.created_at else math.inf
    return sum(accepted < at < began[mine.learnware_id] for at in began.values())


def _began(dock: Dock, learnware_id: str) -> float:
    try:
        steps = dock.verdict(learnware_id).steps
    except NotFound:
        return math.inf
    return min((step.at.timestamp() for step in steps if step.at), default=math.inf)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a fifth of everything")
    parser.add_argument("--only", choices=("storm", "queue", "flood"), help="one part")
    parser.add_argument("--clients", type=int, default=0)
    parser.add_argument("--pushes", type=int, default=0)
    parser.add_argument("--searches", type=int, default=0)
    asked = parser.parse_args()
    part = 5 if asked.quick else 1
    cache = Path(__file__).resolve().parents[2] / ".cache" / "uv"
    if cache.is_dir():
        os.environ.setdefault("UV_CACHE_DIR", str(cache))
        os.environ.setdefault("DOCK_OFFLINE", "true")
    with tempfile.TemporaryDirectory(prefix="load-") as name:
        folder = Path(name)
        if asked.only in (None, "storm"):
            storm(folder, asked.clients or 50, asked.pushes or 200 // part, asked.searches or 1000 // part)
        if asked.only in (None, "queue"):
            queue(folder, 500 // part)
        if asked.only in (None, "flood"):
            flood(folder, 1000 // part)


if __name__ == "__main__":
    main()
