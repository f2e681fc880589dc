"""Points that would give single rows away are moved to where several rows stand behind them, or left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from learndock.specification.guard_measures import Rows, equal_rows, support, too_near
from learndock.specification.kernel import squared_distances
from learndock.specification.privacy import SUPPORT
from learndock.specification.weights import simplex_weights

Array = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_COMPANIES = (5, 8, 12, 20, 35, 60)
"""Nearest rows whose mean takes the place of a point, until it breaks no rule."""


@dataclass(frozen=True)
class Guard:
    """The rules for the points of one table, in standardised units."""

    rows: Rows
    gamma: float

    def breaks(self, points: Array) -> Bools:
        """Which points (K, d) lie too near to a row, stand for too few, or hold a row's whole numbers."""
        broken = too_near(points, self.rows) | (support(points, self.rows, self.gamma) < SUPPORT)
        return np.asarray(broken | (equal_rows(points, self.rows) >= 0))

    def settle(self, points: Array) -> Array:
        """Points (at most K) that break no rule: others are moved to a mean of their nearest rows, or dropped.

        Where none is left the mean of all rows is the only one, whatever it breaks.
        """
        broken = np.flatnonzero(self.breaks(points))
        if not len(broken):
            return points
        points, order = points.copy(), self._nearest(points[broken])
        # From here on `broken` and `order` shrink together to those for which nothing was found yet.
        for company in _COMPANIES:
            moved = self._means(order[:, :company])
            fine = ~self.breaks(moved)
            points[broken[fine]] = moved[fine]
            broken, order = broken[~fine], order[~fine]
            if not len(broken) or company >= len(self.rows.sample):
                break
        kept = np.delete(points, broken, axis=0)
        return kept if len(kept) else self.rows.standard.mean(axis=0)[None]

    def _nearest(self, points: Array) -> npt.NDArray[np.int64]:
        """Numbers in the sample of the nearest rows, nearest first (K, at most 60)."""
        most = min(_COMPANIES[-1], len(self.rows.sample))
        far = squared_distances(points, self.rows.sample)
        some = np.argpartition(far, most - 1, axis=1)[:, :most]
        order = np.argsort(np.take_along_axis(far, some, axis=1), axis=1, kind="stable")
        return np.asarray(np.take_along_axis(some, order, axis=1))

    def _means(self, order: npt.NDArray[np.int64]) -> Array:
        # Uneven shares: an even mean of five whole numbers is a whole number every fifth time.
        shares = 1.0 + 0.1 * np.cos(np.arange(order.shape[1]))
        return np.asarray(np.einsum("kmd,m->kd", self.rows.sample[order], shares / shares.sum()))


def weigh(points: Array, K: Array, c: Array, n: int) -> tuple[Array, Array]:
    """The points that are kept of (k, d) and their weights, each worth SUPPORT of the n rows or more.

    K (k, k) is the kernel among the points and c (k,) with the rows. A point that would carry the weight of half
    as many stands for an outlier, or for nothing: it goes, and the rest is solved again with that floor.
    """
    beta = simplex_weights(K, c)
    kept = beta * n >= SUPPORT / 2
    kept[int(np.argmax(beta))] = True
    points, K, c = points[kept], K[np.ix_(kept, kept)], c[kept]
    floor = min(SUPPORT / n, 1.0 / len(points))
    if (beta[kept] >= floor).all() and kept.all():
        return points, beta
    # beta = floor + rest * w with w on the simplex.
    rest = 1.0 - floor * len(points)
    if rest <= 0:
        return points, np.full(len(points), 1.0 / len(points))
    return points, floor + rest * simplex_weights(rest * K, c - floor * K.sum(axis=1))
