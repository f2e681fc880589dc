"""Weights on the simplex: the small quadratic programmes of reduced sets and of mixtures."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

_RIDGE = 1e-12
FLOAT32 = 1e-6
"""The ridge for products that float32 made: their rounding makes copies of one another look like opposites."""
_TOLERANCE = 1e-12


def simplex_weights(K: Array, c: Array, ridge: float = _RIDGE) -> Array:
    """Minimise w'Kw - 2c'w over w >= 0, sum w = 1. K is (n, n), positive semidefinite; c is (n,).

    A primal active-set method (Nocedal and Wright, Numerical Optimization, section 16.5): exact up to rounding,
    and the objective never rises. Starts from equal weights; each round solves the problem without the bounds on
    the free weights and walks towards its solution until a weight reaches nought. `ridge`, as a share of the mean
    of K's diagonal, is to outweigh the rounding of K.
    """
    n = len(c)
    H = K + (ridge * max(float(np.trace(K)) / n, _RIDGE)) * np.eye(n)
    w = best = np.full(n, 1.0 / n)
    least = float(best @ H @ best - 2.0 * best @ c)
    free = np.ones(n, dtype=bool)
    for _ in range(10 * n + 20):
        w, blocked = _walk(H, c, w, free)
        value = float(w @ H @ w - 2.0 * w @ c)
        if value <= least:
            best, least = w, value
        if blocked:
            continue
        slope = H @ w - c
        level = float(slope[free].mean())
        entering = int(np.argmin(np.where(free, np.inf, slope)))
        if free.all() or slope[entering] >= level - _TOLERANCE:
            break
        free[entering] = True
    # The last, but where rounding made K another than it is: there a step may lead up.
    best = np.maximum(best, 0.0)
    return np.asarray(best / best.sum())


def _walk(H: Array, c: Array, w: Array, free: npt.NDArray[np.bool_]) -> tuple[Array, bool]:
    """Go from w towards the best of the free weights; frees fewer and says True where a bound was met."""
    target = np.zeros_like(w)
    target[free] = _unbounded(H[np.ix_(free, free)], c[free])
    negative = free & (target < 0)
    if not negative.any():
        return target, False
    steps = w[negative] / (w[negative] - target[negative])
    step = float(steps.min())
    w = np.maximum(w + step * (target - w), 0.0)
    stopped = np.flatnonzero(negative)[steps <= step * (1 + 1e-12)]
    w[stopped] = 0.0
    free[stopped] = False
    return w, True


def _unbounded(H: Array, c: Array) -> Array:
    """The best weights with sum 1 and no bounds."""
    try:
        both = np.linalg.solve(H, np.column_stack([c, np.ones(len(c))]))
    except np.linalg.LinAlgError:
        both = np.linalg.lstsq(H, np.column_stack([c, np.ones(len(c))]), rcond=None)[0]
    plain, ones = both[:, 0], both[:, 1]
    total = float(ones.sum())
    if not np.isfinite(both).all() or total <= 0:
        return np.full(len(c), 1.0 / len(c))
    return np.asarray(plain + ones * ((1.0 - plain.sum()) / total))
