"""Tables to reduce, made and real, and what a reduction of them is worth."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from learndock.specification.kernel import gram

Array = npt.NDArray[np.float64]
GAMMA = 0.1
REAL = ("digits", "breast_cancer", "diabetes", "wine")
_AT_ONCE = 2_000


@dataclass(frozen=True)
class Scene:
    """A standardised table (n, d) and what points (K, d) with weights (K,) are worth for it."""

    rows: Array

    @cached_property
    def self_norm(self) -> float:
        """||mu||^2 of all rows: n^2 kernel values, in float32 with sums in float64 (error below 1e-6 of it)."""
        rows = self.rows.astype(np.float32)
        squares = (rows * rows).sum(axis=1)
        total = 0.0
        for i in range(0, len(rows), _AT_ONCE):
            for j in range(i, len(rows), _AT_ONCE):
                part = rows[i : i + _AT_ONCE] @ rows[j : j + _AT_ONCE].T
                part *= 2.0
                part -= squares[i : i + _AT_ONCE, None]
                part -= squares[j : j + _AT_ONCE]
                part *= GAMMA
                np.exp(np.minimum(part, 0.0, out=part), out=part)
                total += (1.0 if i == j else 2.0) * float(part.sum(dtype=np.float64))
        return total / len(rows) ** 2

    def squared_mmd(self, points: Array, weights: Array) -> float:
        """MMD^2 to all rows, exact."""
        own = float(weights @ gram(points, points, GAMMA) @ weights)
        return own - 2 * float(weights @ affinity(points, self.rows)) + self.self_norm

    def nearest(self, points: Array) -> Array:
        """Distance of every point to its nearest row, per column: in standard deviations (K,)."""
        best = np.full(len(points), np.inf)
        for start in range(0, len(self.rows), _AT_ONCE):
            part = self.rows[start : start + _AT_ONCE]
            squares = (points**2).sum(axis=1)[:, None] + (part**2).sum(axis=1) - 2 * points @ part.T
            best = np.minimum(best, squares.min(axis=1))
        return np.asarray(np.sqrt(np.maximum(best, 0.0) / self.rows.shape[1]))

    def raw_share(self, points: Array) -> float:
        """Share of the points that are rows, up to rounding."""
        return float((self.nearest(points) < 1e-6).mean())


def affinity(points: Array, rows: Array) -> Array:
    """The mean of k(z, x) over all rows, for every point."""
    parts = [rows[start : start + _AT_ONCE] for start in range(0, len(rows), _AT_ONCE)]
    return np.asarray(sum(gram(points, part, GAMMA).sum(axis=1) for part in parts) / len(rows))


def clusters(n: int, d: int, seed: int = 0) -> Scene:
    """The scene of the issue: eight round clusters."""
    rng = np.random.default_rng(seed)
    return Scene(_standardised(2 * rng.normal(size=(8, d))[rng.integers(8, size=n)] + rng.normal(size=(n, d))))


def real(name: str) -> Scene:
    """A table that scikit-learn brings along, without its constant columns."""
    return Scene(_standardised(real_rows(name)[0]))


def real_rows(name: str) -> tuple[Array, npt.NDArray[np.int64]]:
    """Rows and labels of such a table."""
    from sklearn import datasets  # noqa: PLC0415 - only where real tables are asked for

    rows, labels = getattr(datasets, f"load_{name}")(return_X_y=True)
    return np.asarray(rows, dtype=np.float64), np.asarray(labels).astype(np.int64)


def _standardised(rows: Array) -> Array:
    rows = rows[:, rows.std(axis=0) > 0]
    return np.asarray((rows - rows.mean(axis=0)) / rows.std(axis=0))
