"""How much single rows show through points: nearest rows, rows that a point stands for, equal whole numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from learndock.specification.kernel import squared_distances
from learndock.specification.privacy import SUPPORT, TOO_NEAR

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

SAMPLE = 20_000
"""Rows, spread evenly, in which neighbourhoods are looked at: fewer rows are the stricter side."""
_PROBES = 100
_ROWS_AT_ONCE = 8_192
_WIDE = 16
"""In more columns than this, rows are so far apart that float32 tells near from far."""
_WHOLE = 1e-3
"""So near to a whole number a coordinate counts as that number."""
_PATTERNS = 2_000


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
        first = self.raw[:1_000]
        columns = np.flatnonzero((first == np.rint(first)).all(axis=0))
        held = self.raw[:, columns]
        kept = (held == np.rint(held)).all(axis=0) & (held != held[0]).any(axis=0)
        return np.asarray(columns[kept])

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
    # Where nothing lies between the rows (all equal), being on them is being on all.
    for i in np.flatnonzero(near):
        off = ((rows.standard - points[i]) ** 2).sum(axis=1)
        _, counts = np.unique(rows.raw[off < least[i] ** 2], axis=0, return_counts=True)
        near[i] = bool((counts < SUPPORT).any())
    return near


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

    Counted are all sets of columns of whole numbers in which the point has a row's very numbers: means of rows
    stand between whole numbers, so one that does not gives its row away.
    """
    found = np.full(len(points), -1)
    if not len(rows.whole):
        return found
    z = rows.to_raw(points)[:, rows.whole]
    round_ = np.abs(z - np.rint(z)) <= _WHOLE
    for i in np.flatnonzero(round_.any(axis=1)):
        columns = np.flatnonzero(round_[i])
        found[i] = _exposed(rows.raw[:, rows.whole[columns]] == np.rint(z[i, columns]))
    return found


def _exposed(agree: Bools) -> int:
    """A row (or -1) whose agreement with a point (n, columns) fewer than SUPPORT rows share."""
    some = agree.any(axis=1)
    if not some.any():
        return -1
    patterns, first, counts = np.unique(agree[some], axis=0, return_index=True, return_counts=True)
    # What holds for a set of columns holds for a part of it: the largest sets are the ones to look at.
    order = np.argsort(-patterns.sum(axis=1), kind="stable")[:_PATTERNS]
    wide = patterns.astype(np.float32)
    sharing = ((wide[order] @ wide.T) >= wide[order].sum(axis=1)[:, None]) @ counts
    few = order[sharing < SUPPORT]
    return int(np.flatnonzero(some)[first[few[0]]]) if len(few) else -1


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
