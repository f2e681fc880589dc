"""Inner products of one embedding with very many, in blocks: one matrix product, one exp, one sum each."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from learndock.errors import DeadlineExceeded
from learndock.specification import TableSpecification
from learndock.specification.kernel import inner_product

Array = npt.NDArray[np.float64]
Cancelled = Callable[[], bool]

_BLOCK_ROWS = 4096
_FLOAT32_REACH = 1e-4
"""Greatest error of an exponent that float32 may bring."""


class Stack:
    """The reduced points of many specifications of one gamma and width, ready to be scanned.

    Points are divided by `scale` and moved to a common centre. Kept in float32 where the distances allow that and
    in float64 otherwise: |x|^2 + |y|^2 - 2xy loses its digits where columns are large.
    """

    def __init__(self, specifications: Sequence[TableSpecification], scale: Array | None = None) -> None:
        self.gamma = specifications[0].gamma
        self._scale = 1.0 if scale is None else scale
        sizes = [len(each.z) for each in specifications]
        points = np.concatenate([each.z for each in specifications]) / self._scale
        self._centre = points.mean(axis=0)
        points -= self._centre
        squares = (points * points).sum(axis=1)
        reach = self.gamma * float(squares.max()) * float(np.finfo(np.float32).eps)
        self.dtype: npt.DTypeLike = np.float32 if reach <= _FLOAT32_REACH else np.float64
        # [z, |z|^2, 1] times [2 gamma u, -gamma, -gamma |u|^2] is the kernel's exponent.
        rows = np.empty((len(points), points.shape[1] + 2), dtype=self.dtype)
        rows[:, :-2], rows[:, -2], rows[:, -1] = points, squares, 1.0
        self._rows = rows
        self._beta = np.concatenate([each.beta for each in specifications]).astype(self.dtype)
        self._starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        self._length = len(specifications)

    def __len__(self) -> int:
        return self._length

    def inner_products(self, task: TableSpecification, cancelled: Cancelled | None = None) -> Array:
        """<u, mu_i> for all (n,), u the task's embedding. DeadlineExceeded SEARCH_CANCELLED between blocks."""
        points = task.z / self._scale - self._centre
        return self._scan(points, task.beta, cancelled)

    def _scan(self, points: Array, beta: Array, cancelled: Cancelled | None) -> Array:
        squares = (points * points).sum(axis=1)
        reach = self.gamma * float(squares.max()) * float(np.finfo(np.float32).eps)
        dtype = np.float64 if reach > _FLOAT32_REACH else self.dtype
        columns = np.vstack([2 * self.gamma * points.T, np.full(len(points), -self.gamma), -self.gamma * squares])
        columns, weights = columns.astype(dtype), beta.astype(dtype)
        found = np.empty(len(self._rows), dtype=np.float64)
        for start in range(0, len(self._rows), _BLOCK_ROWS):
            stop_if(cancelled)
            block = self._rows[start : start + _BLOCK_ROWS] @ columns
            np.minimum(block, 0.0, out=block)
            np.exp(block, out=block)
            found[start : start + _BLOCK_ROWS] = block @ weights
        return np.asarray(np.add.reduceat(found * self._beta, self._starts))


def self_products(specifications: Sequence[TableSpecification], scale: Array, cancelled: Cancelled | None) -> Array:
    """||mu_i||^2 on a scale for all (n,)."""
    found = np.empty(len(specifications))
    for place, each in enumerate(specifications):
        if place % 64 == 0:
            stop_if(cancelled)
        z = each.z / scale
        found[place] = inner_product(z, each.beta, z, each.beta, each.gamma)
    return found


def stop_if(cancelled: Cancelled | None) -> None:
    """Raise DeadlineExceeded SEARCH_CANCELLED when the asker is gone."""
    if cancelled is not None and cancelled():
        raise DeadlineExceeded(
            "The search was called off.", reason="SEARCH_CANCELLED", hint="Allow it more time, or ask for less."
        )
