"""Reusers: time and accuracy of each, beside naive ways to the same thing."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import combinations
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

import reuse_scenes
from learndock.reuse import (
    AveragingReuser,
    EnsemblePruningReuser,
    FeatureAugmentationReuser,
    JobSelectorReuser,
    Member,
)
from learndock.reuse.density import within_spread
from learndock.reuse.evolution import best_front, evolve
from learndock.reuse.selection import _reduced_sets
from reuse_scenes import Scene
from table import Cell, Table

Array = npt.NDArray[Any]
Made = TypeVar("Made")
COMMAND = "python tools/bench/reuse.py"
LABELS = (10, 100, 1_000)


def tables(quick: bool) -> list[Table]:
    """The job selector on every scene, its time, the reusers against the number of labels, and pruning by size."""
    return [selection(quick), selection_time(quick), labelled(quick), pruning(quick)]


def selection(quick: bool) -> Table:
    """Rows answered right, with the member that each selector chooses."""
    rows: list[list[Cell]] = []
    for scene in reuse_scenes.scenes(quick=quick):
        chosen = [_ours(scene.members, scene.rows), _trees(scene.members, scene.rows), _nearest(scene)]
        rows.append([scene.name, scene.accuracy(scene.best), *(scene.accuracy(each) for each in chosen)])
    return Table(
        key="reuse.selection",
        title="The job selector: share of 1,000 rows answered right",
        columns=("scene", "oracle", "JobSelectorReuser", "100 extremely randomised trees", "nearest reduced point"),
        rows=rows,
        command=COMMAND,
        notes=(
            "The oracle knows the true densities of the made scenes (five mixtures of three Gaussians) and the owner "
            "of each row of the real ones; the others know the members' specifications and their shares. The trees "
            "are what the selector was before: scikit-learn's, trained on the weighted reduced points.",
        ),
    )


def selection_time(quick: bool) -> Table:
    """Milliseconds to prepare the selector and to choose for 1,000 rows among 5 members of 100 points each."""
    scene, members, _ = reuse_scenes.measured()
    ways: dict[str, Callable[[], Any]] = {
        "JobSelectorReuser, fit and select": lambda: _ours(members, scene.rows),
        "100 extremely randomised trees, fit and predict": lambda: _trees(members, scene.rows),
        "the same closed form in Python's loops, no width chosen": lambda: _loops(members, scene.rows),
    }
    times = [_seconds(work, 1 if "loops" in name or quick else 7) for name, work in ways.items()]
    return Table(
        key="reuse.selection_time",
        title="The job selector: time for 1,000 rows and 5 members",
        columns=("way", "ms", "times as long as ours"),
        rows=[[name, 1e3 * t, t / times[0]] for name, t in zip(ways, times, strict=True)],
        command=COMMAND,
        notes=("Processor time, the least of seven runs; the loops run once. The goal is 50 ms.",),
    )


def labelled(quick: bool) -> Table:
    """Accuracy and time of each reuser on the scene of the goal, by the number of labelled rows."""
    scene, members, labels = reuse_scenes.measured()
    half = len(labels) // 2
    seen, unseen = slice(0, half), slice(half, None)
    rows: list[list[Cell]] = []
    kinds = (AveragingReuser, JobSelectorReuser, EnsemblePruningReuser, FeatureAugmentationReuser)
    counts = [min(count, half) for count in LABELS]
    repeats = 1 if quick else 5
    for kind in kinds:
        fitted = [kind(members, n_classes=3).fit(scene.rows[:count], labels[:count]) for count in counts]
        accuracy = [each.score(scene.rows[unseen], labels[unseen]) for each in fitted]
        fit = _seconds(partial(kind(members, n_classes=3).fit, scene.rows[seen], labels[seen]), repeats)
        predict = _seconds(partial(fitted[-1].predict, scene.rows), repeats)
        rows.append([kind.__name__, *accuracy, 1e3 * fit, 1e3 * predict])
    own = [_own(scene.rows[:count], labels[:count]).score(scene.rows[unseen], labels[unseen]) for count in counts]
    rows.append(["a logistic regression of one's own", *own, "", ""])
    oracle = float(scene.right[scene.best, np.arange(len(labels))][unseen].mean())
    rows.append(["the right member for each row", oracle, oracle, oracle, "", ""])
    return Table(
        key="reuse.labelled",
        title="Reusers by labelled rows: share of 500 other rows answered right",
        columns=(
            "reuser",
            *(f"{count} labels" for count in counts),
            "fit on 500, ms",
            "predict 1,000, ms",
        ),
        rows=rows,
        command=COMMAND,
        notes=("The first scene of the table above: a member knows its own fifth of the rows only. Processor time.",),
    )


def pruning(quick: bool) -> Table:
    """Error of the subset that is found, by the number of members, beside trying every subset and adding greedily."""
    rows: list[list[Cell]] = []
    for size in (5, 8) if quick else (5, 8, 12, 16, 40):
        judge = _Votes(size)
        repeats = range(3 if quick else 10)
        found = [best_front(judge, size, rng=np.random.default_rng(seed)).values[:, 0].min() for seed in repeats]
        evolved = [evolve(judge, size, rng=np.random.default_rng(seed)).values[:, 0].min() for seed in repeats]
        every = float(judge(_every(size))[:, 0].min()) if size <= 16 else ""
        taken = _seconds(partial(_pruned, judge), 3)
        ours, alone = float(np.mean(found)), float(np.mean(evolved))
        rows.append([size, every, ours, alone, _greedy(judge), judge.whole(), 1e3 * taken])
    return Table(
        key="reuse.pruning",
        title="Ensemble pruning: error of the best subset on 300 labelled rows",
        columns=("members", "every subset", "ours", "NSGA-II alone", "greedy", "all members", "ours, ms"),
        rows=rows,
        command=COMMAND,
        notes=(
            "Members are right about 55 to 85 rows in 100, three classes. Means of ten seeds, processor time; ours "
            "tries every subset of up to eight members.",
        ),
    )


def _ours(members: Sequence[Member], rows: Array) -> Array:
    return JobSelectorReuser(members, task="regression").fit().select(rows)


def _points(members: Sequence[Member]) -> tuple[Array, Array, Array]:
    """Reduced points (p, d), whose they are (p,), and their weights (p,)."""
    specifications: list[Any] = [member.specification for member in members]
    weights = [member.weight * each.beta for member, each in zip(members, specifications, strict=True)]
    owners = np.repeat(np.arange(len(members)), [len(each.z) for each in specifications])
    return np.concatenate([each.z for each in specifications]), owners, np.concatenate(weights)


def _trees(members: Sequence[Member], rows: Array) -> Array:
    from sklearn.ensemble import ExtraTreesClassifier  # noqa: PLC0415

    points, owners, weights = _points(members)
    trees = ExtraTreesClassifier(n_estimators=100, min_samples_leaf=2, random_state=0)
    return np.asarray(trees.fit(points, owners, sample_weight=weights).predict(rows))


def _nearest(scene: Scene) -> Array:
    points, owners, _ = _points(scene.members)
    spread = within_spread(_reduced_sets([(each.key, each) for each in scene.members]))
    points, rows = points / spread, scene.rows / spread
    squares = (points**2).sum(axis=1) - 2 * rows @ points.T
    return np.asarray(owners[squares.argmin(axis=1)])


def _loops(members: Sequence[Member], rows: Array) -> Array:
    points, owners, weights = (each.tolist() for each in _points(members))
    chosen = []
    for row in rows.tolist():
        density = [0.0] * len(members)
        for point, owner, weight in zip(points, owners, weights, strict=True):
            squared = sum((a - b) ** 2 for a, b in zip(row, point, strict=True))
            density[owner] += weight * 2.718281828459045 ** (-0.1 * squared)
        chosen.append(max(range(len(members)), key=density.__getitem__))
    return np.array(chosen)


def _own(rows: Array, labels: Array) -> Any:
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415

    return LogisticRegression(max_iter=1_000).fit(rows, labels)


class _Votes:
    """Error and size of subsets of `size` members whose votes on 300 rows are drawn."""

    def __init__(self, size: int) -> None:
        rng = np.random.default_rng(size)
        self.size, self.labels = size, rng.integers(0, 3, 300)
        skill = rng.uniform(0.35, 0.75, (size, 1))
        said = np.where(rng.random((size, 300)) < skill, self.labels, rng.integers(0, 3, (size, 300)))
        self.votes = np.eye(3)[said]

    def __call__(self, masks: Array) -> Array:
        mean = np.tensordot(masks / masks.sum(axis=1, keepdims=True), self.votes, axes=1)
        return np.stack([(mean.argmax(axis=2) != self.labels).mean(axis=1), masks.sum(axis=1)], axis=1)

    def whole(self) -> float:
        """Error of all members together."""
        return float(self(np.ones((1, self.size), dtype=bool))[0, 0])


def _pruned(judge: _Votes) -> Any:
    return best_front(judge, judge.size, rng=np.random.default_rng(0))


def _every(size: int) -> Array:
    subsets = [keep for count in range(size) for keep in combinations(range(size), count + 1)]
    return np.array([[place in keep for place in range(size)] for keep in subsets])


def _greedy(judge: _Votes) -> float:
    """The best error on the way of adding, each time, the member that helps most."""
    mask, best = np.zeros(judge.size, dtype=bool), 1.0
    for _ in range(judge.size):
        free = np.flatnonzero(~mask)
        tried = np.repeat(mask[None], len(free), axis=0)
        tried[np.arange(len(free)), free] = True
        errors = judge(tried)[:, 0]
        mask = tried[errors.argmin()]
        best = min(best, float(errors.min()))
    return best


def _seconds(work: Callable[[], Made], repeats: int) -> float:
    """The least processor time of some runs."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


if __name__ == "__main__":
    for each in tables(quick=False):
        print(each.to_markdown())
