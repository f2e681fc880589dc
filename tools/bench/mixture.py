"""Mixtures for tasks of several domains: how near, which domains are found, how long; vectors against every product."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

import domains
from learndock.search import Index, island_scale, mixture
from learndock.search.distance import squared_mmd
from learndock.semantic import SemanticSpecification
from learndock.specification import TableSpecification
from learndock.specification.kernel import inner_product
from learndock.specification.threads import one_thread
from learndock.specification.weights import simplex_weights
from scan import least
from table import Cell, Table

COMMAND = "python tools/bench/mixture.py"
ANY = SemanticSpecification()
Array = npt.NDArray[np.float64]
Solve = Callable[[Index, TableSpecification], tuple[Sequence[str], float, float | None]]
"""Gives keys, MMD² and seconds; None for all that the call took."""

_SIZE = 5
_NEAREST = 25
_STOP_AT = 0.95


@dataclass(frozen=True)
class _Case:
    """A task of the bench and the domains that its rows are of."""

    task: TableSpecification
    domains: frozenset[int]


def tables(quick: bool) -> list[Table]:
    """Mixtures, and what their vectors cost to prepare."""
    size, count = (2_000, 3) if quick else (10_000, 12)
    world = domains.world(size)
    index = world.index()
    cases = {width: _cases(width, count) for width in (3, 1)}
    return [_preparation(index, cases[3][0], size), _mixtures(world, index, cases, size)]


def _cases(width: int, count: int) -> list[_Case]:
    rng = np.random.default_rng([4, width])
    chosen = [[int(each) for each in rng.choice(domains.DOMAINS, width, replace=False)] for _ in range(count)]
    return [_Case(domains.task(each, 100 * width + seed), frozenset(each)) for seed, each in enumerate(chosen)]


def _preparation(index: Index, case: _Case, size: int) -> Table:
    plain, plain_processor = least(lambda: index.search(case.task, ANY, mixture="none"), 1)
    first, processor = least(lambda: index.search(case.task, ANY), 1)
    again, again_processor = least(lambda: index.search(case.task, ANY), 3)
    domains.add(index, "0:new", domains.task([0], 1))
    added, added_processor = least(lambda: index.search(case.task, ANY), 1)
    index.remove("0:new")
    rows: list[list[Cell]] = [
        ["first search, no mixture", plain, plain_processor],
        ["first search with a mixture: vectors are made", first, processor],
        ["every other", again, again_processor],
        ["first after an add", added, added_processor],
    ]
    return Table(
        "mixture.preparation",
        f"What vectors cost: {size:,} learnwares, K = 100, d = 20, in seconds",
        ("search", "wall clock", "processor, all cores"),
        rows,
        COMMAND,
        ("Vectors are made once per island and scale, by all cores, and can be called off; then only for newcomers.",),
    )


def _mixtures(world: domains.World, index: Index, cases: dict[int, list[_Case]], size: int) -> Table:
    rows: list[list[Cell]] = []
    for width, some in cases.items():
        methods: tuple[tuple[str, Solve], ...] = (
            ("best single", _single),
            (f"{_NEAREST} nearest, forward, float64 loop", _Loop(world)),
            ("ours", _ours),
            ("ours, every product evaluated", _every),
        )
        for name, solve in methods:
            index.search(some[0].task, ANY)
            rows.append([width, name, *_worth(index, some, solve)])
    return Table(
        "mixture.tasks",
        f"Tasks of three domains and of one: {size:,} learnwares of {domains.DOMAINS} domains, at most {_SIZE} chosen",
        ("domains", "method", "MMD², mean", "MMD², worst", "domains found", "seconds", "processor s"),
        rows,
        COMMAND,
        (
            f"Means of {len(cases[3])} tasks each; MMD² on the island's scale, in float64; seconds are the median of "
            "whole searches, the scan included, except for the loop, which is given the nearest and times its own "
            "growth. It is the peer's way (all weights solved again for each of the 25 nearest, end below 5 % gained), "
            "on the island's scale; its processor seconds are those of the search before it too. The peer itself is "
            "in `peer.mixture`.",
        ),
    )


def _worth(index: Index, cases: Sequence[_Case], solve: Solve) -> list[Cell]:
    squared, found, spent, processor = [], [], [], []
    for case in cases:
        wall, start = time.perf_counter(), time.process_time()
        keys, value, seconds = solve(index, case.task)
        processor.append(time.process_time() - start)
        spent.append(seconds if seconds is not None else time.perf_counter() - wall)
        squared.append(value)
        found.append(len({domains.domain_of(key) for key in keys} & case.domains))
    width = len(cases[0].domains)
    return [
        float(np.mean(squared)),
        max(squared),
        f"{np.mean(found):.2g} of {width}",
        float(np.median(spent)),
        float(np.median(processor)),
    ]


def _ours(index: Index, task: TableSpecification) -> tuple[Sequence[str], float, float | None]:
    found = index.search(task, ANY, mixture_size=_SIZE).mixture
    assert found is not None
    return found.keys, found.distance**2, None


def _every(index: Index, task: TableSpecification) -> tuple[Sequence[str], float, float | None]:
    usual, mixture.LARGE = mixture.LARGE, 10**9
    try:
        return _ours(index, task)
    finally:
        mixture.LARGE = usual


def _single(index: Index, task: TableSpecification) -> tuple[Sequence[str], float, float | None]:
    best = index.search(task, ANY, limit=1, mixture="none").hits[0]
    return (best.key,), best.distance**2, None


class _Loop:
    """Forward selection over the nearest, evaluated one by one."""

    def __init__(self, world: domains.World) -> None:
        self._members = world.members
        self._scale = island_scale(list(world.members.values()))

    def __call__(self, index: Index, task: TableSpecification) -> tuple[Sequence[str], float, float | None]:
        keys = [hit.key for hit in index.search(task, ANY, limit=_NEAREST, mixture="none").hits]
        start = time.perf_counter()
        with one_thread():
            chosen, value = self._grown([self._members[key] for key in keys], task)
        return [keys[each] for each in chosen], value, time.perf_counter() - start

    def _grown(self, members: Sequence[TableSpecification], task: TableSpecification) -> tuple[list[int], float]:
        K = np.array([[self._product(a, b) for b in members] for a in members])
        c = np.array([self._product(task, each) for each in members])
        own = self._product(task, task)
        chosen, value = [0], squared_mmd(task, members[0], self._scale)
        while len(chosen) < _SIZE:
            steps = [self._solved(K, c, own, [*chosen, each]) for each in range(len(members)) if each not in chosen]
            best, places = min(steps)
            if best > _STOP_AT * value:
                break
            chosen, value = places, best
        return chosen, value

    def _solved(self, K: Array, c: Array, own: float, places: list[int]) -> tuple[float, list[int]]:
        part = K[np.ix_(places, places)]
        w = simplex_weights(part, c[places])
        return float(own + w @ part @ w - 2.0 * w @ c[places]), places

    def _product(self, a: TableSpecification, b: TableSpecification) -> float:
        return inner_product(a.z / self._scale, a.beta, b.z / self._scale, b.beta, a.gamma)


if __name__ == "__main__":
    for table in tables(quick=False):
        print(table.to_markdown())
