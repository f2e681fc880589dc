"""An order of a table's rows that depends on the rows alone, and even samples of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
UInts = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]

_STEPS = float(1 << 20)
"""Parts of a column's range that are told apart."""
_TINY = 1e-280
"""A range below this has no reciprocal; such a column counts as constant here."""
_ROWS_AT_ONCE = 1_000
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def own_order(rows: Array, seed: int) -> Ints:
    """Numbers (n,) of the rows (n, d) in an order like a shuffled one, made from their values and `seed`.

    Permuting the rows changes nothing. Nor does a column's unit or a constant added to it, unless rounding moves a
    number over one of the 2^20 steps between the column's least and greatest, or rows differ by less than a step.
    Equal rows are neighbours.
    """
    low, high = rows.min(axis=0), rows.max(axis=0)
    steps_per_unit = np.divide(_STEPS, high - low, out=np.zeros_like(low), where=high - low > _TINY)
    factors = np.random.default_rng(seed).integers(1, 1 << 63, rows.shape[1], dtype=np.uint64) | np.uint64(1)

    def steps(part: Array) -> Array:
        part = part - low
        part *= steps_per_unit
        # The least, the greatest and what lies half way are often held by many rows: none at the edge of a step.
        part += 0.37
        return part

    keys = _keys(rows, lambda part: steps(part).astype(np.int64).view(np.uint64), factors)
    order = np.argsort(keys, kind="stable")
    if (keys[order[1:]] != keys[order[:-1]]).all():
        return order
    # The numbers themselves tell apart what is less than a step apart. Adding 0 makes 0 of -0.
    return np.lexsort((_keys(rows, lambda part: (part + 0.0).view(np.uint64), factors), keys))


def _keys(rows: Array, whole: Callable[[Array], UInts], factors: UInts) -> UInts:
    found = np.empty(len(rows), dtype=np.uint64)
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        part = whole(rows[start : start + _ROWS_AT_ONCE])
        found[start : start + len(part)] = part @ factors
    return _mixed(found)


def evenly(rows: Array, size: int) -> Array:
    """`size` rows at even distances, all where there are fewer: of rows in their own order a random sample.

    Equal rows are neighbours there, so they are drawn in proportion.
    """
    n = len(rows)
    return rows if n <= size else rows[(np.arange(size) * n) // size]


def _mixed(values: UInts) -> UInts:
    # A sum of products is linear; its order would follow the columns without this.
    values = (values ^ (values >> np.uint64(32))) * _GOLDEN
    values = (values ^ (values >> np.uint64(29))) * _GOLDEN
    return np.asarray(values ^ (values >> np.uint64(32)))
