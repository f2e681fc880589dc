"""Many small quadratic programmes at once: which one of many candidates lowers a mixture's MMD^2 most."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from learndock.specification.weights import FLOAT32, simplex_weights

Array = npt.NDArray[np.float64]

_RIDGE = 1e-8


@dataclass(frozen=True)
class Best:
    """The best candidate (its number), all weights with its own last, and w'Kw - 2c'w."""

    candidate: int
    weights: Array
    value: float


def best_candidate(K: Array, c: Array, across: Array, norms: Array, inner: Array) -> Best:
    """Add to s members with products K (s, s) and c (s,) the best of n candidates.

    `across` (n, s) are the candidates' products with the members, `norms` (n,) those with themselves and `inner` (n,)
    those with the task. Without the bounds w >= 0 all n programmes are solved in one go; that is a floor for each,
    and where no weight is below nought it is the answer. The others are solved in order of floor until none can win.
    """
    floors, weights = _without_bounds(K, c, across, norms, inner)
    best: Best | None = None
    for candidate in np.argsort(floors, kind="stable"):
        place = int(candidate)
        if best is not None and floors[place] >= best.value:
            break
        w = weights[place]
        whole, with_task = _whole(K, c, across[place], norms[place], inner[place])
        if w.min() < 0:
            w = simplex_weights(whole, with_task, FLOAT32)
        value = float(w @ whole @ w - 2.0 * w @ with_task)
        if best is None or value < best.value:
            best = Best(place, w, value)
    assert best is not None
    return best


def _whole(K: Array, c: Array, across: Array, norm: float, inner: float) -> tuple[Array, Array]:
    size = len(c)
    whole = np.empty((size + 1, size + 1))
    whole[:size, :size], whole[size, :size], whole[:size, size], whole[size, size] = K, across, across, norm
    return whole, np.append(c, inner)


def _without_bounds(K: Array, c: Array, across: Array, norms: Array, inner: Array) -> tuple[Array, Array]:
    """Least value (n,) and weights (n, s + 1) with sum 1 of either sign."""
    count, size = across.shape
    # [K 1; 1' 0] [w; level] = [c; 1], one system for each candidate.
    systems = np.zeros((count, size + 2, size + 2))
    systems[:, :size, :size] = K
    systems[:, size, :size] = systems[:, :size, size] = across
    systems[:, size, size] = norms
    systems[:, -1, :-1] = systems[:, :-1, -1] = 1.0
    exact = systems[:, :-1, :-1].copy()
    each = np.arange(size + 1)
    systems[:, each, each] += _RIDGE
    right = np.ones((count, size + 2))
    right[:, :size], right[:, size] = c, inner
    try:
        w = np.linalg.solve(systems, right[:, :, None])[:, :-1, 0]
    except np.linalg.LinAlgError:
        # Rounding can be just as large as the ridge, with the other sign.
        systems[:, each, each] += FLOAT32
        w = np.linalg.solve(systems, right[:, :, None])[:, :-1, 0]
    values = np.einsum("ni,nij,nj->n", w, exact, w) - 2.0 * np.einsum("ni,ni->n", w, right[:, :-1])
    return values, w
