"""Every way to a model, measured on a task's held-out rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from learndock.experiment.losses import LOSSES, Loss, metric_of
from learndock.experiment.market import Found
from learndock.experiment.remembered import remember_all
from learndock.experiment.scenario import Array, Scenario, TaskOwner
from learndock.experiment.training import own_trainer
from learndock.reuse import (
    AveragingReuser,
    EnsemblePruningReuser,
    FeatureAugmentationReuser,
    JobSelectorReuser,
    Member,
)

OWN = "own model"
FREE = ("top-1", "mixture", "averaging", "job selector")
"""Reusers that need no labels: the best hit, the mixture averaged by weight, its members averaged, one for each row."""
LEARNING = ("ensemble pruning", "feature augmentation")
"""Reusers of the mixture's members that learn from the labels."""
REUSERS = (*FREE, *LEARNING)
YARDSTICKS = ("random one", "average of all", "best single")
"""What no search is needed for: the mean loss of all owners' models, all averaged, and the one that the held-out rows
say is best (an oracle)."""
TRUSTED = "trusted reuser"
FOLDS = 5


@dataclass(frozen=True)
class Figure:
    """A loss on the held-out rows of a task with `n_labels` labels.

    `trusted` is whether this is the reuser that was to be trusted, by a rule that saw no held-out row.
    """

    task: str
    seed: int
    method: str
    n_labels: int
    loss: float
    trusted: bool = False


def compare(scenario: Scenario, task: TaskOwner, seed: int, found: Found) -> Iterator[Figure]:
    """Losses of the task owner's own model and of every reuser, at 0 labels and at each of the scenario's numbers.

    What has nothing to learn from (0 labels) has no figure; what needs no labels has the same loss throughout.
    """
    loss = LOSSES[metric_of(scenario.kind, scenario.metric)]
    said: dict[str, Any] = {"task": scenario.kind, "n_classes": scenario.n_classes}
    rows = np.concatenate([task.X_labelled, task.X_test])
    remembered = remember_all([found.single, *found.mixture, *found.everyone], rows)
    single, members = remembered[0], remembered[1 : 1 + len(found.mixture)]
    free = {method: reuser.predict(rows) for method, reuser in _free(single, members, said).items()}
    steady = {method: loss(task.y_test, predicted[len(task.X_labelled) :]) for method, predicted in free.items()}
    steady |= _yardsticks(remembered[1 + len(members) :], task, loss, said)
    reusers = _learning(members, seed, said)
    for count in (0, *scenario.labels):
        X, y = task.X_labelled[:count], task.y_labelled[:count]
        losses = dict(steady)
        if count:
            losses[OWN] = _own(scenario, task, X, y, loss)
            for method, reuser in reusers.items():
                losses[method] = loss(task.y_test, reuser.fit(X, y).predict(task.X_test))
        trusted = scenario.trust(count) or _by_validation(free, reusers, X, y, loss)
        for method, value in losses.items():
            yield Figure(task.name, seed, method, count, value, method == trusted)


def _free(single: Member, members: Sequence[Member], said: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "top-1": AveragingReuser([single], **said),
        "mixture": AveragingReuser(members, weighted=True, **said),
        "averaging": AveragingReuser(members, **said),
        "job selector": JobSelectorReuser(members, **said),
    }


def _learning(members: Sequence[Member], seed: int, said: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "ensemble pruning": EnsemblePruningReuser(members, random_state=seed, **said),
        "feature augmentation": FeatureAugmentationReuser(members, random_state=seed, **said),
    }


def _own(scenario: Scenario, task: TaskOwner, X: Array, y: Array, loss: Loss) -> float:
    train = scenario.own or own_trainer(scenario.kind, scenario.metric)
    return loss(task.y_test, np.asarray(train(X, y).predict(task.X_test)))


def _yardsticks(members: Sequence[Member], task: TaskOwner, loss: Loss, said: Mapping[str, Any]) -> dict[str, float]:
    if not members:
        return {}
    alone = [loss(task.y_test, AveragingReuser([each], **said).predict(task.X_test)) for each in members]
    together = loss(task.y_test, AveragingReuser(members, **said).predict(task.X_test))
    return dict(zip(YARDSTICKS, (float(np.mean(alone)), together, min(alone)), strict=True))


def _by_validation(free: Mapping[str, Array], reusers: Mapping[str, Any], X: Array, y: Array, loss: Loss) -> str:
    """The reuser that does best on the labelled rows, those that learn by five-fold cross validation."""
    if len(y) < FOLDS:
        return "job selector"
    totals = dict.fromkeys((*free, *reusers), 0.0)
    for held in np.array_split(np.arange(len(y)), FOLDS):
        kept = np.setdiff1d(np.arange(len(y)), held)
        for method, predicted in free.items():
            totals[method] += loss(y[held], predicted[held])
        for method, reuser in reusers.items():
            totals[method] += loss(y[held], reuser.fit(X[kept], y[kept]).predict(X[held]))
    return min(totals, key=totals.__getitem__)
