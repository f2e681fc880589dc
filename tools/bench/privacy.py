"""Privacy: what points give away with and without the rules, what the rules cost, and what lowers an attack."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

import reducers
from learndock.search import mmd
from learndock.specification import specify
from learndock.specification.audit_attack import attack_with
from learndock.specification.guard_measures import Rows, equal_rows, support, too_near
from learndock.specification.kernel import gram
from learndock.specification.privacy import SUPPORT
from learndock.specification.reduce import standardise
from learndock.specification.threads import one_thread
from learndock.specification.weights import simplex_weights
from table import Cell, Table

Array = npt.NDArray[np.float64]
Privacy = Literal["default", "off"]
Three = tuple[float, float, float]

COMMAND = "python tools/bench/privacy.py"
GAMMA = 0.1
RATIOS = (5, 10, 20, 50, 100)
_MEANING = (
    "Shares of points in the worst table and split. A point shows a row nearer than 5 % of the rows' median nearest "
    "distance (or of the gap around that row), or with whole numbers of it. It has too few rows, fewer than 5, by "
    "the effective number around it or by its weight. `peer` is a plain emulation of the peer's way on standardised "
    "columns; off and on are ours without and with the rules."
)
_ATTACK = (
    "AUC: rows used against rows held out, by the distance to the nearest point, over splits in halves; means over "
    "tables. Goal .55 at most."
)
_MOST_ROWS = 2_000
_MOST_POINTS = 200


def tables(quick: bool) -> list[Table]:
    """The figures of docs/guide/privacy.md; quick: few tables, one split each."""
    sets = dict(_sets(quick))
    with warnings.catch_warnings(), one_thread():
        warnings.simplefilter("ignore")
        made = [_measure(name, X, ratio, split) for name, X in sets.items() for ratio, split in _cases(X, quick)]
        return [
            _by_ratio([each for each in made if each is not None]),
            _by_set([each for each in made if each is not None and each.ratio == 20]),
            _remedies({name: sets[name] for name in ("breast_cancer", "diabetes", "digits") if name in sets}, quick),
            _ranking(quick),
        ]


@dataclass(frozen=True)
class Measured:
    """One table, n/K and split: each figure the peer's way, then without and with the rules."""

    name: str
    ratio: int
    near: Three
    few: Three
    auc: Three
    squared: Three
    points: Three


def _sets(quick: bool) -> Iterator[tuple[str, Array]]:
    """Tables that scikit-learn brings along or makes: fractions, whole numbers, few and many columns."""
    from sklearn import datasets  # noqa: PLC0415

    for name in ("breast_cancer", "diabetes") if quick else ("iris", "wine", "breast_cancer", "diabetes", "digits"):
        yield name, np.asarray(getattr(datasets, f"load_{name}")().data, dtype=np.float64)
    if quick:
        return
    rng = np.random.default_rng(0)
    for name in ("china.jpg", "flower.jpg"):
        pixels = datasets.load_sample_image(name).reshape(-1, 3).astype(np.float64)
        yield f"pixels of {name}", pixels[rng.choice(len(pixels), _MOST_ROWS, replace=False)]
    yield "swiss_roll", datasets.make_swiss_roll(_MOST_ROWS, noise=0.5, random_state=0)[0]
    yield "friedman1", datasets.make_friedman1(_MOST_ROWS, random_state=0)[0]
    yield "classification", datasets.make_classification(_MOST_ROWS, 20, n_informative=8, random_state=0)[0]
    # Half of the numbers far out: rows that stand alone.
    yield "heavy tails", rng.standard_t(1.5, size=(1_000, 5))


def _cases(X: Array, quick: bool) -> Iterator[tuple[int, int]]:
    # Small tables are split more often: one split of few rows tells little.
    splits = 1 if quick else 2 if len(X) > 1_000 else 6
    return ((ratio, split) for ratio in RATIOS for split in range(splits))


def _measure(name: str, X: Array, ratio: int, split: int) -> Measured | None:
    """Make specifications of one half of the rows, without and with the rules; the other half is held out."""
    used, others = _halves(X, split)
    k = len(used) // ratio
    if not 1 <= k <= _MOST_POINTS:
        return None
    rows = standardise(used)
    held_out = (others - rows.centre) / rows.spread
    peers, weights = reducers.peer_like(rows.standard, k, split)
    triple = [_figures(peers, weights, rows, held_out)]
    for mode in ("off", "default"):
        made = specify(used, k=k, privacy=mode)
        triple.append(_figures((made.z - rows.centre) / rows.spread, made.beta, rows, held_out))
    return Measured(name, ratio, *((triple[0][i], triple[1][i], triple[2][i]) for i in range(5)))


