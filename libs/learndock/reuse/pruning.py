"""Ensemble pruning: the subset of members that does best on a few labelled rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learndock.errors import FailedPrecondition
from learndock.reuse import evolution
from learndock.reuse.member import Member, check_members
from learndock.reuse.reuser import Reuser, Task, check_labels

Array = NDArray[Any]


class EnsemblePruningReuser(Reuser):
    """A subset of the members, chosen on labelled rows, then averaged.

    An evolutionary search makes three things small at once: error on the labelled rows, a poor distribution of margins
    (classification: standard deviation less mean of the lead of the right class; regression: standard deviation of the
    absolute error), and size. Of the front, the subset with the least error is taken, then the better margins, then
    the smaller. `mask_` bool (members,) says which; `front_` holds them all. Wu et al. 2022.
    """

    def __init__(
        self,
        members: Sequence[Member],
        *,
        task: Task | str = "classification",
        n_classes: int | None = None,
        random_state: int = 0,
    ) -> None:
        self.members = members
        self.task = task
        self.n_classes = n_classes
        self.random_state = random_state

    def fit(self, X: Any = None, y: Any = None) -> EnsemblePruningReuser:
        """Choose the subset by rows `X` and labels `y`; InvalidInput LABELS_… where they do not do."""
        self.members_ = check_members(self.members)
        truth = check_labels(self, X, y)
        answers = self._ask(self.members_, X)
        stacked = np.stack(list(answers.values()))
        objectives = _Classification(stacked, truth) if self._classifies() else _Regression(stacked, truth)
        rng = np.random.default_rng(self.random_state)
        self.front_ = evolution.evolve(objectives, len(stacked), rng=rng)
        best = np.lexsort(self.front_.values.T[::-1])[0]
        self.mask_ = np.zeros(len(self.members_), dtype=bool)
        self.mask_[np.array(list(answers))[self.front_.masks[best]]] = True
        return self

    def predict(self, X: Any) -> Array:
        """Labels (n,) or numbers (n,) or (n, outputs) of the chosen members."""
        return self._answer(self._combine(X))

    def predict_proba(self, X: Any) -> Array:
        """Class probabilities (n, classes), the mean of the chosen members'."""
        self._needs_classification()
        return self._combine(X)

    def _combine(self, X: Any) -> Array:
        if not hasattr(self, "mask_"):
            raise FailedPrecondition(
                "The members have not been chosen yet.",
                reason="REUSER_NOT_FITTED",
                hint="Call fit(X, y) first.",
            )
        chosen = [each for each, keep in zip(self.members_, self.mask_, strict=True) if keep]
        return np.asarray(np.mean(list(self._ask(chosen, X).values()), axis=0))


class _Classification:
    """Error, margins and size of subsets by probabilities (m, n, classes) and labels (n,)."""

    def __init__(self, answers: Array, labels: Array) -> None:
        missing = int(labels.max()) + 1 - answers.shape[2]
        self._answers = np.pad(answers, ((0, 0), (0, 0), (0, max(missing, 0))))
        self._labels = labels

    def __call__(self, masks: Array) -> Array:
        sizes = masks.sum(axis=1)
        mean = np.tensordot(masks / sizes[:, None], self._answers, axes=1)
        rows = np.arange(len(self._labels))
        error = (mean.argmax(axis=2) != self._labels).mean(axis=1)
        right = mean[:, rows, self._labels]
        mean[:, rows, self._labels] = -np.inf
        margins = right - mean.max(axis=2)
        return np.stack([error, margins.std(axis=1) - margins.mean(axis=1), sizes], axis=1)


class _Regression:
    """Error, spread and size of subsets by numbers (m, n, outputs) and targets (n, outputs)."""

    def __init__(self, answers: Array, targets: Array) -> None:
        self._answers = answers
        self._targets = targets

    def __call__(self, masks: Array) -> Array:
        sizes = masks.sum(axis=1)
        mean = np.tensordot(masks / sizes[:, None], self._answers, axes=1)
        off = np.abs(mean - self._targets)
        return np.stack([(off**2).mean(axis=(1, 2)), off.std(axis=(1, 2)), sizes], axis=1)
