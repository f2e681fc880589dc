"""Ways to reduce a table that were compared and not kept; each gives points (K, d) and weights (K,)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from learndock.specification.kernel import gram, squared_distances
from learndock.specification.weights import simplex_weights
from scenes import GAMMA, affinity

Array = npt.NDArray[np.float64]
Reduced = tuple[Array, Array]
CANDIDATES = 10_000
"""Rows among which those that choose rows choose."""


def some(rows: Array, size: int, seed: int) -> Array:
    """At most `size` rows, drawn at random."""
    rng = np.random.default_rng(seed)
    return rows if len(rows) <= size else rows[rng.choice(len(rows), size, replace=False)]


def weighted(points: Array, rows: Array) -> Reduced:
    """Points with the best weights on the simplex, for 20,000 rows."""
    return points, simplex_weights(gram(points, points, GAMMA), affinity(points, some(rows, 20_000, 9)))


def random_rows(rows: Array, K: int, seed: int) -> Reduced:
    """Rows as they are, equal weights."""
    return some(rows, K, seed), np.full(K, 1.0 / K)


def weighted_rows(rows: Array, K: int, seed: int) -> Reduced:
    """Rows as they are, best weights."""
    return weighted(some(rows, K, seed), rows)


def peer_like(rows: Array, K: int, seed: int) -> Reduced:
    """What the peer documents: k-means on all rows, weights, then three times a step of the points and weights."""
    points = k_means(rows, K, seed, rounds=20)
    points, weights = weighted(points, rows)
    for _ in range(3):
        inner = gram(points, points, GAMMA) * weights
        pull, drawn = np.zeros(points.shape), np.zeros(len(points))
        for start in range(0, len(rows), 2_000):
            outer = gram(points, rows[start : start + 2_000], GAMMA) / len(rows)
            pull, drawn = pull + outer @ rows[start : start + 2_000], drawn + outer.sum(axis=1)
        slope = inner @ points - inner.sum(axis=1)[:, None] * points - pull + drawn[:, None] * points
        points, weights = weighted(points - 0.1 * 4 * GAMMA * weights[:, None] * slope, rows)
    return points, weights


def k_means(rows: Array, K: int, seed: int, rounds: int = 4) -> Array:
    """Lloyd's rounds from random rows."""
    centres = some(rows, K, seed)
    for _ in range(rounds):
        parts = [rows[start : start + 5_000] for start in range(0, len(rows), 5_000)]
        owner = np.concatenate([squared_distances(part, centres).argmin(axis=1) for part in parts])
        order = np.argsort(owner, kind="stable")
        held, first, counts = np.unique(owner[order], return_index=True, return_counts=True)
        centres = centres.copy()
        centres[held] = np.add.reduceat(rows[order], first, axis=0) / counts[:, None]
    return np.asarray(centres)


def herding(rows: Array, K: int, seed: int, *, best: bool = True) -> Reduced:
    """Kernel herding: row after row, each the one that the mean embedding lacks most. Chen, Welling, Smola, 2010."""
    rows_ = some(rows, CANDIDATES, seed)
    drawn = affinity(rows_, rows_)
    taken: list[int] = []
    held = np.zeros(len(rows_))
    for count in range(K):
        lack = drawn - held / (count + 1)
        lack[taken] = -np.inf
        taken.append(int(np.argmax(lack)))
        held += gram(rows_[taken[-1:]], rows_, GAMMA)[0]
    points = rows_[taken]
    return weighted(points, rows) if best else (points, np.full(K, 1.0 / K))


def leverage(rows: Array, K: int, seed: int) -> Reduced:
    """Rows drawn by ridge leverage scores, estimated on 500 landmarks; best weights. Musco and Musco, 2017."""
    rows_ = some(rows, CANDIDATES, seed)
    features = _features(rows_, some(rows, 500, seed + 1), 500)
    inner = features.T @ features
    inside = np.linalg.inv(inner + float(np.trace(inner)) / K * np.eye(len(inner)))
    scores = np.maximum((features @ inside * features).sum(axis=1), 0.0)
    chosen = np.random.default_rng(seed).choice(len(rows_), K, replace=False, p=scores / scores.sum())
    return weighted(rows_[chosen], rows)


