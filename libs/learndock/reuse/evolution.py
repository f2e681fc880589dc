"""A small seeded NSGA-II over subsets: several objectives, all to be made small.

Deb, Pratap, Agarwal and Meyarivan, A fast and elitist multiobjective genetic algorithm: NSGA-II, IEEE TEVC 2002.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Objectives = Callable[[Array], Array]
"""Masks bool (p, m) in, objectives float (p, objectives) out."""
EXHAUSTIVE = 8
"""Things of which all 255 subsets cost less than an evolution."""


@dataclass(frozen=True)
class Front:
    """Subsets none of which beats another in everything: `masks` bool (f, m), `values` (f, objectives)."""

    masks: Array
    values: Array


def best_front(objectives: Objectives, size: int, *, rng: np.random.Generator) -> Front:
    """The first front over non-empty subsets: the true one up to `EXHAUSTIVE` things, what `evolve` finds beyond."""
    if size > EXHAUSTIVE:
        return evolve(objectives, size, rng=rng)
    masks = (np.arange(1, 2**size)[:, None] >> np.arange(size) & 1).astype(bool)
    values = objectives(masks)
    best = rank(values) == 0
    return Front(masks[best], values[best])


def evolve(
    objectives: Objectives, size: int, *, rng: np.random.Generator, population: int = 48, generations: int = 30
) -> Front:
    """The first front over non-empty subsets of `size` things after some generations, without repetitions."""
    masks = _first_generation(size, population, rng)
    values = objectives(masks)
    for _ in range(generations):
        masks, values = _with(masks, values, _children(masks, values, population, rng), objectives)
        kept = _survivors(values, population)
        masks, values = masks[kept], values[kept]
    masks, values = _polished(masks, values, objectives)
    best = rank(values) == 0
    return Front(masks[best], values[best])


def _with(masks: Array, values: Array, others: Array, objectives: Objectives) -> tuple[Array, Array]:
    """Those, and the others that are not among them, each judged once."""
    known = {mask.tobytes() for mask in masks}
    fresh = {mask.tobytes(): place for place, mask in enumerate(others) if mask.any() and mask.tobytes() not in known}
    if not fresh:
        return masks, values
    added = others[sorted(fresh.values())]
    return np.concatenate([masks, added]), np.concatenate([values, objectives(added)])


def _polished(masks: Array, values: Array, objectives: Objectives) -> tuple[Array, Array]:
    """As good in the first objective as one thing more, less or in exchange for another can make it."""
    while True:
        best = np.lexsort(values.T[::-1])[0]
        masks, values = _with(masks, values, _neighbours(masks[best]), objectives)
        if np.lexsort(values.T[::-1])[0] == best:
            return masks, values


def _neighbours(mask: Array) -> Array:
    flips = mask ^ np.eye(len(mask), dtype=bool)
    swaps = [flip ^ other for flip in flips[mask] for other in np.eye(len(mask), dtype=bool)[~mask]]
    return np.concatenate([flips, np.array(swaps, dtype=bool).reshape(-1, len(mask))])


def rank(values: Array) -> Array:
    """Front number of each row (p,): 0 for those that no other row dominates."""
    dominates = _dominance(values)
    ranks = np.full(len(values), -1)
    front = 0
    while (ranks < 0).any():
        left = ranks < 0
        beaten = (dominates & left[:, None]).any(axis=0)
        ranks[left & ~beaten] = front
        front += 1
    return ranks


def crowding(values: Array) -> Array:
    """Room around each row (p,) in objective space; infinite at the ends."""
    room = np.zeros(len(values))
    for column in values.T:
        order = np.argsort(column, kind="stable")
        ends = column[order]
        spread = ends[-1] - ends[0] or 1.0
        room[order[1:-1]] += (ends[2:] - ends[:-2]) / spread
        room[order[[0, -1]]] = np.inf
    return room


def _dominance(values: Array) -> Array:
    less = (values[:, None, :] <= values[None, :, :]).all(axis=2)
    strictly = (values[:, None, :] < values[None, :, :]).any(axis=2)
    return np.asarray(less & strictly)


def _first_generation(size: int, population: int, rng: np.random.Generator) -> Array:
    # singles and the whole come first: the answers that a user would otherwise try by hand
    seeds = np.concatenate([np.ones((1, size), dtype=bool), np.eye(size, dtype=bool)])
    drawn = _non_empty(rng.random((population, size)) < rng.random((population, 1)), rng)
    return np.asarray(np.unique(np.concatenate([seeds, drawn]), axis=0))


def _children(masks: Array, values: Array, count: int, rng: np.random.Generator) -> Array:
    fathers, mothers = _tournament(values, count, rng), _tournament(values, count, rng)
    crossed = np.where(rng.random((count, masks.shape[1])) < 0.5, masks[fathers], masks[mothers])
    flips = rng.random(crossed.shape) < max(1 / masks.shape[1], 0.02)
    return _non_empty(crossed ^ flips, rng)


def _tournament(values: Array, count: int, rng: np.random.Generator) -> Array:
    ranks, room = rank(values), crowding(values)
    pairs = rng.integers(0, len(values), (count, 2))
    left, right = pairs[:, 0], pairs[:, 1]
    better = (ranks[left] < ranks[right]) | ((ranks[left] == ranks[right]) & (room[left] >= room[right]))
    return np.where(better, left, right)


def _non_empty(masks: Array, rng: np.random.Generator) -> Array:
    empty = ~masks.any(axis=1)
    masks[empty, rng.integers(0, masks.shape[1], int(empty.sum()))] = True
    return masks


def _survivors(values: Array, population: int) -> Array:
    ranks = rank(values)
    room = np.empty(len(values))
    for front in np.unique(ranks):
        inside = ranks == front
        room[inside] = crowding(values[inside])
    return np.lexsort((-room, ranks))[:population]
