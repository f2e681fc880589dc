"""The MMD between every two learnwares of an island, with the task and the mixture among them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from learndock.specification import Comparable, TableSpecification
from learndock.specification.threads import one_thread

Array = npt.NDArray[np.float64]
Progress = Callable[[int, int], None]

_REACH = 1e-4
"""Greatest error of an exponent that float32 may bring."""


def embedding_products(
    specifications: Sequence[TableSpecification], scale: Array, on_progress: Progress | None = None
) -> Array:
    """<mu_i, mu_j> of every two (n, n), features divided by `scale` (d,); all have one width and one gamma.

    In float32 where the columns allow it: right to 1e-6, far below what a picture shows. The order of the
    specifications changes no more than that. `on_progress(done, total)` is called after each row.
    """
    n, gamma = len(specifications), specifications[0].gamma
    found = np.empty((n, n))
    points = np.concatenate([each.z for each in specifications]) / scale
    points -= points.mean(axis=0)
    squares = (points * points).sum(axis=1)
    reach = gamma * float(squares.max()) * float(np.finfo(np.float32).eps)
    dtype = np.float32 if reach <= _REACH else np.float64
    rows, squares = points.astype(dtype), squares.astype(dtype)
    beta = np.concatenate([each.beta for each in specifications]).astype(dtype)
    ends = np.cumsum([len(each.z) for each in specifications])
    starts = ends - [len(each.z) for each in specifications]
    with one_thread():
        for i in range(n):
            own, rest = slice(starts[i], ends[i]), slice(starts[i], None)
            block = rows[rest] @ rows[own].T
            block *= 2.0
            block -= squares[rest, None]
            block -= squares[own]
            block *= gamma
            np.exp(np.minimum(block, 0.0, out=block), out=block)
            products = np.add.reduceat((block @ beta[own]) * beta[rest], starts[i:] - starts[i], dtype=np.float64)
            found[i, i:] = found[i:, i] = products
            if on_progress is not None:
                on_progress(i + 1, n)
    return found


def own_distances(specifications: Sequence[Comparable], on_progress: Progress | None = None) -> Array:
    """What each says of its distance to those behind it (n, n); for types that are no table's."""
    n = len(specifications)
    found = np.zeros((n, n))
    for i, each in enumerate(specifications):
        for j in range(i + 1, n):
            found[i, j] = found[j, i] = each.distance(specifications[j])
        if on_progress is not None:
            on_progress(i + 1, n)
    return found


def with_blend(products: Array, weights: Array) -> Array:
    """The same products with one embedding more, sum_i w_i mu_i: (n + 1, n + 1)."""
    across = products @ weights
    return np.block([[products, across[:, None]], [across[None, :], np.array([[weights @ across]])]])


def distances_of(products: Array) -> Array:
    """MMD (n, n) from inner products. What is below rounding is 0: twins share a spot."""
    own = np.diag(products)
    squares = own[:, None] + own[None, :] - 2.0 * products
    squares[squares < 3e-6 * own.max()] = 0.0
    return np.asarray(np.sqrt(squares))
