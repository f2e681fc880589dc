"""Reducing a table: nearness, time and privacy of ways to do it."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import numpy as np

import reducers
import scenes
from learndock.specification import default_size, specify
from learndock.specification.descend import load
from learndock.specification.privacy import PrivacyWarning
from learndock.specification.threads import one_thread
from ranking import ranking
from reducers import Array, Reduced, k_means, moved, some, weighted
from scenes import Scene
from table import Cell, Table

K = 100
REPEATS, SLOW = 3, 0.2
OURS = "**specify**: L-BFGS on 2,000, then 10,000 rows"
COMMAND = "python tools/bench/specification.py"
_GOALS = (
    "MMD² to all rows, exact. Goals: .00032 (10,000 x 10), .0079 (10,000 x 50), 0.3 s (100,000 x 50). Time is "
    "processor time of one thread, the best of three, with the privacy rules on. `of nothing at all` is "
    "‖μ‖², the MMD² of the zero function."
)
_METHODS = (
    "Methods that choose rows choose among 10,000. s: processor time of one thread, the table of the last "
    "column. The nearest row of any point, in standard deviations per column, and the share are those of the "
    "second table."
)
_PEER = (
    "The peer's way is a plain float64 emulation of ours after its description; the peer itself stands under "
    "its own heading."
)
Method = Callable[[Array, int, int], Reduced]
Made = TypeVar("Made")


def tables(quick: bool) -> list[Table]:
    """All that docs/adr/0007 speaks of; quick: small tables only."""
    load()
    with one_thread(), warnings.catch_warnings():
        warnings.simplefilter("ignore", PrivacyWarning)  # 100 points for 1,000 rows
        made = {
            "1e3 x 10": scenes.clusters(1_000, 10),
            "1e4 x 10": scenes.clusters(1_500 if quick else 10_000, 10),
            "1e4 x 50": scenes.clusters(1_500 if quick else 10_000, 50),
            "1e5 x 50": scenes.clusters(2_000 if quick else 100_000, 50),
        }
        if quick:
            made = {f"{name} (less rows)" if name != "1e3 x 10" else name: made[name] for name in made}
        specify(made["1e3 x 10"].rows)  # loads scipy
        return [
            _goals(quick),
            _methods(made),
            _variants(made, quick),
            _real(quick),
            ranking(quick),
        ]


def _goals(quick: bool) -> Table:
    """The numbers to hold: MMD^2, nearest row, time."""
    rows: list[list[Cell]] = []
    for n in (1_000, 3_000) if quick else (1_000, 10_000, 100_000):
        for d in (10, 50):
            scene = scenes.clusters(n, d)
            k = min(K, n // 5)
            seconds, made = _timed(partial(specify, scene.rows, k=k))
            near = scene.nearest(made.z)
            worth = scene.squared_mmd(made.z, made.beta)
            zero = scene.self_norm
            rows.append([n, d, len(made.z), worth, zero, float(near.min()), scene.raw_share(made.z), seconds])
    columns = ("rows", "columns", "points", "MMD²", "of nothing at all", "nearest row, sd", "rows published", "s")
    return Table(
        "specification.goals",
        "`learndock.specify` on tables of eight clusters",
        columns,
        rows,
        COMMAND,
        (_GOALS,),
    )


def _methods(made: dict[str, Scene]) -> Table:
    methods: dict[str, Method] = {
        "rows at random, equal weights": reducers.random_rows,
        "rows at random, best weights": reducers.weighted_rows,
        "leverage scores, best weights": reducers.leverage,
        "recombination": partial(reducers.recombination, best=False),
        "recombination, best weights": reducers.recombination,
        "herding": partial(reducers.herding, best=False),
        "herding, best weights": reducers.herding,
        "k-means, best weights": lambda rows, k, seed: weighted(k_means(some(rows, 2_000, seed), k, seed), rows),
        "the peer's way": reducers.peer_like,
        OURS: _ours,
    }
    return Table(
        "specification.methods",
        "100 points: MMD² to all rows",
        ("method", *made, "s, last column", "nearest row, sd", "points that are rows"),
        [_row(name, method, made) for name, method in methods.items()],
        COMMAND,
        (_METHODS, _PEER),
    )


def _variants(made: dict[str, Scene], quick: bool) -> Table:
    def descent(size: int, start: str = "k-means", rounds: int = 60, **options: object) -> Method:
        def method(rows: Array, k: int, seed: int) -> Reduced:
            sample = some(rows, size, seed)
            points = {
                "k-means": lambda: k_means(some(rows, 2_000, seed), k, seed),
                "rows": lambda: some(rows, k, seed + 1),
                "herding": lambda: reducers.herding(sample, k, seed, best=False)[0],
            }[start]()
            return weighted(moved(points, sample, rounds=rounds, **options)[0], rows)  # type: ignore[arg-type]

        return method

    methods: dict[str, Method] = {
        "1,000 rows, 60 rounds": descent(1_000),
        "2,000 rows": descent(2_000),
        "5,000 rows": descent(5_000),
        "10,000 rows": descent(10_000),
        "2,000 rows, from rows": descent(2_000, start="rows"),
        "2,000 rows, from herding": descent(2_000, start="herding"),
        "2,000 rows, float64": descent(2_000, dtype=np.float64),
        "2,000 rows, weights as a softmax too": descent(2_000, joint=True),
        "2,000 rows, points and weights in turn": reducers.alternating,
        OURS: _ours,
        f"10,000 rows, softmax too, {120 if quick else 600} rounds": descent(
            10_000, joint=True, rounds=120 if quick else 600
        ),
    }
    return Table(
        "specification.variants",
        "L-BFGS on the points: rows, starts, weights",
        ("variant", *made, "s, last column", "nearest row, sd", "points that are rows"),
        [_row(name, method, made) for name, method in methods.items()],
        COMMAND,
        ("Exact weights afterwards in all of them. The last row is what more time would bring.",),
    )


def _ours(rows: Array, k: int, seed: int) -> Reduced:
    made = specify(rows, k=k, random_state=seed)
    return made.z, made.beta


def _row(name: str, method: Method, made: dict[str, Scene]) -> list[Cell]:
    worth: list[Cell] = []
    near, share, seconds = 0.0, 0.0, 0.0
    for place, scene in enumerate(made.values()):
        seconds, (points, weights) = _timed(partial(method, scene.rows, K, 0))
        worth.append(scene.squared_mmd(points, weights))
        if place == 1:
            near, share = float(scene.nearest(points).min()), scene.raw_share(points)
    return [name, *worth, seconds, near, share]


def _real(quick: bool) -> Table:
    methods: dict[str, Method] = {
        "rows, best weights": reducers.weighted_rows,
        "herding, best weights": reducers.herding,
        "k-means, best weights": lambda rows, k, seed: weighted(k_means(rows, k, seed), rows),
        "the peer's way": reducers.peer_like,
        "specify": _ours,
    }
    rows: list[list[Cell]] = []
    for name in scenes.REAL[2:] if quick else scenes.REAL:
        scene = scenes.real(name)
        n, d = scene.rows.shape
        k = default_size(n)
        found = [method(scene.rows, k, 0) for method in methods.values()]
        shares = [scene.raw_share(points) for points, _ in found]
        rows.append([f"{name}, {n} x {d}, K = {k}", *(scene.squared_mmd(*each) for each in found), *shares[3:]])
    return Table(
        "specification.real",
        "Real tables: MMD² to all rows, with the points that suit their number of rows",
        ("table", *methods, "rows published, the peer's way", "specify"),
        rows,
        COMMAND,
        ("Tables that scikit-learn brings along, standardised.",),
    )


def _timed(work: Callable[[], Made]) -> tuple[float, Made]:
    """The least of up to three times, and what came of it; slow work is done once."""
    times: list[float] = []
    while len(times) < REPEATS and sum(times) < SLOW:
        start = time.process_time()
        made = work()
        times.append(time.process_time() - start)
    return min(times), made


if __name__ == "__main__":
    for each in tables(quick=False):
        print(each.to_markdown())
