"""Moves points to where their embedding is nearest to that of a table's rows."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt

from learndock.specification.order import evenly

Array = npt.NDArray[np.float64]
Array32 = npt.NDArray[np.float32]
Progress = Callable[[float], None]

STAGES = ((2_000, 40), (10_000, 20))
"""Rows and L-BFGS rounds of each stage: the way is found on few rows, the last of it on many."""
_ROWS_PER_POINT = 5
_FEW = 4_000
_CELLS = 1 << 17
"""Kernel values at once: they stay in the cache, and many points need no more memory than few."""


def descend(start: Array, rows: Array, gamma: float, tell: Progress) -> Array:
    """Move equally weighted points `start` (K, d) to where MMD^2 to the rows (n, d) is least.

    Both are standardised; the rows stand in their own order (`learndock.specification.order`), so that an even
    sample is a random one. L-BFGS with the analytic gradient, in float32: enough to find the way, since what is
    published is weighed in float64. `tell` hears 0 to 1.
    """
    minimize = load()
    points, rounds, most = start, 0, sum(each for _, each in STAGES)
    stages = STAGES if len(rows) > STAGES[0][0] else ((len(rows), most),)

    def step(_: Array) -> None:
        nonlocal rounds
        rounds += 1
        tell(min(1.0, rounds / most))

    with ThreadPoolExecutor(2) as pool:
        for size, iterations in stages:
            sample = evenly(rows, max(size, _ROWS_PER_POINT * len(start)))
            found = minimize(
                _Objective(sample, start.shape, gamma, pool),
                points.ravel(),
                jac=True,
                method="L-BFGS-B",
                callback=step,
                options={"maxiter": iterations, "maxcor": 5},
            )
            points = found.x.reshape(start.shape)
    return np.asarray(points)


def load() -> Any:
    """Scipy's minimize, imported when first asked for: it takes longer to load than a small table to reduce.

    To be called before BLAS is held to one thread: a library that comes later is not held.
    """
    return importlib.import_module("scipy.optimize").minimize


class _Objective:
    """K times MMD^2 to the rows, less a constant, of K equally weighted points."""

    def __init__(self, rows: Array, shape: tuple[int, ...], gamma: float, pool: ThreadPoolExecutor) -> None:
        self._n, self._shape, self._gamma = len(rows), shape, gamma
        # Two halves whatever the machine, so that it changes nothing; few rows are done sooner than a thread starts.
        halves = np.array_split(rows, 2) if len(rows) > _FEW else [rows]
        self._parts = [_Part(half, shape[0]) for half in halves]
        self._map = pool.map if len(halves) > 1 else map

    def __call__(self, flat: Array) -> tuple[float, Array]:
        """The value and its gradient (K d,) at points (K d,)."""
        points = flat.reshape(self._shape).astype(np.float32)
        left = _exponents(points, self._gamma)
        inner = np.exp(np.minimum(left @ _columns(points), 0.0))
        total = np.sum(list(self._map(lambda part: part.pull(left), self._parts)), axis=0) / self._n
        pull, drawn = total[:, :-1], total[:, -1]
        # What the rows draw to and the points push from, each an average.
        pushed = inner.sum(axis=1, dtype=np.float64) / len(points)
        value = float(pushed.sum() - 2.0 * drawn.sum())
        slope = (drawn - pushed)[:, None] * points - pull + (inner @ points) / len(points)
        return value, np.asarray(4.0 * self._gamma * slope, dtype=np.float64).ravel()


class _Part:
    """Some of the rows, as products of matrices want them."""

    def __init__(self, rows: Array, K: int) -> None:
        at_once = max(64, _CELLS // K)
        blocks = [rows[i : i + at_once].astype(np.float32) for i in range(0, len(rows), at_once)]
        self._columns = [_columns(block) for block in blocks]
        self._rows = [np.hstack([block, np.ones((len(block), 1), np.float32)]) for block in blocks]
        self._buffer = np.empty((K, min(at_once, len(rows))), np.float32)

    def pull(self, left: Array32) -> Array:
        """Sums of k(z, x) x, and in the last column of k(z, x) (K, d + 1)."""
        total = np.zeros((len(left), self._rows[0].shape[1]))
        for rows, columns in zip(self._rows, self._columns, strict=True):
            found = np.matmul(left, columns, out=self._buffer[:, : len(rows)])
            np.minimum(found, 0.0, out=found)
            total += np.exp(found, out=found) @ rows
        return total


def _exponents(points: Array32, gamma: float) -> Array32:
    """[2 gamma z, -gamma |z|^2, -gamma]: times [x; 1; |x|^2] it is the kernel's exponent."""
    squares = (points * points).sum(axis=1)
    found = np.column_stack([2 * gamma * points, -gamma * squares, np.full_like(squares, -gamma)])
    return found.astype(np.float32)


def _columns(rows: Array32) -> Array32:
    return np.vstack([rows.T, np.ones((1, len(rows)), np.float32), (rows * rows).sum(axis=1)[None]])
