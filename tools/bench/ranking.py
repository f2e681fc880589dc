"""How well distances order learnwares by their use, with other masses and kernel widths than the file's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

import scenes
from learndock.specification import specify
from learndock.specification.kernel import gram, squared_distances
from scenes import GAMMA, Array
from table import Cell, Table

Ints = npt.NDArray[np.int64]
OWNERS, TASKS, ROWS = 12, 24, 60
_NOTE = (
    f"{OWNERS} owners of {ROWS} rows with class shares of their own, {TASKS} tasks likewise; an owner's model gives "
    "its nearest row's label. Columns are divided by the spread of all points, as search does. Rank correlation "
    "(Spearman) is between nearness and accuracy. The fraud is one point at the mean of all points, with as much "
    "weight as looks best: 1 where weights must sum to 1."
)


@dataclass(frozen=True)
class Part:
    """Rows and labels of an owner or of a task, and the table's specification."""

    rows: Array
    labels: Ints
    points: Array
    weights: Array


def ranking(quick: bool) -> Table:
    """Owners and tasks with class shares of their own; the model of an owner is its nearest row's label."""
    found: list[list[Cell]] = []
    for name in ("wine",) if quick else ("digits", "wine", "breast_cancer"):
        for wide in (False, True):
            for free in (False, True):
                found.append(_measured(name, wide=wide, free=free))  # noqa: PERF401 - three loops in one line
    return Table(
        "specification.ranking",
        "Order by distance against use: another gamma, another mass",
        ("table", "gamma", "sum of weights", "the first's accuracy", "best", "mean", "rank correlation", "fraud first"),
        found,
        "python tools/bench/specification.py",
        (_NOTE,),
    )


def _measured(name: str, *, wide: bool, free: bool) -> list[Cell]:
    rng = np.random.default_rng(0)
    rows, labels = scenes.real_rows(name)
    rows = rows[:, rows.std(axis=0) > 0]
    half = rng.permutation(len(rows))
    first, second = half[: len(rows) // 2], half[len(rows) // 2 :]
    gamma = _fitted(rows) if wide else GAMMA
    owners = [_part(rows[first], labels[first], gamma, rng, free=free) for _ in range(OWNERS)]
    tasks = [_part(rows[second], labels[second], gamma, rng, free=free) for _ in range(TASKS)]
    scale = np.concatenate([owner.points for owner in owners]).std(axis=0)
    scale[scale == 0] = 1.0
    centre = np.concatenate([owner.points for owner in owners]).mean(axis=0)[None]
    chosen, best, mean, order, fraud = [], [], [], [], 0
    for task in tasks:
        far = np.array([_mmd(task, owner.points, owner.weights, scale, gamma) for owner in owners])
        useful = np.array([_accuracy(owner, task, scale) for owner in owners])
        chosen.append(useful[far.argmin()])
        best.append(useful.max())
        mean.append(useful.mean())
        order.append(_spearman(-far, useful))
        least = float(task.weights @ gram(task.points / scale, centre / scale, gamma)[:, 0])
        fraud += _mmd(task, centre, np.array([least if free else 1.0]), scale, gamma) < far.min()
    width = f"{gamma:.3g}" + (" (1 / median)" if wide else "")
    mass = f"free, {np.mean([owner.weights.sum() for owner in owners]):.2f}" if free else "1"
    figures = [float(np.mean(each)) for each in (chosen, best, mean, order)]
    return [name, width, mass, *figures, f"{fraud} of {TASKS}"]


def _part(rows: Array, labels: Ints, gamma: float, rng: np.random.Generator, *, free: bool) -> Part:
    classes = np.unique(labels)
    shares = rng.dirichlet(np.full(len(classes), 0.5))[np.searchsorted(classes, labels)]
    chosen = rng.choice(len(rows), ROWS, replace=False, p=(shares + 1e-6) / (shares + 1e-6).sum())
    mine = rows[chosen]
    made = specify(mine, k=ROWS // 5, gamma=gamma, privacy="off")
    weights = _free_weights(made.z, mine, gamma) if free else made.beta
    return Part(mine, labels[chosen], made.z, weights)


def _free_weights(points: Array, rows: Array, gamma: float) -> Array:
    """Best weights >= 0, whatever their sum, on the table's own scale."""
    from scipy.optimize import nnls  # noqa: PLC0415 - as everywhere

    spread = rows.std(axis=0)
    spread[spread == 0] = 1.0
    points, rows = points / spread, rows / spread
    lower = np.linalg.cholesky(gram(points, points, gamma) + 1e-9 * np.eye(len(points)))
    return np.asarray(nnls(lower.T, np.linalg.solve(lower, gram(points, rows, gamma).mean(axis=1)))[0])


def _fitted(rows: Array) -> float:
    standard = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    return float(1.0 / np.median(squared_distances(standard[:300], standard[300:600] if len(rows) > 400 else standard)))


def _mmd(task: Part, points: Array, weights: Array, scale: Array, gamma: float) -> float:
    a, b = task.points / scale, points / scale
    own = task.weights @ gram(a, a, gamma) @ task.weights + weights @ gram(b, b, gamma) @ weights
    return float(own - 2 * task.weights @ gram(a, b, gamma) @ weights)


def _accuracy(owner: Part, task: Part, scale: Array) -> float:
    nearest = squared_distances(task.rows / scale, owner.rows / scale).argmin(axis=1)
    return float((owner.labels[nearest] == task.labels).mean())


def _spearman(a: Array, b: Array) -> float:
    from scipy.stats import spearmanr  # noqa: PLC0415

    return float(spearmanr(a, b).statistic)