def _halves(X: Array, split: int) -> tuple[Array, Array]:
    order = np.random.default_rng(split).permutation(len(X))
    return X[order[: len(X) // 2]], X[order[len(X) // 2 :]]


def _figures(z: Array, beta: Array, rows: Rows, held_out: Array) -> tuple[float, float, float, float, float]:
    showing = too_near(z, rows) | (equal_rows(z, rows) >= 0)
    few = (support(z, rows, GAMMA) < SUPPORT * (1 - 1e-6)) | (beta * len(rows.raw) < SUPPORT * (1 - 1e-6))
    auc = attack_with(z, rows.standard, held_out, 0).auc
    return float(showing.mean()), float(few.mean()), auc, _squared(z, beta, rows.standard), float(len(z))


def _squared(z: Array, beta: Array, rows: Array, *, itself: float | None = None) -> float:
    """MMD^2 to rows; `itself` for the rows' own mean kernel where another is meant."""
    itself = float(gram(rows, rows, GAMMA).mean()) if itself is None else itself
    return float(beta @ gram(z, z, GAMMA) @ beta - 2.0 * beta @ gram(z, rows, GAMMA).mean(axis=1)) + itself


def _by_ratio(made: list[Measured]) -> Table:
    rows: list[list[Cell]] = []
    for ratio in RATIOS:
        here = [each for each in made if each.ratio == ratio]
        by_name = [_mean([each for each in here if each.name == name]) for name in sorted({each.name for each in here})]
        if not by_name:
            continue
        rows.append(
            [
                ratio,
                len(by_name),
                *(max(each.near[mode] for each in here) for mode in range(3)),
                *(max(each.few[mode] for each in here) for mode in (1, 2)),
                *(float(np.mean([each.auc[mode] for each in by_name])) for mode in range(3)),
                max(each.auc[2] for each in by_name),
                _cost(by_name),
                f"{1 - sum(each.points[2] for each in here) / sum(each.points[1] for each in here):.1%}",
            ]
        )
    return Table(
        "privacy.rules",
        "What points give away, without and with the privacy rules",
        (
            "n/K",
            "tables",
            "show a row, peer",
            "off",
            "on",
            "too few rows, off",
            "on",
            "AUC, peer",
            "off",
            "on",
            "AUC, worst table, on",
            "MMD², on / off (geometric mean)",
            "points dropped",
        ),
        rows,
        COMMAND,
        (
            _MEANING,
            _ATTACK,
        ),
    )


def _by_set(made: list[Measured]) -> Table:
    rows: list[list[Cell]] = []
    for name in dict.fromkeys(each.name for each in made):
        one = _mean([each for each in made if each.name == name])
        rows.append([name, round(one.points[1]), round(one.points[2]), *one.near, *one.few[1:], *one.auc, *one.squared])
    return Table(
        "privacy.tables",
        "The same at n/K = 20, a row for each table (means over splits)",
        (
            *("table", "K", "K kept", "show a row, peer", "off", "on", "too few rows, off", "on"),
            *("AUC, peer", "off", "on", "MMD², peer", "off", "on"),
        ),
        rows,
        COMMAND,
        ("MMD² to the rows used, on standardised columns, gamma .1.",),
    )


def _mean(made: list[Measured]) -> Measured:
    def three(figures: list[Three]) -> Three:
        peer, off, on = (float(each) for each in np.mean(figures, axis=0))
        return peer, off, on

    return Measured(
        made[0].name,
        made[0].ratio,
        three([each.near for each in made]),
        three([each.few for each in made]),
        three([each.auc for each in made]),
        three([each.squared for each in made]),
        three([each.points for each in made]),
    )


def _cost(made: list[Measured]) -> float:
    # Below 1e-7 both are nothing but rounding.
    return float(np.exp(np.mean([np.log(max(each.squared[2], 1e-7) / max(each.squared[1], 1e-7)) for each in made])))


def _remedies(sets: dict[str, Array], quick: bool) -> Table:
    """Ways to a lower AUC at n/K = 20, and what they cost in nearness to rows held out."""
    ways: dict[str, Callable[[Array, Array], tuple[Array, Array]]] = {
        "as made, n/K = 20": lambda used, rows: _remade(used, rows, 20),
        "half as many points": lambda used, rows: _remade(used, rows, 40),
        "a quarter as many": lambda used, rows: _remade(used, rows, 80),
        "points drawn to the mean by a fifth": lambda used, rows: _changed(used, rows, 0.8, 0.0),
        "points drawn to the mean by two fifths": lambda used, rows: _changed(used, rows, 0.6, 0.0),
        "noise on points, .3 of a standard deviation": lambda used, rows: _changed(used, rows, 1.0, 0.3),
        "noise on points, .6": lambda used, rows: _changed(used, rows, 1.0, 0.6),
    }
    rows: list[list[Cell]] = []
    for way, make in ways.items():
        cells: list[Cell] = [way]
        for X in sets.values():
            found = [_remedy(X, split, make) for split in range(2 if quick else 8)]
            cells += [float(np.mean([each[0] for each in found])), float(np.mean([each[1] for each in found]))]
        rows.append(cells)
    return Table(
        "privacy.remedies",
        "What lowers the AUC of the attack, and what it costs",
        ("way", *(f"{name}, {what}" for name in sets for what in ("AUC", "MMD² to rows held out"))),
        rows,
        COMMAND,
        ("MMD² to the distribution of held-out rows (unbiased). Weights are solved again after every change.",),
    )


def _remedy(X: Array, split: int, make: Callable[[Array, Array], tuple[Array, Array]]) -> tuple[float, float]:
    used, others = _halves(X, split)
    rows = standardise(used)
    held_out = (others - rows.centre) / rows.spread
    z, beta = make(used, rows.standard)
    own = gram(held_out, held_out, GAMMA)
    n = len(held_out)
    unbiased = float((own.sum() - n) / (n * (n - 1)))
    return attack_with(z, rows.standard, held_out, 0).auc, _squared(z, beta, held_out, itself=unbiased)


def _remade(used: Array, _: Array, ratio: int) -> tuple[Array, Array]:
    made, table = specify(used, k=max(1, len(used) // ratio)), standardise(used)
    return (made.z - table.centre) / table.spread, made.beta


def _changed(used: Array, rows: Array, factor: float, noise: float) -> tuple[Array, Array]:
    z, _ = _remade(used, rows, 20)
    z = factor * z + noise * np.random.default_rng(0).normal(size=z.shape)
    return z, simplex_weights(gram(z, z, GAMMA), gram(z, rows, GAMMA).mean(axis=1))


def _ranking(quick: bool) -> Table:
    """How often the nearest specification is of the task's own kind, without and with the rules."""
    count = 10 if quick else 40
    scenes = {f"{count} made kinds, 100 rows": _made_kinds(count)}
    if not quick:
        scenes["digits, ten kinds, 45 rows"] = _digits()
    rows: list[list[Cell]] = []
    for name, kinds in scenes.items():
        for ratio in (5, 10, 20):
            right = [_right(kinds, ratio, mode) for mode in ("off", "default")]
            rows.append([name, ratio, *right])
    return Table(
        "privacy.ranking",
        "Tasks whose nearest specification is of their own kind",
        ("tables", "n/K", "without the rules", "with them"),
        rows,
        COMMAND,
        ("Two learnwares and two tasks of each kind, on columns standardised together.",),
    )


def _right(kinds: list[list[Array]], ratio: int, privacy: Privacy | str) -> str:
    mode: Privacy = "off" if privacy == "off" else "default"
    made = [[specify(X, k=max(1, len(X) // ratio), privacy=mode) for X in kind] for kind in kinds]
    shelf = [(place, each) for place, kind in enumerate(made) for each in kind[:2]]
    tasks = [(place, each) for place, kind in enumerate(made) for each in kind[2:]]
    hits = 0
    for place, task in tasks:
        distances = [mmd(task, each) for _, each in shelf]
        hits += shelf[int(np.argmin(distances))][0] == place
    return f"{hits} of {len(tasks)}"


def _made_kinds(count: int) -> list[list[Array]]:
    rng = np.random.default_rng(7)
    kinds = []
    for _ in range(count):
        centres = rng.normal(size=(3, 8))
        owners = [centres + 0.9 * rng.normal(size=centres.shape) for _ in range(4)]
        kinds.append([own[rng.integers(3, size=100)] + 0.7 * rng.normal(size=(100, 8)) for own in owners])
    return kinds


def _digits() -> list[list[Array]]:
    from sklearn.datasets import load_digits  # noqa: PLC0415

    found = load_digits()
    X = standardise(np.asarray(found.data, dtype=np.float64)).standard
    # Fewer columns, so that the kernel sees neighbours: the first eight directions of most spread.
    X = X @ np.linalg.svd(X, full_matrices=False)[2][:8].T
    X = X / X.std(axis=0)
    rng = np.random.default_rng(0)
    kinds = [rng.permutation(np.flatnonzero(found.target == kind)) for kind in range(10)]
    return [[X[part] for part in np.array_split(kind[:172], 4)] for kind in kinds]


if __name__ == "__main__":
    for each in tables(quick=False):
        print(each.to_markdown())
