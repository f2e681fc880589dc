"""Every way to a model, measured on a task's held-out rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.model_selection import KFold

from learndock.reuse import (
    AveragingReuser,
    EnsemblePruningReuser,
    FeatureAugmentationReuser,
    JobSelectorReuser,
    Member,
    Model,
)
from people import Array, Kind, TaskData
from scenario import LABELS, own_model, trusted_reuser

OWN = "own model"
METHODS = (OWN, "top-1", "averaging", "job selector", "ensemble pruning", "feature augmentation")
LEARNING = ("ensemble pruning", "feature augmentation")


@dataclass(frozen=True)
class Measured:
    """A loss on held-out rows: share of wrong labels, or root mean squared error.

    `trusted` is whether this is the reuser that was to be trusted, by a rule that saw no held-out row.
    """

    task: str
    kind: Kind
    seed: int
    method: str
    n_labels: int
    loss: float
    trusted: bool = False


class Remembered:
    """A model that is asked once for all rows that will be needed: one sandboxed call serves every reuser."""

    def __init__(self, model: Model, rows: Array) -> None:
        outputs = np.asarray(model.predict(rows))
        self._answers = {row.tobytes(): output for row, output in zip(rows, outputs, strict=True)}

    def predict(self, X: Array) -> Array:
        """The model's outputs for rows among those it was asked for."""
        return np.stack([self._answers[row.tobytes()] for row in X])


def compare(task: TaskData, seed: int, single: Member, mixture: Sequence[Member]) -> list[Measured]:
    """Losses of the owner's own model and of every reuser, for every number of labels.

    `single` is the best hit of the search, `mixture` the members found together. Where a method has nothing to learn
    from (0 labels) it has no entry; reusers that need no labels have the same loss throughout.
    """
    reusers = _reusers(task, single, mixture)
    measured = []
    for count in LABELS:
        X, y = task.X_labelled[:count], task.y_labelled[:count]
        trusted = _trusted(task, reusers, X, y)
        for method in METHODS:
            if count or method not in (OWN, *LEARNING):
                fitted = own_model(task.kind, X, y) if method == OWN else _fitted(method, reusers[method], X, y)
                loss = _loss(task, fitted, task.X_test, task.y_test)
                measured.append(Measured(task.name, task.kind, seed, method, count, loss, method == trusted))
    return measured


def _trusted(task: TaskData, reusers: Mapping[str, Any], X: Array, y: Array) -> str:
    """The reuser to trust: by rule, or by five-fold cross validation on the labelled rows."""
    named = trusted_reuser(task.kind, len(y))
    if named:
        return named
    losses = dict.fromkeys(reusers, 0.0)
    for train, held in KFold(5).split(X):
        for method, reuser in reusers.items():
            losses[method] += _loss(task, _fitted(method, reuser, X[train], y[train]), X[held], y[held])
    return min(losses, key=losses.__getitem__)


def _fitted(method: str, reuser: Any, X: Array, y: Array) -> Any:
    """The reuser, fitted anew where it learns from labels."""
    return reuser.fit(X, y) if method in LEARNING else reuser


def _reusers(task: TaskData, single: Member, mixture: Sequence[Member]) -> dict[str, Any]:
    said: dict[str, Any] = {"task": task.kind, "n_classes": task.n_classes}
    rows = np.concatenate([task.X_labelled, task.X_test])
    best, *members = [_remembered(each, rows) for each in (single, *mixture)]
    return {
        "top-1": AveragingReuser([best], **said),
        "averaging": AveragingReuser(members, **said),
        "job selector": JobSelectorReuser(members, **said),
        "ensemble pruning": EnsemblePruningReuser(members, **said),
        "feature augmentation": FeatureAugmentationReuser(members, **said),
    }


def _remembered(member: Member, rows: Array) -> Member:
    return Member(Remembered(member.model, rows), member.weight, member.specification, member.key)


def _loss(task: TaskData, fitted: Any, X: Array, y: Array) -> float:
    predicted = np.asarray(fitted.predict(X))
    if task.kind == "classification":
        return float(np.mean(predicted != y))
    return float(np.sqrt(np.mean((predicted - y) ** 2)))
