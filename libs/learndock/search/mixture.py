"""Mixtures: weights over a few learnwares of one island whose weighted embedding is near the task's.

Both strategies of Tan et al., Beimingwu (2024). Every kernel is on the island's scale. What is returned was evaluated
exactly; the set of learnwares is found by heuristics.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from learndock.search.scan import Cancelled, Stack, stop_if
from learndock.search.shelf import Comparison, Shelf
from learndock.specification import TableSpecification
from learndock.specification.kernel import inner_product
from learndock.specification.weights import simplex_weights

Array = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]

NEAREST = 128
"""Learnwares nearest to the task that are tried at every step of the greedy growth."""
BY_GAIN = 32
"""Learnwares of the whole island tried besides, by what each could gain along the line to it."""
POOL = 64
"""Learnwares over which the other strategy solves for weights."""
STOP_AT = 0.95
"""Growth ends where the next learnware leaves more than this share of MMD^2."""
SWAP_AT = 0.99
"""An exchange that leaves more than this share is not worth another round."""


@dataclass(frozen=True)
class Found:
    """Places on the shelf, their weights and the MMD^2 of the whole, heaviest first."""

    places: tuple[int, ...]
    weights: tuple[float, ...]
    squared: float


@dataclass(frozen=True)
class _Step:
    """A mixture on the way, its MMD^2 as good as float32 knows it."""

    squared: float
    places: tuple[int, ...]
    weights: Array


class Mixer:
    """Mixes for one task from those of a shelf that may be offered (`offered`, places in order of distance)."""

    def __init__(
        self,
        shelf: Shelf,
        offered: Places,
        task: TableSpecification,
        comparison: Comparison,
        cancelled: Cancelled | None = None,
    ) -> None:
        self._shelf = shelf
        self._offered = offered
        self._task = task
        self._own = comparison.own
        self._inner = comparison.inner
        self._cancelled = cancelled
        self._rows: dict[int, Array] = {}

    def greedy(self, size: int) -> Found:
        """Grow from the nearest; each step adds what lowers MMD^2 most, with all weights solved again.

        At the end the lightest is taken out and the best of the island put in, as long as that helps.
        """
        grown = _Step(self._squared([int(self._offered[0])], np.ones(1)), (int(self._offered[0]),), np.ones(1))
        while len(grown.places) < size:
            step = self._grow(grown)
            if step is None or step.squared > STOP_AT * grown.squared:
                break
            grown = step
        for _ in range(size):
            step = self._swap(grown)
            if step is None or step.squared > SWAP_AT * grown.squared:
                break
            grown = step
        return self._exactly(grown.places)

    def _swap(self, grown: _Step) -> _Step | None:
        if len(grown.places) < 2:
            return None
        lightest = int(grown.weights.argmin())
        left = [place for order, place in enumerate(grown.places) if order != lightest]
        weights = simplex_weights(self._gram(left), self._inner[left])
        return self._grow(_Step(self._squared(left, weights), tuple(left), weights))

    def _grow(self, grown: _Step) -> _Step | None:
        """The best mixture with one more; None where the island has no more."""
        steps = (self._with(grown.places, place) for place in self._candidates(grown.places, grown.weights))
        return min(steps, key=lambda step: step.squared, default=None)

    def weights(self, size: int) -> Found:
        """Solve for weights over the nearest, keep the heaviest, solve for those again."""
        pool = [int(place) for place in self._offered[:POOL]]
        found = simplex_weights(self._pool_gram(pool), self._inner[pool])
        heaviest = [place for _, place in sorted(zip(-found, range(len(pool)), strict=True)) if found[place] > 0]
        return self._exactly([pool[place] for place in heaviest[:size]])

    def _candidates(self, chosen: Sequence[int], weights: Array) -> list[int]:
        rest = self._offered[~np.isin(self._offered, chosen)]
        gains = self._gains(chosen, weights)[rest]
        best = rest[np.argsort(-gains, kind="stable")[:BY_GAIN]]
        near = rest[:NEAREST]
        return [int(place) for place in dict.fromkeys([*best, *near])]

    def _gains(self, chosen: Sequence[int], weights: Array) -> Array:
        """What MMD^2 falls by on the line from the mixture x to each learnware: <rho, mu - x>^2 / |mu - x|^2."""
        rows = np.stack([self._row(place) for place in chosen])
        across = weights @ rows
        mixed = float(weights @ rows[:, chosen] @ weights)
        descent = self._inner - across - float(weights @ self._inner[list(chosen)]) + mixed
        lengths = np.maximum(self._shelf.norms - 2.0 * across + mixed, 1e-12)
        return np.asarray(np.maximum(descent, 0.0) ** 2 / lengths)

    def _with(self, chosen: Sequence[int], place: int) -> _Step:
        places = (*chosen, place)
        K = self._gram_with(chosen, place)
        weights = simplex_weights(K, self._inner[list(places)])
        return _Step(self._value(K, places, weights), places, weights)

    def _gram_with(self, chosen: Sequence[int], place: int) -> Array:
        places = [*chosen, place]
        K = np.empty((len(places), len(places)))
        for position, each in enumerate(chosen):
            K[position, :] = K[:, position] = self._row(each)[places]
        K[np.diag_indices(len(places))] = self._shelf.norms[places]
        return K

    def _gram(self, places: Sequence[int]) -> Array:
        K = np.stack([self._row(place)[list(places)] for place in places])
        K[np.diag_indices(len(places))] = self._shelf.norms[list(places)]
        return np.asarray((K + K.T) / 2)

    def _pool_gram(self, pool: Sequence[int]) -> Array:
        # Among themselves only: a row over the whole island for each would cost most of the search.
        members = [self._shelf.specifications[place] for place in pool]
        stack = Stack(members, self._shelf.scale)
        K = np.stack([stack.inner_products(each, self._cancelled) for each in members])
        return np.asarray((K + K.T) / 2)

    def _row(self, place: int) -> Array:
        """<mu_place, mu_i> for all i."""
        if place not in self._rows:
            self._rows[place] = self._shelf.inner_products(self._shelf.specifications[place], self._cancelled)
        return self._rows[place]

    def _squared(self, places: Sequence[int], weights: Array) -> float:
        return self._value(self._gram(places), places, weights)

    def _value(self, K: Array, places: Sequence[int], weights: Array) -> float:
        return float(self._own + weights @ K @ weights - 2.0 * weights @ self._inner[list(places)])

    def _exactly(self, chosen: Sequence[int]) -> Found:
        """Solve once more in float64; never worse than the nearest alone."""
        stop_if(self._cancelled)
        nearest = int(self._offered[0])
        K, c = self._exact_products([*chosen, nearest])
        alone = max(0.0, float(self._own + K[-1, -1] - 2.0 * c[-1]))
        K, c = K[:-1, :-1], c[:-1]
        w = simplex_weights(K, c)
        squared = max(0.0, float(self._own + w @ K @ w - 2.0 * w @ c))
        if squared >= alone:
            return Found((nearest,), (1.0,), alone)
        order = [int(each) for each in np.argsort(-w, kind="stable") if w[each] > 0]
        return Found(tuple(chosen[each] for each in order), tuple(float(w[each]) for each in order), squared)

    def _exact_products(self, places: Sequence[int]) -> tuple[Array, Array]:
        task, scale = self._task, self._shelf.scale
        members = [self._shelf.specifications[place] for place in places]
        scaled = [each.z / scale for each in members]
        K = np.empty((len(places), len(places)))
        for i, left in enumerate(members):
            for j, right in enumerate(members[: i + 1]):
                K[i, j] = K[j, i] = inner_product(scaled[i], left.beta, scaled[j], right.beta, task.gamma)
        z = task.z / scale
        pairs = zip(scaled, members, strict=True)
        c = np.array([inner_product(z, task.beta, y, each.beta, task.gamma) for y, each in pairs])
        return K, c