def recombination(rows: Array, K: int, seed: int, *, best: bool = True) -> Reduced:
    """K rows with weights that keep the mean of K - 1 Nystrom features. Hayakawa, Oberhauser, Lyons, 2022."""
    rows_ = some(rows, CANDIDATES, seed)
    features = _features(rows_, some(rows, 1_000, seed + 1), K - 1)
    features = np.column_stack([features, np.ones(len(rows_))])
    places, weights = np.arange(len(rows_)), np.full(len(rows_), 1.0 / len(rows_))
    while len(places) > K:
        # Groups of rows are thrown out together until there are fewer groups than there are rows left.
        groups = np.array_split(np.arange(len(places)), min(len(places), 2 * K))
        mass = np.array([weights[group].sum() for group in groups])
        means = np.array([weights[group] @ features[places[group]] for group in groups]) / mass[:, None]
        new = _caratheodory(means, mass)
        factor = np.concatenate([np.full(len(g), new[i] / mass[i]) for i, g in enumerate(groups)])
        kept = factor > 0
        places, weights = places[kept], (weights * factor)[kept]
    points = rows_[places]
    return weighted(points, rows) if best else (points, weights / weights.sum())


def _caratheodory(means: Array, mass: Array) -> Array:
    """Weights >= 0 with the same weighted mean of `means` (m, f), at most f of them above nought."""
    mass = mass.copy()
    alive = np.flatnonzero(mass > 0)
    null = np.linalg.svd(means[alive].T, full_matrices=True)[2][means.shape[1] :].copy()
    for i in range(len(null)):
        direction = null[i] if (null[i] > 1e-14).any() else -null[i]
        ratios = np.where(direction > 1e-14, mass[alive] / np.where(direction > 1e-14, direction, 1.0), np.inf)
        out = int(np.argmin(ratios))
        mass[alive] = np.maximum(mass[alive] - ratios[out] * direction, 0.0)
        mass[alive[out]] = 0.0
        # The directions left must not give weight back to what is out.
        null[i + 1 :] -= np.outer(null[i + 1 :, out] / direction[out], direction)
    return mass


def _features(rows: Array, landmarks: Array, count: int) -> Array:
    """The `count` leading Nystrom features of rows (n, count)."""
    values, vectors = np.linalg.eigh(gram(landmarks, landmarks, GAMMA))
    values, vectors = values[::-1][:count], vectors[:, ::-1][:, :count]
    return np.asarray(gram(rows, landmarks, GAMMA) @ (vectors / np.sqrt(np.maximum(values, 1e-9))))


def moved(
    start: Array,
    rows: Array,
    *,
    rounds: int = 60,
    dtype: Any = np.float32,
    joint: bool = False,
    weights: Array | None = None,
) -> Reduced:
    """L-BFGS on the points, and with `joint` on the weights as a softmax too; plain, without blocks."""
    from scipy.optimize import minimize  # noqa: PLC0415 - see learndock.specification.descend

    K, d = start.shape
    rows = rows.astype(dtype)
    squares = (rows * rows).sum(axis=1)
    first = np.full(K, 1.0 / K) if weights is None else np.maximum(weights, 1e-4)

    def objective(flat: Array) -> tuple[float, Array]:
        z, beta = flat[: K * d].reshape(K, d).astype(dtype), _softmax(flat[K * d :]) if joint else first
        own = (z * z).sum(axis=1)
        inner = np.exp(np.minimum(GAMMA * (2 * z @ z.T - own[:, None] - own), 0))
        outer = np.exp(np.minimum(GAMMA * (2 * z @ rows.T - own[:, None] - squares), 0)) / len(rows)
        pushed, drawn = (inner @ beta.astype(dtype)).astype(np.float64), outer.sum(axis=1, dtype=np.float64)
        slope = (drawn - pushed)[:, None] * z - outer @ rows + (inner * beta.astype(dtype)) @ z
        slopes = [(4 * GAMMA * beta[:, None] * slope).ravel()]
        if joint:
            by_weight = 2 * (pushed - drawn)
            slopes.append(beta * (by_weight - beta @ by_weight))
        return K * float(beta @ (pushed - 2 * drawn)), K * np.concatenate(slopes).astype(np.float64)

    at = np.concatenate([start.ravel(), np.log(first)] if joint else [start.ravel()])
    found = minimize(objective, at, jac=True, method="L-BFGS-B", options={"maxiter": rounds, "maxcor": 10}).x
    return found[: K * d].reshape(K, d), _softmax(found[K * d :]) if joint else first


def alternating(rows: Array, K: int, seed: int) -> Reduced:
    """Points, then three times weights and points again, on 2,000 rows."""
    sample = some(rows, 2_000, seed)
    points, weights = moved(k_means(sample, K, seed), sample)
    for _ in range(3):
        points, weights = weighted(points, sample)
        points, _ = moved(points, sample, rounds=20, weights=weights)
    return weighted(points, rows)


def _softmax(values: Array) -> Array:
    raised = np.exp(values - values.max())
    return np.asarray(raised / raised.sum())
