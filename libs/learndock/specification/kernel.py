"""The Gaussian kernel between reduced sets, in float64: the reference for everything faster.

An embedding is a weighted sum of kernel functions, mu = sum_i beta_i k(z_i, .), with k(x, y) = exp(-gamma |x - y|^2).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

_EPSILON = float(np.finfo(np.float64).eps)
_HARMLESS = 1e-5
"""Error of a squared distance that is put up with; a kernel's value changes by gamma times that at most."""
_ROWS = 64


def squared_distances(a: Array, b: Array) -> Array:
    """|a_i - b_j|^2 for all pairs, shape (len(a), len(b)); never negative."""
    # One matrix product; moving both to a common centre keeps the cancellation harmless.
    centre = b.mean(axis=0)
    a, b = a - centre, b - centre
    left, right = (a * a).sum(axis=1), (b * b).sum(axis=1)
    if (left.max(initial=0.0) + right.max(initial=0.0)) * _EPSILON > _HARMLESS:
        return _one_by_one(a, b)
    return np.asarray(np.maximum(left[:, None] + right[None, :] - 2.0 * (a @ b.T), 0.0))


def _one_by_one(a: Array, b: Array) -> Array:
    """The same by differences: where some rows lie far away, the product has no digits left for the near ones."""
    found = np.empty((len(a), len(b)))
    for start in range(0, len(a), _ROWS):
        part = a[start : start + _ROWS, None, :] - b[None, :, :]
        found[start : start + _ROWS] = np.einsum("ijk,ijk->ij", part, part)
    return found


def gram(a: Array, b: Array, gamma: float) -> Array:
    """k(a_i, b_j) for all pairs, shape (len(a), len(b))."""
    return np.asarray(np.exp(-gamma * squared_distances(a, b)))


def inner_product(z: Array, beta: Array, other_z: Array, other_beta: Array, gamma: float) -> float:
    """<mu, mu'> of two embeddings with one gamma."""
    return float(beta @ gram(z, other_z, gamma) @ other_beta)
