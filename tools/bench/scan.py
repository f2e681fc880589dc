"""How long a search without a mixture takes, per learnware, and how exact its float32 scan is."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from itertools import islice

import numpy as np

import domains
from learndock.search.distance import squared_mmd
from learndock.search.shelf import Entry, Shelf
from learndock.semantic import SemanticSpecification
from learndock.specification import TableSpecification
from learndock.specification.threads import one_thread
from table import Cell, Table

COMMAND = "python tools/bench/scan.py"
ANY = SemanticSpecification()
_NAIVE = 200
"""Learnwares that the loop is timed on."""
_REPEATS = 7


def tables(quick: bool) -> list[Table]:
    """Times, what a change costs, and errors."""
    sizes = (1_000,) if quick else (1_000, 10_000)
    return [_times(sizes), _changes(sizes), _errors(sizes[:1])]


def _times(sizes: tuple[int, ...]) -> Table:
    rows: list[list[Cell]] = []
    for size in sizes:
        for name, units in (("standardised", 1.0), ("columns x 1,000", 1_000.0)):
            rows.append([size, name, *_costs(_world(size, units), _in_units(domains.task([1], 0), units))])
    return Table(
        "scan.times",
        "A search, in microseconds per learnware (K = 100, d = 20)",
        (
            "learnwares",
            "table",
            "plain loop, float64",
            "scan, one scale",
            "both scales",
            "both, processor",
            "whole search",
            "loop / both scales",
            "KB held",
        ),
        rows,
        COMMAND,
        (
            f"Least of {_REPEATS}, no mixture. The plain loop evaluates MMD² of one learnware after the other, as the "
            "definition says, on one core. A whole search scans both scales, evaluates the nearest 42 in float64, "
            "judges, and matches words. Processor is the time of all cores together: where nothing else runs the wall "
            "clock shows half of it on two. KB are those of the points and weights that are scanned, per learnware.",
        ),
    )


def _costs(world: domains.World, task: TableSpecification) -> list[Cell]:
    index, shelf, size = world.index(), _shelf(world), len(world.members)
    index.search(task, ANY, mixture="none")
    with one_thread():
        shelf.compare(task)
        sample = list(islice(world.members.values(), _NAIVE))
        naive, _ = least(lambda: [squared_mmd(task, each) for each in sample], 2)
        one, _ = least(lambda: shelf.inner_products(task))
        both, processor = least(lambda: shelf.compare(task))
    whole, _ = least(lambda: index.search(task, ANY, mixture="none"))
    naive *= size / len(sample)
    held = sum(tray.ready()[0].nbytes for tray in shelf.trays)
    per = 1e6 / size
    return [
        naive * per,
        one * per,
        both * per,
        processor * per,
        whole * per,
        naive / both,
        held / size / 1e3,
    ]


def _changes(sizes: tuple[int, ...]) -> Table:
    rows: list[list[Cell]] = []
    for size in sizes:
        index, task = domains.world(size).index(), domains.task([1], 0)
        search = partial(index.search, task, ANY, mixture="none")
        rows.append([size, "the first search", *_milliseconds(least(search, 1))])
        rows.append([size, "every other", *_milliseconds(least(search))])
        found = []
        for number in range(9):
            domains.add(index, f"{number}:new", domains.task([number], number))
            found.append(least(search, 1))
        rows.append([size, "the first after an add", *_milliseconds(sorted(found)[len(found) // 2])])
    return Table(
        "scan.changes",
        "The first search, and the first after one learnware more, in milliseconds",
        ("learnwares", "search", "wall clock", "processor, all cores"),
        rows,
        COMMAND,
        (
            "No mixture. The last is the median of nine adds. Only the newcomer's tray (256 learnwares on average) is "
            "made again; all are where the newcomer moves the scale by a step, or a doubling divides the trays.",
        ),
    )


def _milliseconds(seconds: tuple[float, float]) -> list[Cell]:
    return [1e3 * each for each in seconds]


def _errors(sizes: tuple[int, ...]) -> Table:
    rows: list[list[Cell]] = []
    for size in sizes:
        for name, units in (("standardised", 1.0), ("columns x 10", 10.0), ("columns x 1,000", 1_000.0)):
            world, task = _world(size, units), _in_units(domains.task([1], 0), units)
            shelf = _shelf(world)
            found, exact = shelf.compare(task), shelf.compare(task)
            shelf.evaluate(task, np.arange(len(shelf)), exact)
            ours = float(np.abs(found.squared - exact.squared).max())
            theirs = float(np.abs(found.peer_squared - exact.peer_squared).max())
            stack = shelf.trays[0].ready()[0]
            rows.append([size, name, str(stack.dtype), str(stack.plain_dtype), ours, theirs])
    return Table(
        "scan.errors",
        "Greatest error of a scanned MMD² against float64",
        ("learnwares", "table", "scale, type", "as they are, type", "on the scale", "columns as they are"),
        rows,
        COMMAND,
        ("What is shown to a user was evaluated in float64; the scan only decides which.",),
    )


def _world(size: int, units: float) -> domains.World:
    world = domains.world(size)
    return domains.World({key: _in_units(each, units) for key, each in world.members.items()})


def _in_units(specification: TableSpecification, units: float) -> TableSpecification:
    return TableSpecification(
        units * specification.z, specification.beta, specification.gamma, specification.num_points
    )


def _shelf(world: domains.World) -> Shelf:
    return Shelf([Entry.of(key, ANY, each) for key, each in world.members.items()])


def least(call: Callable[[], object], repeats: int = _REPEATS) -> tuple[float, float]:
    """Least wall clock and least processor seconds of some calls."""
    found = []
    for _ in range(repeats):
        wall, processor = time.perf_counter(), time.process_time()
        call()
        found.append((time.perf_counter() - wall, time.process_time() - processor))
    return min(each[0] for each in found), min(each[1] for each in found)


if __name__ == "__main__":
    for table in tables(quick=False):
        print(table.to_markdown())
