"""Ensemble pruning: the subset of members that does best on a few labelled rows."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learndock.errors import FailedPrecondition
from learndock.reuse import evolution
from learndock.reuse.errors import InvalidInput, not_fitted
from learndock.reuse.member import DockWarning
from learndock.reuse.reuser import Reuser

Array = NDArray[Any]
_CELLS = 8_000_000


class EnsemblePruningReuser(Reuser):
    """A subset of the members, chosen on labelled rows, then averaged.

    Three things are made small at once: error on the labelled rows, a poor distribution of margins (classification:
    standard deviation less mean of the lead of the right class; regression: standard deviation of the absolute error),
    and size. Of the front, the subset with the least error is taken, then the better margins, then the smaller. Up to
    eight members every subset is tried; of more, an evolutionary search (NSGA-II) with the seed `random_state` finds
    the front. `mask_` bool (members,) says which were taken; `front_` holds them all. Wu, He, Qian and Zhou, 2022.
    """

    _needs_labels = True

    def fit(self, X: Any = None, y: Any = None) -> EnsemblePruningReuser:
        """Choose the subset by rows `X` and labels `y`; InvalidInput LABELS_… where they do not do."""
        rows, truth = self._begin(X, y)
        answers = self._ask(self.members_, rows)
        stacked = np.stack(list(answers.values()))
        if self._classifies() and self._width() is None:
            self.classes_ = np.arange(max(stacked.shape[2], len(self.classes_)))
        objectives = _Classification(stacked, truth) if self._classifies() else _Regression(stacked, truth)
        rng = np.random.default_rng(self.random_state)
        self.front_ = evolution.best_front(objectives, len(stacked), rng=rng)
        best = np.lexsort(self.front_.values.T[::-1])[0]
        self.mask_ = np.zeros(len(self.members_), dtype=bool)
        self.mask_[np.array(list(answers))[self.front_.masks[best]]] = True
        return self

    def _combine(self, X: Any) -> Array:
        if not hasattr(self, "mask_"):
            raise not_fitted(type(self).__name__)
        rows = self._rows(X)
        chosen = [each for each, keep in zip(self.members_, self.mask_, strict=True) if keep]
        others = [each for each, keep in zip(self.members_, self.mask_, strict=True) if not keep]
        try:
            answers = self._ask(chosen, rows)
        except (FailedPrecondition, InvalidInput) as error:
            if not others:
                raise
            warnings.warn(f"All chosen members failed; the others stand in. {error.message}", DockWarning, stacklevel=3)
            lost = dict.fromkeys((name for name, _ in chosen), error.message)
            answers = self._ask(others, rows)
            self.dropped_ = lost | self.dropped_
        return np.asarray(np.mean(list(answers.values()), axis=0))


class _Judge:
    """Objectives of subsets, worked out for as many at once as memory is meant for."""

    def __init__(self, answers: Array, truth: Any) -> None:
        self._answers = answers
        self._truth = truth

    def __call__(self, masks: Array) -> Array:
        block = max(1, _CELLS // self._answers[0].size)
        return np.concatenate([self._values(masks[at : at + block]) for at in range(0, len(masks), block)])

    def _mean(self, masks: Array) -> Array:
        return np.asarray(np.tensordot(masks / masks.sum(axis=1)[:, None], self._answers, axes=1))

    def _values(self, masks: Array) -> Array:
        raise NotImplementedError


class _Classification(_Judge):
    """Error, margins and size of subsets by probabilities (m, n, classes) and labels (n,)."""

    def __init__(self, answers: Array, labels: Any) -> None:
        missing = max(int(labels.max()) + 1 - answers.shape[2], 0)
        super().__init__(np.pad(answers, ((0, 0), (0, 0), (0, missing))), labels)

    def _values(self, masks: Array) -> Array:
        mean, rows = self._mean(masks), np.arange(len(self._truth))
        error = (mean.argmax(axis=2) != self._truth).mean(axis=1)
        right = mean[:, rows, self._truth]
        mean[:, rows, self._truth] = -np.inf
        rival = mean.max(axis=2) if mean.shape[2] > 1 else np.zeros_like(right)
        margins = right - rival
        return np.stack([error, margins.std(axis=1) - margins.mean(axis=1), masks.sum(axis=1)], axis=1)


class _Regression(_Judge):
    """Error, spread and size of subsets by numbers (m, n, outputs) and targets (n, outputs)."""

    def _values(self, masks: Array) -> Array:
        off = np.abs(self._mean(masks) - self._truth)
        return np.stack([(off**2).mean(axis=(1, 2)), off.std(axis=(1, 2)), masks.sum(axis=1)], axis=1)
