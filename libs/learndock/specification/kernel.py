"""The Gaussian kernel between reduced sets, in float64: the reference for everything faster.

An embedding is a weighted sum of kernel functions, mu = sum_i beta_i k(z_i, .), with k(x, y) = exp(-gamma |x - y|^2).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def squared_distances(a: Array, b: Array) -> Array:
    """|a_i - b_j|^2 for all pairs, shape (len(a), len(b)); never negative."""
    # One matrix product; moving both to a common centre keeps the cancellation harmless.
    centre = b.mean(axis=0)
    a, b = a - centre, b - centre
    found = (a * a).sum(axis=1)[:, None] + (b * b).sum(axis=1)[None, :] - 2.0 * (a @ b.T)
    return np.asarray(np.maximum(found, 0.0))


def gram(a: Array, b: Array, gamma: float) -> Array:
    """k(a_i, b_j) for all pairs, shape (len(a), len(b))."""
    return np.asarray(np.exp(-gamma * squared_distances(a, b)))


def inner_product(z: Array, beta: Array, other_z: Array, other_beta: Array, gamma: float) -> float:
    """<mu, mu'> of two embeddings with one gamma."""
    return float(beta @ gram(z, other_z, gamma) @ other_beta)
