"""The peer's score, so that its users can compare."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

_REFERENCE = 0.1
_BEST_AT_LEAST = 0.92
_LIFTED_TO = 0.7


def peer_scores(squared: Array) -> Array:
    """Score all distances MMD^2 (n,) of one search against each other, as release 0.4.0.post1 of the peer does.

    Linear from 0 at the greatest distance to 1 at a reference: a tenth of the mean, or the least distance where that
    is nearer, or wherever the best one comes to score 0.92; what is then below 0.7 is lifted to its root, to 0.7 at
    most. So the best always scores 0.92 or more, fit or not.
    """
    if len(squared) == 0:
        return np.zeros(0)
    low, high = float(squared.min()), float(squared.max())
    if low == high:
        return np.ones(len(squared))
    reference = _REFERENCE * float(squared.mean())
    if low < reference:
        reference = low
    elif (high - low) / (high - reference) < _BEST_AT_LEAST:
        reference = high - (high - low) / _BEST_AT_LEAST
    plain = (high - squared) / (high - reference)
    return np.asarray(np.where(plain < _LIFTED_TO, np.minimum(np.sqrt(np.maximum(plain, 0.0)), _LIFTED_TO), plain))
