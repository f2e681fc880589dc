"""The peer's score, so that its users can compare."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

_NEAR = 0.01
_BEST_AT_LEAST = 0.92


def peer_scores(squared: Array) -> Array:
    """Score all distances MMD^2 (n,) of one search against each other.

    Linear from 0 at the greatest distance to 1 at a reference: min(0.01, 0.1 mean), or the least distance where that
    is nearer, or wherever the best one comes to score 0.92. So the best always scores 0.92 or more, fit or not.
    """
    if len(squared) == 0:
        return np.zeros(0)
    low, high = float(squared.min()), float(squared.max())
    if low == high:
        return np.ones(len(squared))
    reference = min(0.1 * float(squared.mean()), _NEAR)
    if low < reference:
        reference = low
    elif (high - low) / (high - reference) < _BEST_AT_LEAST:
        reference = high - (high - low) / _BEST_AT_LEAST
    return np.asarray((high - squared) / (high - reference))
