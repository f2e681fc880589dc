"""specify: reduces a table to a few weighted points that embed alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from learndock.errors import InvalidInput
from learndock.specification.descend import STAGES, descend, load
from learndock.specification.guard import Guard, weigh
from learndock.specification.guard_measures import Rows
from learndock.specification.kernel import gram, squared_distances
from learndock.specification.order import evenly, own_order
from learndock.specification.privacy import SUPPORT, Privacy, check_rows, is_guarded, rounded
from learndock.specification.rows import read_rows
from learndock.specification.rules import MAX_MAGNITUDE, MAX_NUMBERS, MAX_POINTS, check_gamma
from learndock.specification.table import TableSpecification
from learndock.specification.threads import one_thread
from learndock.specification.weights import simplex_weights

Array = npt.NDArray[np.float64]
Progress = Callable[[float], None]

WEIGHT_SAMPLE = 20_000
"""Rows that the weights are solved for."""
_LLOYD_ROUNDS = 4


def default_size(n: int) -> int:
    """Points for n rows: min(100, max(5, n // 20)), and with fewer than 25 rows one for every five, at least one."""
    return max(1, min(100, max(5, n // 20), n // SUPPORT))


def specify(
    X: Any,
    *,
    k: int | None = None,
    gamma: float = 0.1,
    random_state: int = 0,
    privacy: Privacy = "default",
    progress: Progress | None = None,
) -> TableSpecification:
    """Make the specification of a table X (n, d): an array, a DataFrame or a list of rows of finite numbers.

    The points are means of small clusters moved by L-BFGS to where the embeddings agree best, on 2,000 rows and then
    on 10,000; their weights are solved exactly (beta >= 0, sum 1) for 20,000. All on columns divided by their own
    spread, so a table with large columns is described as well as a standardised one; z is given in the table's own
    units. docs/adr/0007 compares ways to do this.

    Rules: `k` unsaid is `default_size(n)`. Equal rows count as often as they are there, and where nothing else is
    there the points are equal too; constant columns stay what they are. An empty table, NaN, infinity, masked cells
    and numbers beyond 1e12 are refused. The same rows, in whatever order, and the same `random_state` give the same
    specification, bit for bit on one machine; another unit or zero of a column changes z by just that, up to
    rounding. float32 is read exactly; rounding to it is like another `random_state`. `progress` is called with 0 to 1.

    `privacy="default"`: 25 rows at least and five for each point, no point on or near a row, none that stands for
    fewer than five rows (so outliers leave no point; there may be fewer points than k), and `num_points` to two
    digits. Where no point keeps to that, as with a gamma that sees every row alone, the mean of all rows is the only
    one. `privacy="off"` leaves all of that out: more points than rows become n, and one row is published as it is.
    docs/guide/privacy.md says what these rules cover.

    InvalidInput DATA_SHAPE, DATA_EMPTY, DATA_NOT_NUMERIC, DATA_NOT_FINITE, SPECIFICATION_SIZE, SPECIFICATION_SEED,
    SPECIFICATION_FEW_ROWS, SPECIFICATION_MANY_POINTS, SPECIFICATION_PRIVACY. Warns with PrivacyWarning where a k
    asked for leaves fewer than 20 rows for each point.
    """
    rows = read_rows(X)
    guarded = is_guarded(privacy)
    size = _size(k, *rows.shape)
    if guarded:
        check_rows(len(rows), k)
    gamma = check_gamma(gamma)
    table = standardise(rows[own_order(rows, _seed(random_state))])
    load()
    with one_thread():
        points, beta = _reduce(table, size, gamma, progress or _silent, guarded=guarded)
    kept = beta > 0
    z = np.clip(table.to_raw(points[kept]), -MAX_MAGNITUDE, MAX_MAGNITUDE)
    return TableSpecification(z, beta[kept], gamma, rounded(len(rows)) if guarded else len(rows))


def _reduce(table: Rows, size: int, gamma: float, tell: Progress, *, guarded: bool) -> tuple[Array, Array]:
    """Points (at most size, d), standardised, and their weights."""
    rows = table.standard
    tell(0.05)
    start = _clusters(evenly(rows, max(STAGES[0][0], SUPPORT * size)), size)
    tell(0.15)
    points = descend(start, rows, gamma, lambda done: tell(0.15 + 0.65 * done))
    if guarded:
        points = Guard(table, gamma).settle(points)
    tell(0.9)
    target = evenly(rows, WEIGHT_SAMPLE)
    inner, outer = gram(points, points, gamma), _mean_affinity(points, target, gamma)
    points, beta = weigh(points, inner, outer, len(rows)) if guarded else (points, simplex_weights(inner, outer))
    tell(1.0)
    return points, beta


def _mean_affinity(points: Array, rows: Array, gamma: float) -> Array:
    # In parts that stay in the cache.
    parts = np.array_split(rows, -(-len(rows) // 1_000))
    return np.asarray(sum(gram(points, part, gamma).sum(axis=1) for part in parts) / len(rows))


def _silent(_: float) -> None:
    pass


def _whole(value: Any) -> int:
    """A whole number, or -1 for anything else."""
    known = isinstance(value, int | np.integer) and not isinstance(value, bool)
    return int(value) if known else -1


def _seed(random_state: int) -> int:
    seed = _whole(random_state)
    if seed < 0:
        raise InvalidInput(
            f"random_state = {str(random_state)[:40]} is not possible; whole numbers from 0 on are.",
            reason="SPECIFICATION_SEED",
            hint="Leave random_state out for the same specification every time.",
        )
    return seed


def _size(k: int | None, n: int, d: int) -> int:
    size = default_size(n) if k is None else _whole(k)
    if not 1 <= size <= MAX_POINTS or min(size, n) * d > MAX_NUMBERS:
        given, most = str(size if k is None else k)[:40], min(MAX_POINTS, MAX_NUMBERS // d)
        raise InvalidInput(
            f"k = {given} points of width {d} are not possible; 1 to {most} are.",
            reason="SPECIFICATION_SIZE",
            hint="Leave k out for a size that suits the number of rows.",
        )
    return min(size, n)


def standardise(rows: Array) -> Rows:
    """A table with its columns (n, d) moved to mean 0 and divided by their spread; constant columns become 0."""
    low, high = rows.min(axis=0), rows.max(axis=0)
    # A constant column becomes nought to the last bit: from rounding the points would push one another apart in it.
    centre = np.where(low == high, low, rows.mean(axis=0))
    standard = rows - centre
    spread = np.sqrt(np.einsum("nd,nd->d", standard, standard) / len(rows))
    # Of a column that varies by rounding only, the spread would make features out of noise.
    spread[spread <= 1e-12 * np.maximum(np.abs(low), np.abs(high))] = 1.0
    standard /= spread
    return Rows(rows, standard, centre, spread)


def _clusters(sample: Array, size: int) -> Array:
    """Means of clusters; of clusters with too few members the mean of the nearest rows."""
    centres = sample[(np.arange(size) * len(sample)) // size]
    counts = np.zeros(size)
    for _ in range(_LLOYD_ROUNDS):
        owner = squared_distances(sample, centres).argmin(axis=1)
        counts = np.bincount(owner, minlength=size).astype(np.float64)
        belongs = np.zeros((size, len(sample)))
        belongs[owner, np.arange(len(sample))] = 1.0
        sums = belongs @ sample
        centres = np.where(counts[:, None] > 0, sums / np.maximum(counts, 1.0)[:, None], centres)
    few = counts < SUPPORT
    if few.any():
        centres[few] = _means_of_nearest(centres[few], sample)
    return np.asarray(centres)


def _means_of_nearest(points: Array, rows: Array) -> Array:
    count = min(SUPPORT, len(rows))
    nearest = np.argpartition(squared_distances(points, rows), count - 1, axis=1)[:, :count]
    return np.asarray(rows[nearest].mean(axis=1))
