"""Which of several reduced sets a row most likely comes from: the closed form of the job selector.

With mu_i the embedding of member i and w_i its share of the mixture, w_i mu_i(x) / sum_j w_j mu_j(x) estimates the
probability that row x belongs to member i (Wu et al., TKDE 2023, who sample from the embeddings and train a classifier
to tell the members apart). Three things are set here so that it holds off the specification's own kernel:

- columns are divided by the members' own spread, pooled, so that units do not matter;
- the kernel is as wide as tells the reduced points apart best, each left out in turn. That is a density estimate;
- densities are raised to a power of 1, 2 or 4, chosen the same way: in many columns they are too flat, and shares
  would outweigh what the row shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from learndock.reuse.member import shares
from learndock.specification.threads import one_thread

Array = NDArray[np.float64]
WIDTHS = tuple(0.05 * 2.0**step for step in range(9))
"""Tried as gamma times the median squared distance from a reduced point to its nearest."""
POWERS = (1.0, 2.0, 4.0)
NARROWER = 1.5
"""Rows lie nearer to reduced points than these to one another, since a reduced set spreads its points."""
JUDGED = 500
"""Reduced points, at most, that the width and the power are chosen on."""
_CELLS = 4_000_000
_FAR = 1e3
_NEVER = -1e300


@dataclass(frozen=True)
class ReducedSet:
    """Points z (k, d), their weights (k,) > 0, and the share of the mixture."""

    z: Array
    weights: Array
    share: float


class Posterior:
    """Log probabilities of members by row, up to a term that is the same for all members of a row."""

    def __init__(self, sets: Sequence[ReducedSet]) -> None:
        self._spread = within_spread(sets)
        points = np.concatenate([each.z for each in sets])
        # Not the mean: a single point far away would leave all others no digits.
        self._centre = np.median(points, axis=0)
        self._points = (points - self._centre) / self._spread
        # Farther off than this, rounding would hide which point is the nearest.
        self._edge = _FAR * (1.0 + np.abs(self._points).max(initial=0.0))
        ends = np.cumsum([len(each.z) for each in sets])
        self._slices = [slice(end - len(each.z), end) for end, each in zip(ends, sets, strict=True)]
        with np.errstate(divide="ignore"):
            self._log_weights = np.log(np.concatenate([shares(each.weights) for each in sets]))
            prior = np.log(shares([each.share for each in sets]))
        self._prior = np.maximum(prior, _NEVER)
        with one_thread():
            self.gamma, self.power = self._chosen()

    def __call__(self, X: Array) -> Array:
        """(n, members) for rows (n, d)."""
        rows = np.clip((X - self._centre) / self._spread, -self._edge, self._edge)
        block = max(1, _CELLS // len(self._points))
        with one_thread():
            parts = [self._densities(rows[at : at + block]) for at in range(0, len(rows), block)]
        return np.asarray(self.power * np.concatenate(parts) + self._prior)

    def _densities(self, rows: Array) -> Array:
        return self._log_densities(_squared_distances(rows, self._points), self.gamma)

    def _log_densities(self, distances: Array, gamma: float) -> Array:
        """Log mu_i for all members, -inf where no point is left, from squared distances (n, points)."""
        terms = self._log_weights - gamma * distances
        return np.stack([_log_sum(terms[:, part]) for part in self._slices], axis=1)

    def _chosen(self) -> tuple[float, float]:
        """The gamma and the power under which reduced points, left out in turn, are told apart best."""
        judged = self._judged()
        distances = _squared_distances(self._points[judged], self._points)
        distances[np.arange(len(judged)), judged] = np.inf
        nearest = distances.min(axis=1, initial=np.inf)
        apart = nearest[(nearest > 0) & np.isfinite(nearest)]
        unit = float(np.median(apart)) if apart.size else 1.0
        owners = np.searchsorted([part.stop for part in self._slices], judged, side="right")
        weights = np.exp(self._log_weights[judged]) * np.exp(self._prior[owners])
        best, found = -np.inf, (1.0, 1.0)
        for width in WIDTHS:
            log_densities = self._log_densities(distances, width / unit)
            for power in POWERS:
                told = _log_shares(np.maximum(power * log_densities, _NEVER) + self._prior)
                value = float(weights @ np.maximum(told[np.arange(len(judged)), owners], -1e6))
                if value > best:
                    best, found = value, (width, power)
        return NARROWER * found[0] / unit, found[1]

    def _judged(self) -> NDArray[np.intp]:
        """Places of the points to choose by: of every set the same number, evenly, and none that is alone."""
        each = max(1, JUDGED // len(self._slices))
        places = [np.arange(part.start, part.stop)[:: -(-(part.stop - part.start) // each)] for part in self._slices]
        alone = [part.stop - part.start == 1 for part in self._slices]
        return np.concatenate([np.arange(0), *(place for place, one in zip(places, alone, strict=True) if not one)])


def within_spread(sets: Sequence[ReducedSet]) -> Array:
    """The members' own spread of every column (d,), pooled; 1 where a column does not vary within any member."""
    variances, largest = np.zeros(sets[0].z.shape[1]), np.zeros(sets[0].z.shape[1])
    for each in sets:
        weights = shares(each.weights)
        mean = weights @ each.z
        variances += weights @ (each.z - mean) ** 2 / len(sets)
        largest = np.maximum(largest, np.abs(each.z).max(axis=0))
    spread = np.sqrt(variances)
    return np.where(spread <= 1e-9 * largest, _between(sets), spread)


def _between(sets: Sequence[ReducedSet]) -> Array:
    """What to divide columns by that vary between members only, if at all."""
    means = np.stack([shares(each.weights) @ each.z for each in sets])
    spread = means.std(axis=0)
    return np.where(spread <= 1e-9 * np.abs(means).max(axis=0), 1.0, spread)


def _squared_distances(a: Array, b: Array) -> Array:
    found = (a * a).sum(axis=1)[:, None] + (b * b).sum(axis=1)[None, :] - 2.0 * (a @ b.T)
    return np.asarray(np.maximum(found, 0.0))


def _log_sum(terms: Array) -> Array:
    """Log of the sum of exp over axis 1, -inf where all terms are."""
    top = terms.max(axis=1)
    safe = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(np.exp(terms - safe[:, None]).sum(axis=1)) + safe)


def _log_shares(logs: Array) -> Array:
    """Rows of log probabilities that sum to one."""
    top = logs.max(axis=1, keepdims=True)
    return np.asarray(logs - top - np.log(np.exp(logs - top).sum(axis=1, keepdims=True)))
