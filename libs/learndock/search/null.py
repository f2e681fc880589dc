"""The null of a verdict: learnwares of a dock, some of which cannot fit what is asked for."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from weakref import WeakKeyDictionary, ref

import numpy as np
import numpy.typing as npt

from learndock.search.island import RANKING, judging, widening
from learndock.search.scan import Stack
from learndock.search.shelf import Shelf
from learndock.specification import TableSpecification
from learndock.specification.kernel import inner_product

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

OWN = 32
"""Learnwares of the island itself that are looked at."""
NEIGHBOURS = 16
"""Learnwares of other islands of its width: they cannot be offered, and may tell what strangers look like."""


class Null:
    """A sample of learnwares under the kernel that verdicts are made with. Never changes."""

    def __init__(self, shelf: Shelf, neighbours: Sequence[Shelf] = ()) -> None:
        others = [each for neighbour in neighbours for each in sample_of(neighbour.specifications, NEIGHBOURS)]
        sample = [*sample_of(shelf.specifications, OWN), *sample_of(others, NEIGHBOURS)]
        gamma, width = sample[0].gamma, sample[0].dimension
        self.scale = shelf.scale * (judging(gamma, width) / widening(gamma, width, RANKING))
        self._stack = Stack(sample, self.scale)
        self._norms = np.array([self.product(each, each) for each in sample])
        self._sizes = np.array([each.effective_size for each in sample])
        self._known: WeakKeyDictionary[TableSpecification, tuple[float, Mask]] = WeakKeyDictionary()

    def __len__(self) -> int:
        return len(self._sizes)

    def product(self, a: TableSpecification, b: TableSpecification) -> float:
        """<mu_a, mu_b> in float64."""
        return inner_product(a.z / self.scale, a.beta, b.z / self.scale, b.beta, a.gamma)

    def squared(self, specification: TableSpecification, norm: float) -> Array:
        """MMD^2 to each of the sample (n,); `norm` is the specification's own product."""
        inner = self._stack.inner_products(specification)
        return np.asarray(np.maximum(norm + self._norms - 2.0 * inner, 0.0))

    def of_learnware(self, specification: TableSpecification) -> tuple[float, Mask]:
        """||mu||^2 of a learnware and its strangers (n,), kept for the next search.

        Strangers are those of the sample that are further from it than two specifications of the same rows would be.
        """
        known = self._known.get(specification)
        if known is None:
            norm = self.product(specification, specification)
            known = self._known[specification] = (norm, self._strangers(specification, norm))
        return known

    def _strangers(self, specification: TableSpecification, norm: float) -> Mask:
        likeness = np.minimum(norm, self._norms)
        error = sampling_error(likeness, 1.0 / specification.effective_size + 1.0 / self._sizes)
        return np.asarray(self.squared(specification, norm) > error)


def sample_of(specifications: Sequence[TableSpecification], size: int) -> list[TableSpecification]:
    """Evenly spaced, the same for the same sequence."""
    if len(specifications) <= size:
        return list(specifications)
    return [specifications[int(place)] for place in np.linspace(0, len(specifications) - 1, size)]


class Nulls:
    """Nulls, made once for a shelf and the neighbours it has at that moment. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: WeakKeyDictionary[Shelf, tuple[tuple[ref[Shelf], ...], Null]] = WeakKeyDictionary()

    def of(self, shelf: Shelf, neighbours: Sequence[Shelf]) -> Null:
        """The null of a shelf."""
        # No id(): a shelf that is gone leaves its own to the next. A reference to what is gone equals no other.
        stamp = tuple(ref(each) for each in neighbours)
        with self._lock:
            known = self._known.get(shelf)
        if known is None or known[0] != stamp:
            # Two searches at once may both make it; neither waits for the other.
            known = (stamp, Null(shelf, neighbours))
            with self._lock:
                self._known[shelf] = known
        return known[1]


def sampling_error(likeness: Array | float, inverse_sizes: Array | float) -> Array:
    """What MMD^2 comes to between specifications of the same rows: (1 - ||mu||^2) (1/m + 1/n).

    Gretton et al., JMLR 2012, for m and n rows; here the effective numbers of points, which errs on the large side.
    """
    return np.asarray((1.0 - np.minimum(likeness, 1.0)) * inverse_sizes)
