"""How much single rows show through points: nearest rows, rows that a point stands for, equal whole numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from learndock.specification.guard_whole import as_keys, exposed_rows, whole_columns
from learndock.specification.kernel import squared_distances
from learndock.specification.privacy import SUPPORT, TOO_NEAR

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

SAMPLE = 20_000
"""Rows, spread evenly, in which neighbourhoods are looked at: fewer rows are the stricter side."""
_PROBES = 100
_ROWS_AT_ONCE = 8_192
_POINTS_AT_ONCE = 64
_WIDE = 16
"""In more columns than this, rows are so far apart that float32 tells near from far."""


@dataclass(frozen=True)
class Rows:
    """A table as the rules look at it: `raw` (n, d) as given, and what its columns are moved and divided by (d,)."""

    raw: Array
    standard: Array
    centre: Array
    spread: Array

    @cached_property
    def sample(self) -> Array:
        """At most SAMPLE of the standardised rows."""
        return self.standard[:: -(-len(self.standard) // SAMPLE)]

    @cached_property
    def spacing(self) -> float:
        """The median of `apart`; 0 where all rows are equal."""
        return float(np.median(self.apart)) if len(self.apart) else 0.0

    @cached_property
    def apart(self) -> Array:
        """Distances of about 100 rows to the nearest other one that differs from it; none where all are equal."""
        wide = self.standard.shape[1] > _WIDE
        # In many columns a fifth of the rows lies hardly further apart than all.
        among = self.sample if wide else self.standard
        probes = among[:: -(-len(among) // _PROBES)]
        same = (1e-5 if wide else 1e-12) * (1.0 + (probes * probes).sum(axis=1)[:, None])
        best = np.full(len(probes), np.inf)
        for part in _parts(among):
            found = _squares(probes, part) if wide else squared_distances(probes, part)
            found[found <= same] = np.inf
            best = np.minimum(best, found.min(axis=1))
        return np.asarray(np.sqrt(best[np.isfinite(best)]))

    @cached_property
    def whole(self) -> Ints:
        """Columns that hold whole numbers only, and not one alone."""
        return whole_columns(self.raw)

    @cached_property
    def whole_values(self) -> Array:
        """What these hold, a row for each column (w, n)."""
        return np.ascontiguousarray(self.raw[:, self.whole].T)

    def to_raw(self, points: Array) -> Array:
        """Standardised points in the table's own units."""
        return np.asarray(points * self.spread + self.centre)


def nearest_rows(points: Array, rows: Rows) -> tuple[Array, Array, Ints]:
    """Distances to the nearest and to the second nearest row, and the number of the nearest: (K,) each."""
    if points.shape[1] <= _WIDE:
        first, second, owner, _ = _two_nearest(points, rows.standard, np.float64)
        return np.sqrt(first), np.sqrt(second), owner
    first, second, owner, largest = _two_nearest(points.astype(np.float32), rows.standard, np.float32)
    margin = 1e-5 * (1.0 + (points * points).sum(axis=1) + largest)
    unsure = first <= (2 * TOO_NEAR) ** 2 * np.maximum(rows.spacing**2, second) + margin
    if unsure.any():
        exact = _two_nearest(points[unsure], rows.standard, np.float64)
        first[unsure], second[unsure], owner[unsure] = exact[:3]
    return np.sqrt(first), np.sqrt(second), owner


def least_distance(second: Array, rows: Rows) -> Array:
    """How far off a point has to be (K,): a share of the rows' spacing, and of the gap around a lonely row."""
    return np.asarray(TOO_NEAR * np.maximum(rows.spacing, second))


def too_near(points: Array, rows: Rows) -> Bools:
    """Which points lie too near to a row that is not shared by SUPPORT rows (K,)."""
    first, second, _ = nearest_rows(points, rows)
    least = least_distance(second, rows)
    near = first < least
    flagged = np.flatnonzero(near)
    for start in range(0, len(flagged), _POINTS_AT_ONCE):
        some = flagged[start : start + _POINTS_AT_ONCE]
        for i, squares in zip(some, _squares(points[some], rows.standard), strict=True):
            near[i] = not _shared(points[i], least[i], rows, squares)
    return near


def _shared(point: Array, reach: float, rows: Rows, squares: npt.NDArray[np.float32]) -> bool:
    """Whether every row within reach of a point is there at least SUPPORT times: then it is nobody's.

    `squares` (n,) are squared distances to all rows, roughly.
    """
    margin = 1e-5 * (1.0 + float(point @ point))
    close = np.flatnonzero(squares <= 2.0 * reach**2 + margin)
    close = close[((rows.standard[close] - point) ** 2).sum(axis=1) < reach**2]
    found = rows.raw[close]
    if (found == found[:1]).all():
        return len(found) >= SUPPORT
    # Nought has two signs and one meaning.
    _, counts = np.unique(as_keys(found + 0.0), return_counts=True)
    return bool((counts >= SUPPORT).all())


def support(points: Array, rows: Rows, gamma: float) -> Array:
    """Effective rows in the neighbourhood of every point (K,): 1/sum p^2, p the rows' share in its kernel sum."""
    near = _squares(points, rows.sample)
    near -= near.min(axis=1, keepdims=True)
    near *= np.float32(-gamma)
    np.exp(near, out=near)
    total, squares = near.sum(axis=1, dtype=np.float64), np.einsum("kn,kn->k", near, near)
    return np.asarray(total**2 / squares)


def equal_rows(points: Array, rows: Rows) -> Ints:
    """For every point a row whose whole numbers it shares with fewer than SUPPORT rows, or -1 (K,).

    See learndock.specification.guard_whole.
    """
    if not len(rows.whole):
        return np.full(len(points), -1)
    return exposed_rows(rows.to_raw(points)[:, rows.whole], rows.whole_values)


def _parts(rows: Array) -> Iterator[Array]:
    return (rows[start : start + _ROWS_AT_ONCE] for start in range(0, len(rows), _ROWS_AT_ONCE))


def _squares(points: Array, rows: Array) -> npt.NDArray[np.float32]:
    """|a_i - b_j|^2 in float32, less exact and faster than squared_distances."""
    a, b = points.astype(np.float32), rows.astype(np.float32)
    found = a @ (-2.0 * b.T)
    found += (b * b).sum(axis=1)
    found += (a * a).sum(axis=1)[:, None]
    return np.asarray(np.maximum(found, 0.0, out=found))


def _two_nearest(points: npt.NDArray[np.floating], rows: Array, dtype: type) -> tuple[Array, Array, Ints, float]:
    """Squared distances to the two nearest rows, the number of the nearest, and the largest |row|^2."""
    first, second = np.full(len(points), np.inf), np.full(len(points), np.inf)
    owner = np.zeros(len(points), dtype=np.int64)
    norms = (points.astype(np.float64) ** 2).sum(axis=1)
    all_points = np.arange(len(points))
    start, largest = 0, 0.0
    for part in _parts(rows):
        part = part.astype(dtype, copy=False)  # noqa: PLW2901
        found = points @ (-2.0 * part.T)
        squares = np.einsum("nd,nd->n", part, part)
        largest = max(largest, float(squares.max()))
        found += squares
        at = found.argmin(axis=1)
        nearest = found[all_points, at] + norms
        found[all_points, at] = np.inf
        other = found.min(axis=1) + norms
        second = np.minimum(np.maximum(first, nearest), np.minimum(second, other))
        owner = np.where(nearest < first, start + at, owner)
        first = np.minimum(first, nearest)
        start += len(part)
    second = np.where(np.isfinite(second), second, first)
    return np.maximum(first, 0.0), np.maximum(second, 0.0), owner, largest
