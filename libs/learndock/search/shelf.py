"""A shelf: the learnwares of one island and one gamma at one moment, ready to be compared with tasks."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from learndock.search.island import moments, pooled_scale
from learndock.search.scan import Cancelled, Stack, self_products
from learndock.semantic import SemanticSpecification
from learndock.specification import TableSpecification

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Entry:
    """A learnware in the index."""

    key: str
    semantic: SemanticSpecification
    specification: TableSpecification | None
    moments: Array | None = field(repr=False)

    @classmethod
    def of(cls, key: str, semantic: SemanticSpecification, specification: TableSpecification | None) -> Entry:
        """Make an entry; what it costs is paid here and not under the index's lock."""
        if specification is None:
            return cls(key, semantic, None, None)
        return cls(key, semantic, specification, moments(specification))


@dataclass(frozen=True)
class Comparison:
    """A task u and all learnwares of a shelf (n,), as exact as float32 is; all but the last on the island's scale.

    `own` is ||u||^2, `inner` <u, mu_i>, `squared` MMD^2, and `peer_squared` MMD^2 with the columns as they are.
    """

    own: float
    inner: Array
    squared: Array
    peer_squared: Array


class Shelf:
    """Never changes. What it costs to prepare is paid by the first search, once."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries = tuple(sorted(entries, key=lambda entry: entry.key))
        self.specifications = [each.specification for each in self.entries if each.specification is not None]
        self.scale = pooled_scale(np.stack([each.moments for each in self.entries if each.moments is not None]))
        self._lock = threading.Lock()
        self._ready: tuple[Stack, Stack, Array, Array] | None = None

    def __len__(self) -> int:
        return len(self.entries)

    def prepare(self, cancelled: Cancelled | None = None) -> None:
        """Stack the points and compute the norms on both scales."""
        with self._lock:
            if self._ready is None:
                raw = np.array([each.self_norm for each in self.specifications])
                scaled = self_products(self.specifications, self.scale, cancelled)
                stacks = Stack(self.specifications), Stack(self.specifications, self.scale)
                self._ready = (*stacks, raw, scaled)

    @property
    def stack(self) -> Stack:
        """Points on the island's scale."""
        return self._prepared()[1]

    @property
    def norms(self) -> Array:
        """||mu_i||^2 on the island's scale, (n,)."""
        return self._prepared()[3]

    def compare(self, task: TableSpecification, cancelled: Cancelled | None) -> Comparison:
        """Compare with all at once."""
        raw, scaled, raw_norms, norms = self._prepared()
        own = float(self_products([task], self.scale, None)[0])
        inner = scaled.inner_products(task, cancelled)
        theirs = task.self_norm + raw_norms - 2.0 * raw.inner_products(task, cancelled)
        return Comparison(own, inner, np.maximum(own + norms - 2.0 * inner, 0.0), np.maximum(theirs, 0.0))

    def _prepared(self) -> tuple[Stack, Stack, Array, Array]:
        self.prepare()
        assert self._ready is not None
        return self._ready
