"""A shelf: the learnwares of one island and one gamma at one moment, ready to be compared with tasks."""

from __future__ import annotations

import threading
import zlib
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from learndock.search.embed import Basis, Vectors
from learndock.search.island import moments, pooled_scale
from learndock.search.scan import Cancelled, Stack
from learndock.search.workers import Progress, share_out
from learndock.semantic import SemanticSpecification
from learndock.specification import TableSpecification
from learndock.specification.kernel import inner_product

Array = npt.NDArray[np.float64]

TRAY = 256
"""Most learnwares on a tray, on average."""


@dataclass(frozen=True, eq=False)
class Entry:
    """A learnware in the index."""

    key: str
    semantic: SemanticSpecification
    specification: TableSpecification | None
    moments: Array | None = field(repr=False)
    code: int = 0

    @classmethod
    def of(cls, key: str, semantic: SemanticSpecification, specification: TableSpecification | None) -> Entry:
        """Make an entry; what it costs is paid here and not under the index's lock."""
        code = zlib.crc32(key.encode())
        if specification is None:
            return cls(key, semantic, None, None, code)
        return cls(key, semantic, specification, moments(specification), code)


@dataclass(frozen=True)
class Comparison:
    """A task u and all learnwares of a shelf (n,), as exact as float32 is; all but the last on the island's scale.

    `own` is ||u||^2, `inner` <u, mu_i>, `squared` MMD^2, and `peer_squared` MMD^2 with the columns as they are.
    """

    own: float
    inner: Array
    squared: Array
    peer_squared: Array


class Tray:
    """Some learnwares of a shelf. Never changes, so that the next shelf can take it over."""

    def __init__(self, entries: Sequence[Entry], scale: Array, centre: Array) -> None:
        self.entries = tuple(entries)
        self.specifications = [each.specification for each in entries if each.specification is not None]
        self.scale, self.centre = scale, centre
        self._lock = threading.Lock()
        self._ready: tuple[Stack, Array, Array] | None = None
        self._vectors: tuple[Basis, Vectors] | None = None

    def holds(self, entries: Sequence[Entry], scale: Array, centre: Array) -> bool:
        """Whether it is the tray of these very entries on this scale."""
        same = len(entries) == len(self.entries) and all(a is b for a, b in zip(entries, self.entries, strict=True))
        return same and np.array_equal(scale, self.scale) and np.array_equal(centre, self.centre)

    def ready(self, cancelled: Cancelled | None = None) -> tuple[Stack, Array, Array]:
        """The stacked points and ||mu_i||^2 on the scale and without; made by the first who asks."""
        with self._lock:
            if self._ready is None:
                stack = Stack(self.specifications, self.scale, self.centre)
                self._ready = (stack, *stack.self_products(cancelled))
            return self._ready

    def vectors(self, basis: Basis) -> Vectors:
        """All of them in a basis; the last one asked for is kept."""
        stack, norms, _ = self.ready()
        with self._lock:
            if self._vectors is None or self._vectors[0] is not basis:
                self._vectors = (basis, basis.map(stack.affinities(basis.landmarks), norms))
            return self._vectors[1]


