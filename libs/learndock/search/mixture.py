"""Mixtures: weights over a few learnwares of one island whose weighted embedding is near the task's.

Both strategies of Tan et al., Beimingwu (2024). Every kernel is on the island's scale. What is returned was evaluated
exactly; the set of learnwares is found by heuristics.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from learndock.search.hull import best_candidate
from learndock.search.scan import Cancelled, stop_if
from learndock.search.shelf import Comparison, Shelf
from learndock.search.workers import share_out
from learndock.specification import TableSpecification
from learndock.specification.kernel import inner_product
from learndock.specification.weights import FLOAT32, simplex_weights

Array = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]

NEAREST = 128
"""Learnwares nearest to the task that are tried at every step of the greedy growth."""
BY_GAIN = 64
"""Learnwares of the whole island tried besides, by what each could gain along the line to it."""
PAIRS = 32
"""Learnwares nearest to the task of which the best pair is a start too."""
POOL = 64
"""Learnwares over which the other strategy solves for weights."""
LARGE = 1_000
"""From this size of an island on, gains over the whole island are read from vectors and not from its points."""
STOP_AT = 0.98
"""Growth ends where the next learnware leaves more than this share of MMD^2. The peer's .95 ended mixtures of digits
at two or three members where five answer better (docs/adr/0009)."""
COPIES = 1e-5
"""MMD^2 that is hardly more than the rounding of float32."""
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
        # <mu_place, mu_i> for all i; not a number where nobody asked yet.
        self._rows: dict[int, Array] = {}

    def greedy(self, size: int) -> Found:
        """Grow from the nearest, and from the best pair; each step adds what lowers MMD^2 most.

        All weights are solved again at every step. At the end each is taken out in turn and the best of the island put
        in, as long as that helps. The better of both is given.
        """
        first = int(self._offered[0])
        alone = _Step(self._own + self._shelf.norms[first] - 2.0 * self._inner[first], (first,), np.ones(1))
        starts = [alone, *self._best_pair()] if size > 1 else [alone]
        best = min((self._grown(start, size) for start in starts), key=lambda step: step.squared)
        return self._exactly(best.places)

    def _best_pair(self) -> list[_Step]:
        """The best two of the nearest, with the weights that are best for them; none where one alone is as good."""
        pool = [int(place) for place in self._offered[:PAIRS]]
        K, c = self._gram(pool), self._inner[pool]
        norms = np.diag(K)
        apart = np.maximum(norms[:, None] + norms - 2.0 * K, 1e-12)
        # The best point of the line from i to j, where it lies between them.
        share = np.clip((norms[:, None] - K - c[:, None] + c) / apart, 0.0, 1.0)
        alone = norms - 2.0 * c
        values = (1 - share) * alone[:, None] + share * alone - share * (1 - share) * apart
        i, j = np.unravel_index(int(values.argmin()), values.shape)
        part = float(share[i, j])
        if i == j or part in (0.0, 1.0):
            return []
        return [_Step(self._own + float(values[i, j]), (pool[i], pool[j]), np.array([1.0 - part, part]))]

    def _grown(self, grown: _Step, size: int) -> _Step:
        while len(grown.places) < size:
            step = self._grow(grown)
            if step is not None and step.squared > STOP_AT * grown.squared:
                # The nearest may lie between two that together are far nearer: no one more helps, an exchange does.
                step = self._exchanged(step)
            if step is None or step.squared > STOP_AT * grown.squared:
                break
            grown = step
        for _ in range(size):
            step = self._exchanged(grown)
            if step is None or step.squared > SWAP_AT * grown.squared:
                break
            grown = step
        return grown

    def weights(self, size: int) -> Found:
        """Solve for weights over the nearest, keep the heaviest, solve for those again.

        Of copies only the first is there: they would share one weight, and all be light or all be kept.
        """
        pool = [int(place) for place in self._offered[:POOL]]
        pool = [pool[each] for each in _unlike(self._gram(pool))]
        found = simplex_weights(self._gram(pool), self._inner[pool], FLOAT32)
        heaviest = [place for _, place in sorted(zip(-found, range(len(pool)), strict=True)) if found[place] > 0]
        return self._exactly([pool[place] for place in heaviest[:size]])

    def _exchanged(self, grown: _Step) -> _Step | None:
        """The best mixture with one exchanged; None where there is no other."""
        if len(grown.places) < 2:
            return None
        found = []
        for order in range(len(grown.places)):
            left = tuple(place for each, place in enumerate(grown.places) if each != order)
            K, c = self._gram(left), self._inner[list(left)]
            weights = simplex_weights(K, c, FLOAT32)
            squared = float(self._own + weights @ K @ weights - 2.0 * weights @ c)
            step = self._grow(_Step(squared, left, weights))
            found += [step] if step is not None else []
        return min(found, key=lambda step: step.squared, default=None)

    def _grow(self, grown: _Step) -> _Step | None:
        """The best mixture with one more; None where the island has no more."""
        stop_if(self._cancelled)
        candidates = self._candidates(grown)
        if len(candidates) == 0:
            return None
        chosen = list(grown.places)
        self._look(chosen, np.concatenate([candidates, chosen]))
        across = np.stack([self._rows[place][candidates] for place in chosen], axis=1)
        norms, inner = self._shelf.norms[candidates], self._inner[candidates]
        best = best_candidate(self._gram(chosen), self._inner[chosen], across, norms, inner)
        place = int(candidates[best.candidate])
        return _Step(self._own + best.value, (*grown.places, place), best.weights)

    def _candidates(self, grown: _Step) -> Places:
        gains = self._gains(grown)[self._offered]
        gains[np.isin(self._offered, grown.places)] = -1.0
        best = np.argpartition(-gains, BY_GAIN)[:BY_GAIN] if len(gains) > BY_GAIN else np.arange(len(gains))
        tried = np.union1d(best, np.arange(min(NEAREST + len(grown.places), len(gains))))
        return self._offered[tried[gains[tried] >= 0]]

    def _gains(self, grown: _Step) -> Array:
        """What MMD^2 falls by on the line from the mixture x to each learnware: <rho, mu - x>^2 / |mu - x|^2."""
        chosen, w = list(grown.places), grown.weights
        across = self._across(grown)
        mixed = float(w @ self._gram(chosen) @ w)
        descent = self._inner - across - float(w @ self._inner[chosen]) + mixed
        lengths = np.maximum(self._shelf.norms - 2.0 * across + mixed, 1e-12)
        return np.asarray(np.maximum(descent, 0.0) ** 2 / lengths)

    def _across(self, grown: _Step) -> Array:
        """<x, mu_i> for all i; on a large island as the vectors say where it was not evaluated."""
        w = grown.weights
        if len(self._shelf) < LARGE:
            self._look(grown.places, np.arange(len(self._shelf)))
            return np.asarray(sum(each * self._rows[place] for each, place in zip(w, grown.places, strict=True)))
        basis = self._shelf.basis(self._cancelled)
        guessed = self._shelf.projected(basis, w @ self._shelf.vectors(basis, grown.places))
        known = sum(each * self._row(place) for each, place in zip(w, grown.places, strict=True))
        return np.where(np.isnan(known), guessed, known)

    def _gram(self, places: Sequence[int]) -> Array:
        chosen = list(places)
        self._look(chosen, np.array(chosen))
        K = np.stack([self._rows[place][chosen] for place in chosen])
        K[np.diag_indices(len(chosen))] = self._shelf.norms[chosen]
        return np.asarray((K + K.T) / 2)

    def _look(self, members: Sequence[int], places: Places) -> None:
        """See to it that the products of members with learnwares at some places are known."""
        missing = {member: places[np.isnan(self._row(member)[places])] for member in members}
        missing = {member: wanted for member, wanted in missing.items() if len(wanted)}
        wanted = np.unique(np.concatenate([*missing.values()])) if missing else np.zeros(0, dtype=np.intp)
        if len(wanted) == 0:
            return
        stack = self._shelf.stack([int(each) for each in wanted])
        todo = list(missing)

        def look(each: int) -> None:
            self._rows[todo[each]][wanted] = stack.inner_products(self._shelf.specifications[todo[each]])

        share_out(look, len(todo), self._cancelled)

    def _row(self, place: int) -> Array:
        if place not in self._rows:
            self._rows[place] = np.full(len(self._shelf), np.nan)
        return self._rows[place]

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


def _unlike(K: Array) -> list[int]:
    """Those of some learnwares with products K that are no copies of one before them."""
    norms = np.diag(K)
    copies = np.tril(norms[:, None] + norms - 2.0 * K <= COPIES, -1)
    return [int(each) for each in np.flatnonzero(~copies.any(axis=1))]
