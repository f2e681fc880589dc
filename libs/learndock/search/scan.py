"""Inner products of one embedding with very many, in blocks: one matrix product, one exp, one sum each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from learndock.errors import DeadlineExceeded
from learndock.specification import TableSpecification
from learndock.specification.kernel import gram

Array = npt.NDArray[np.float64]
Cancelled = Callable[[], bool]
Rows = npt.NDArray[Any]
Floats = np.dtype[Any]

_BLOCK_ROWS = 512
"""A block of kernel values with 100 columns is 200 KB, which stays in a core's own cache."""
_FLOAT32_REACH = 1e-4
"""Greatest error of an exponent that float32 may bring."""
_OUT_OF_PROPORTION = 1e5
"""Steps of the scale from the centre beyond which nothing honest lies."""
_LEAST_SCALE = 1e-15
"""The square of a lesser scale has too few digits in float32, or none."""
_SILENT = -40.0
"""A kernel value with a lesser exponent is below 1e-17."""
_DENSE = 0.05
"""From this share of pairs on that are not silent, all are evaluated."""


class Stack:
    """The reduced points of many specifications of one gamma and width, ready to be scanned.

    Columns may be divided by a `scale` (d,); the columns as they are can be scanned as well, from the same memory.
    Points are moved to a common centre, their median unless said, and kept in float32 where the distances allow that,
    in float64 otherwise: |x|^2 + |y|^2 - 2xy loses its digits where columns are large. Points of weight nought are
    left out.
    """

    def __init__(
        self, specifications: Sequence[TableSpecification], scale: Array | None = None, centre: Array | None = None
    ) -> None:
        self.gamma = specifications[0].gamma
        self.length = len(specifications)
        kept = [each.beta != 0 for each in specifications]
        points = np.concatenate([each.z[rows] for each, rows in zip(specifications, kept, strict=True)])
        beta = np.concatenate([each.beta[rows] for each, rows in zip(specifications, kept, strict=True)])
        ends = np.cumsum([int(rows.sum()) for rows in kept])
        self.starts, self.ends = np.concatenate([[0], ends[:-1]]), ends
        self.scale = np.ones(points.shape[1]) if scale is None else scale
        self.edge = np.full(points.shape[1], np.inf) if scale is None else _OUT_OF_PROPORTION * self.scale
        self.centre = np.median(points, axis=0) if centre is None else centre
        points = self._within(points)
        squares, plain = ((points / self.scale) ** 2).sum(axis=1), (points**2).sum(axis=1)
        self.dtype = self._dtype(squares) if self.scale.min() >= _LEAST_SCALE else np.dtype(np.float64)
        self.plain_dtype = np.promote_types(self.dtype, self._dtype(plain))
        self.beta = beta.astype(self.dtype)
        # [z, |z/s|^2, |z|^2, 1] times [2 gamma u, 0, -gamma, -gamma |u|^2] is the exponent for columns as they are.
        self.rows = np.column_stack([points, squares, plain, np.ones(len(points))]).astype(self.dtype)
        self.points = points if self.plain_dtype == np.float64 else None

    @classmethod
    def of(cls, chosen: Sequence[tuple[Stack, int]]) -> Stack:
        """Some learnwares out of stacks of one scale and centre, each said by its stack and its place there.

        Made for products on the scale only.
        """
        first = chosen[0][0]
        found = cls.__new__(cls)
        found.gamma, found.scale, found.centre, found.edge = first.gamma, first.scale, first.centre, first.edge
        slices = [(stack, slice(stack.starts[place], stack.ends[place])) for stack, place in chosen]
        found.rows = np.concatenate([stack.rows[rows] for stack, rows in slices])
        found.points = None
        found.beta = np.concatenate([stack.beta[rows] for stack, rows in slices])
        found.dtype = found.plain_dtype = found.rows.dtype
        found.ends = np.cumsum([rows.stop - rows.start for _, rows in slices])
        found.starts, found.length = np.concatenate([[0], found.ends[:-1]]), len(chosen)
        return found

    def __len__(self) -> int:
        return self.length

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        return self.rows.nbytes + self.beta.nbytes + (0 if self.points is None else self.points.nbytes)

    def inner_products(self, task: TableSpecification, cancelled: Cancelled | None = None) -> Array:
        """<u, mu_i> on the scale for all (n,), u the task's embedding. DeadlineExceeded SEARCH_CANCELLED."""
        return self._scan(self._columns(task.z, scaled=True), task.beta, cancelled)

    def plain_products(self, task: TableSpecification, cancelled: Cancelled | None = None) -> Array:
        """The same with the columns as they are."""
        if self.points is None:
            return self._scan(self._columns(task.z, scaled=False), task.beta, cancelled)
        return self._scan_near(self.points, task, cancelled)

    def self_products(self, cancelled: Cancelled | None = None) -> tuple[Array, Array]:
        """||mu_i||^2 for all (n,): on the scale, and with the columns as they are."""
        found = np.empty((2, self.length))
        for place, (start, end) in enumerate(zip(self.starts, self.ends, strict=True)):
            if place % 64 == 0:
                stop_if(cancelled)
            own, beta = self.rows[start:end], self.beta[start:end]
            for which, scaled in enumerate((True, False)):
                if scaled or self.points is None:
                    values = np.exp(own @ self._across(own, scaled))
                else:
                    values = gram(self.points[start:end], self.points[start:end], self.gamma)
                found[which, place] = beta @ (values @ beta)
        return found[0], found[1]

    def affinities(self, points: Array, cancelled: Cancelled | None = None) -> Array:
        """mu_i at points p_j of the columns as they are, (n, len(points)): the sum of beta k(z / s, p_j / s)."""
        columns = self._columns(points, scaled=True)
        found = np.empty((self.length, len(points)), dtype=columns.dtype)
        for place, (start, end) in enumerate(zip(self.starts, self.ends, strict=True)):
            if place % 16 == 0:
                stop_if(cancelled)
            values = self.rows[start:end] @ columns
            np.exp(values, out=values)
            np.matmul(self.beta[start:end].astype(columns.dtype), values, out=found[place])
        return found

    def _within(self, points: Array) -> Array:
        """Points about the centre, those that are out of all proportion taken to the edge.

        The kernel between them and any other is nought either way, and the digits of the others are kept.
        """
        return np.asarray(np.clip(points - self.centre, -self.edge, self.edge))

    def _dtype(self, squares: Array) -> Floats:
        reach = self.gamma * float(squares.max()) * float(np.finfo(np.float32).eps)
        return np.dtype(np.float32 if reach <= _FLOAT32_REACH else np.float64)

    def _columns(self, points: Array, scaled: bool) -> Rows:
        """What rows are multiplied by, (d + 3, len(points)), in the type that the scan needs."""
        points = self._within(points)
        squares = ((points / self.scale) ** 2).sum(axis=1), (points**2).sum(axis=1)
        dtype = np.promote_types(self.dtype, self._dtype(squares[0 if scaled else 1]))
        whole = np.column_stack([points, *squares, np.ones(len(points))])
        return self._across(whole, scaled).astype(dtype)

    def _across(self, rows: Rows, scaled: bool) -> Rows:
        gamma, width = self.gamma, rows.shape[1] - 3
        columns = np.zeros((width + 3, len(rows)), dtype=rows.dtype)
        points = rows[:, :width] / self.scale.astype(rows.dtype) ** 2 if scaled else rows[:, :width]
        columns[:width] = 2 * gamma * points.T
        columns[width if scaled else width + 1] = -gamma
        columns[-1] = -gamma * rows[:, width if scaled else width + 1]
        return columns

    def _scan(self, columns: Rows, beta: Array, cancelled: Cancelled | None) -> Array:
        kept = beta != 0
        columns, weights = np.ascontiguousarray(columns[:, kept]), beta[kept].astype(columns.dtype)
        block = np.zeros((_BLOCK_ROWS, columns.shape[1]), dtype=columns.dtype)
        found = np.empty(len(self.rows))
        for part, values in self._blocks(columns, block, cancelled):
            np.exp(values, out=values)
            found[part] = values @ weights
        return np.asarray(np.add.reduceat(found * self.beta, self.starts))

    def _scan_near(self, points: Array, task: TableSpecification, cancelled: Cancelled | None) -> Array:
        """Columns as they are where they are large: most pairs are then so far apart that the kernel is nought.

        Float32 says with its own greatest error taken off which those are; the others are evaluated in float64.
        """
        theirs, width = self._within(task.z), points.shape[1]
        error = 2.0 * (width + 4) * float(np.finfo(np.float32).eps)
        squares = (theirs**2).sum(axis=1)
        columns = np.vstack([2.0 * theirs.T, np.zeros(len(squares)), np.full(len(squares), error - 1.0)])
        columns = (self.gamma * np.vstack([columns, (error - 1.0) * squares])).astype(self.dtype)
        block = np.zeros((_BLOCK_ROWS, columns.shape[1]), dtype=self.dtype)
        found = np.zeros(len(points))
        for part, values in self._blocks(columns, block, cancelled):
            near = values > _SILENT
            count = np.count_nonzero(near)
            if count == 0:
                continue
            if count > _DENSE * near.size:
                found[part] = gram(points[part], theirs, self.gamma) @ task.beta
                continue
            i, j = np.nonzero(near)
            apart = ((points[part][i] - theirs[j]) ** 2).sum(axis=1)
            found[part] = np.bincount(i, np.exp(-self.gamma * apart) * task.beta[j], minlength=len(values))
        return np.asarray(np.add.reduceat(found * self.beta, self.starts))

    def _blocks(self, columns: Rows, block: Rows, cancelled: Cancelled | None) -> Iterator[tuple[slice, Rows]]:
        for start in range(0, len(self.rows), len(block)):
            stop_if(cancelled)
            part = slice(start, min(start + len(block), len(self.rows)))
            values = block[: part.stop - part.start]
            np.matmul(self.rows[part], columns, out=values)
            yield part, values


def stop_if(cancelled: Cancelled | None) -> None:
    """Raise DeadlineExceeded SEARCH_CANCELLED when the asker is gone."""
    if cancelled is not None and cancelled():
        raise DeadlineExceeded(
            "The search was called off.", reason="SEARCH_CANCELLED", hint="Allow it more time, or ask for less."
        )