class Shelf:
    """Never changes. What it costs to prepare is paid by the first search, once, and only for trays that are new.

    A learnware's key says which tray it stands on, so the order of coming says nothing about the order of places.
    """

    def __init__(self, entries: Sequence[Entry], older: Shelf | None = None) -> None:
        groups = _grouped(entries)
        self.entries = tuple(entry for group in groups for entry in group)
        self.specifications = [each.specification for each in self.entries if each.specification is not None]
        self.gamma = self.specifications[0].gamma
        pooled = np.stack([each.moments for each in self.entries if each.moments is not None])
        self.scale = pooled_scale(pooled, self.gamma)
        # Whole steps of the scale, so that one learnware more or less seldom moves it.
        self.centre = np.round(np.median(pooled[:, 0], axis=0) / self.scale) * self.scale
        self.trays = _trays(groups, self.scale, self.centre, older)
        self._ends = [int(end) for end in np.cumsum([len(tray.entries) for tray in self.trays])]
        self._slices = [slice(end - len(each.entries), end) for end, each in zip(self._ends, self.trays, strict=True)]
        self._norms: Array | None = None
        self._exact_norms: dict[int, float] = {}
        self._lock = threading.Lock()
        self._basis = older.basis_for(self) if older is not None else None

    def __len__(self) -> int:
        return len(self.entries)

    def prepare(self, cancelled: Cancelled | None = None) -> None:
        """Stack the points and compute the norms on both scales, where that was not done before."""
        share_out(lambda each: self.trays[each].ready(), len(self.trays), cancelled)

    @property
    def norms(self) -> Array:
        """||mu_i||^2 on the island's scale, (n,)."""
        if self._norms is None:
            self._norms = np.concatenate([tray.ready()[1] for tray in self.trays])
        return self._norms

    def compare(
        self, task: TableSpecification, cancelled: Cancelled | None = None, progress: Progress | None = None
    ) -> Comparison:
        """Compare with all at once; see `learndock.search.workers.share_out`."""
        own = self.inner_product(task, task)
        inner, squared, theirs = np.empty((3, len(self)))

        def compare(each: int) -> None:
            stack, norms, plain_norms = self.trays[each].ready()
            places = self._slices[each]
            inner[places] = stack.inner_products(task)
            squared[places] = own + norms - 2.0 * inner[places]
            theirs[places] = task.self_norm + plain_norms - 2.0 * stack.plain_products(task)

        share_out(compare, len(self.trays), cancelled, progress)
        return Comparison(own, inner, np.maximum(squared, 0.0), np.maximum(theirs, 0.0))

    def evaluate(
        self,
        task: TableSpecification,
        places: npt.NDArray[np.intp],
        comparison: Comparison,
        cancelled: Cancelled | None = None,
    ) -> None:
        """Put what float64 says of some places into a comparison, both distances and the product."""

        def look(each: int) -> None:
            place = int(places[each])
            specification = self.specifications[place]
            norm, plain = self._norm(place), specification.self_norm
            inner = self.inner_product(task, specification)
            theirs = inner_product(task.z, task.beta, specification.z, specification.beta, self.gamma)
            comparison.inner[place] = inner
            comparison.squared[place] = max(0.0, comparison.own + norm - 2.0 * inner)
            comparison.peer_squared[place] = max(0.0, task.self_norm + plain - 2.0 * theirs)

        share_out(look, len(places), cancelled)

    def _norm(self, place: int) -> float:
        """||mu_i||^2 on the island's scale in float64; kept, since the same learnwares are near to many tasks."""
        found = self._exact_norms.get(place)
        if found is None:
            specification = self.specifications[place]
            found = self._exact_norms[place] = self.inner_product(specification, specification)
        return found

    def inner_products(self, task: TableSpecification, cancelled: Cancelled | None = None) -> Array:
        """<u, mu_i> on the island's scale for all (n,), as exact as float32 is."""
        found = np.empty(len(self))

        def look(each: int) -> None:
            found[self._slices[each]] = self.trays[each].ready()[0].inner_products(task)

        share_out(look, len(self.trays), cancelled)
        return found

    def stack(self, places: Sequence[int]) -> Stack:
        """The points of some."""
        chosen = ((tray.ready()[0], at) for tray, at in map(self._at, places))
        return Stack.of(list(chosen))

    def _at(self, place: int) -> tuple[Tray, int]:
        tray = bisect_right(self._ends, place)
        return self.trays[tray], place - self._slices[tray].start

    def basis(self, cancelled: Cancelled | None = None) -> Basis:
        """What the vectors are written in; made by the first who asks, who waits for it and for all vectors."""
        with self._lock:
            if self._basis is None:
                self._basis = Basis.learned(self.specifications, self.scale, cancelled)
            basis = self._basis
        share_out(lambda each: self.trays[each].vectors(basis), len(self.trays), cancelled)
        return basis

    def basis_for(self, newer: Shelf) -> Basis | None:
        """Its basis where that serves a newer shelf too: the same scale, and no more than twice as many."""
        same = np.array_equal(self.scale, newer.scale)
        return self._basis if same and self._basis is not None and len(newer) <= 2 * self._basis.learned_from else None

    def vectors(self, basis: Basis, places: Sequence[int]) -> Array:
        """The vectors of some, (len(places), m)."""
        found = (self._at(place) for place in places)
        return np.stack([tray.vectors(basis).values[at] for tray, at in found]).astype(np.float64)

    def projected(self, basis: Basis, vector: Array) -> Array:
        """The product of a vector with those of all (n,)."""
        narrow = vector.astype(np.float32)
        return np.concatenate([tray.vectors(basis).values @ narrow for tray in self.trays]).astype(np.float64)

    def inner_product(self, a: TableSpecification, b: TableSpecification) -> float:
        """<mu_a, mu_b> on the island's scale, in float64."""
        return inner_product(a.z / self.scale, a.beta, b.z / self.scale, b.beta, self.gamma)


def _grouped(entries: Sequence[Entry]) -> list[list[Entry]]:
    """What stands on each tray, in order of key."""
    count = 1
    while len(entries) > count * TRAY:
        count *= 2
    groups: list[list[Entry]] = [[] for _ in range(count)]
    for entry in entries:
        groups[entry.code % count].append(entry)
    return [sorted(group, key=lambda entry: entry.key) for group in groups if group]


def _trays(groups: Sequence[Sequence[Entry]], scale: Array, centre: Array, older: Shelf | None) -> list[Tray]:
    """Trays of the older shelf that hold the same are taken over with all that they have ready."""
    before = {tray.entries[0].key: tray for tray in older.trays} if older else {}
    found = []
    for group in groups:
        tray = before.get(group[0].key)
        found.append(tray if tray is not None and tray.holds(group, scale, centre) else Tray(group, scale, centre))
    return found
