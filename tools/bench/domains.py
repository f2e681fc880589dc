"""An island of many learnwares: 200 domains, each learnware its own variation of one, and tasks that are fresh ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from learndock.search import Index
from learndock.semantic import SemanticSpecification
from learndock.specification import TableSpecification
from learndock.specification.threads import one_thread

Array = npt.NDArray[np.float64]

DOMAINS = 200
WIDTH = 20
ROWS = 500
POINTS = 100
MADE = 2_000
"""So many reduced sets are made of rows; more are perturbed copies of them."""
_CLUSTERS = 4
_KEPT = Path(__file__).resolve().parents[2] / ".cache" / "bench" / "domains-2.npz"
_SEMANTIC = SemanticSpecification(
    data_type="Table",
    task_type="Classification",
    library="Others",
    scenarios=("Education",),
    license="MIT",
    name="one of many",
    description="a learnware of the bench",
    input_dimension=WIDTH,
    output_dimension=2,
)


@dataclass(frozen=True)
class World:
    """Specifications by key; a key begins with its domain."""

    members: dict[str, TableSpecification]

    def index(self) -> Index:
        """All of them in an index."""
        found = Index()
        for key, each in self.members.items():
            found.add(key, _SEMANTIC, each)
        return found


def add(index: Index, key: str, specification: TableSpecification) -> None:
    """One more learnware."""
    index.add(key, _SEMANTIC, specification)


def domain_of(key: str) -> int:
    """The domain of a learnware."""
    return int(key.split(":", maxsplit=1)[0])


def rows(domain: int, seed: int, count: int = ROWS) -> Array:
    """Rows of a variation of a domain: four clusters that moved a little.

    As much as makes the nearest of 50 mates about .017 (MMD^2) from a fresh one, as in the first measurements.
    """
    centres = np.random.default_rng([1, domain]).normal(size=(_CLUSTERS, WIDTH))
    rng = np.random.default_rng([2, domain, seed])
    moved = centres + 0.12 * rng.normal(size=centres.shape)
    return moved[rng.choice(_CLUSTERS, size=count, p=rng.dirichlet(np.full(_CLUSTERS, 30.0)))] + 0.6 * rng.normal(
        size=(count, WIDTH)
    )


def task(domains: Sequence[int], seed: int) -> TableSpecification:
    """A task whose rows are of several domains, in equal parts."""
    parts = [rows(domain, 1_000_000 + seed, ROWS // len(domains)) for domain in domains]
    return reduced(np.concatenate(parts), seed)


def world(size: int) -> World:
    """An island of a size; the same at every call. Its reduced sets are made once and kept in .cache."""
    z, beta = _made()
    rng = np.random.default_rng([3, size])
    members = {}
    for number in range(size):
        origin = number % MADE
        points = z[origin].astype(np.float64)
        if number >= MADE:
            points = points + 0.1 * rng.normal(size=WIDTH) + 0.1 * rng.normal(size=points.shape)
        members[f"{origin % DOMAINS}:{number}"] = TableSpecification(points, beta[origin], 0.1, ROWS)
    return World(members)


def reduced(table: Array, seed: int) -> TableSpecification:
    """K-means with shares as weights: quick, so that 2,000 of them are."""
    rng = np.random.default_rng(seed)
    centres = table[rng.choice(len(table), POINTS, replace=False)]
    squares = (table**2).sum(axis=1)
    for _ in range(3):
        distances = squares[:, None] - 2.0 * table @ centres.T + (centres**2).sum(axis=1)
        near = np.eye(POINTS)[distances.argmin(axis=1)]
        shares = near.sum(axis=0)
        centres = np.where(shares[:, None] > 0, near.T @ table / np.maximum(shares, 1.0)[:, None], centres)
    kept = shares > 0
    return TableSpecification(centres[kept], shares[kept] / shares.sum(), 0.1, len(table))


def _made() -> tuple[npt.NDArray[np.float32], Array]:
    if not _KEPT.exists():
        with one_thread():
            found = [reduced(rows(number % DOMAINS, number), number) for number in range(MADE)]
        z, beta = np.zeros((MADE, POINTS, WIDTH), dtype=np.float32), np.zeros((MADE, POINTS))
        for number, each in enumerate(found):
            z[number, : len(each.beta)], beta[number, : len(each.beta)] = each.z, each.beta
        _KEPT.parent.mkdir(parents=True, exist_ok=True)
        np.savez(_KEPT, z=z, beta=beta)
    with np.load(_KEPT) as kept:
        return kept["z"], kept["beta"]
