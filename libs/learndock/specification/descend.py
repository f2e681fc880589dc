"""Moves points to where their embedding is nearest to that of a table's rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from learndock.specification.order import evenly

Array = npt.NDArray[np.float64]
Array32 = npt.NDArray[np.float32]
Progress = Callable[[float], None]

STAGES = ((2_000, 40), (10_000, 20))
"""Rows and L-BFGS rounds of each stage: the way is found on few rows, the last of it on many."""
_ROWS_PER_POINT = 5
_CELLS = 1 << 17
"""Kernel values at once: they stay in the cache, and many points need no more memory than few."""


def descend(start: Array, rows: Array, gamma: float, tell: Progress) -> Array:
    """Move equally weighted points `start` (K, d) to where MMD^2 to the rows (n, d) is least.

    Both are standardised; the rows stand in their own order (`learndock.specification.order`), so that an even
    sample is a random one. L-BFGS with the analytic gradient, in float32: enough to find the way, since what is
    published is weighed in float64. `tell` hears 0 to 1.
    """
    # Imported here: scipy takes longer to load than a small table to reduce.
    from scipy.optimize import minimize  # noqa: PLC0415

    points, rounds, most = start, 0, sum(each for _, each in STAGES)
    stages = STAGES if len(rows) > STAGES[0][0] else ((len(rows), most),)

    def step(_: Array) -> None:
        nonlocal rounds
        rounds += 1
        tell(min(1.0, rounds / most))

    for size, iterations in stages:
        objective = _Objective(evenly(rows, max(size, _ROWS_PER_POINT * len(start))), len(start), gamma)
        found = minimize(
            lambda flat, at=objective: at(flat.reshape(start.shape)),
            points.ravel(),
            jac=True,
            method="L-BFGS-B",
            callback=step,
            options={"maxiter": iterations, "maxcor": 10},
        )
        points = found.x.reshape(start.shape)
    return np.asarray(points)


class _Objective:
    """K times MMD^2 to the rows, less a constant, of K equally weighted points."""

    def __init__(self, rows: Array, K: int, gamma: float) -> None:
        at_once = max(64, _CELLS // K)
        self._n, self._gamma = len(rows), gamma
        self._rows = [rows[i : i + at_once].astype(np.float32) for i in range(0, len(rows), at_once)]
        # Columns of the kernel's exponent, as one matrix product gives it: see _affinities.
        self._columns = [_columns(part) for part in self._rows]

    def __call__(self, z: Array) -> tuple[float, Array]:
        """The value and its gradient (K d,) at points z (K, d)."""
        points = z.astype(np.float32)
        inner = _affinities(points, _columns(points), self._gamma)
        sums, pull = np.zeros(len(z)), np.zeros(z.shape)
        for rows, columns in zip(self._rows, self._columns, strict=True):
            outer = _affinities(points, columns, self._gamma)
            sums += outer.sum(axis=1)
            pull += outer @ rows
        # What the rows draw to and the points push from, each an average.
        drawn, pushed = sums / self._n, inner.sum(axis=1).astype(np.float64) / len(z)
        value = float(pushed.sum() - 2.0 * drawn.sum())
        slope = (drawn - pushed)[:, None] * points - pull / self._n + (inner @ points) / len(z)
        return value, np.asarray(4.0 * self._gamma * slope, dtype=np.float64).ravel()


def _columns(rows: Array32) -> Array32:
    return np.vstack([rows.T, np.ones((1, len(rows)), np.float32), (rows * rows).sum(axis=1)[None]])


def _affinities(points: Array32, columns: Array32, gamma: float) -> Array32:
    """k(points, rows) from [2 gamma z, -gamma |z|^2, -gamma] times [x; 1; |x|^2]."""
    squares = (points * points).sum(axis=1)
    left = np.column_stack([2 * gamma * points, -gamma * squares, np.full_like(squares, -gamma)]).astype(np.float32)
    found = left @ columns
    np.minimum(found, 0.0, out=found)
    return np.asarray(np.exp(found, out=found))
