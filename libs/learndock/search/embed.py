"""Embeddings as short vectors: what a contraction of the kernel's space keeps, and how long the rest is.

Any W with W W* <= 1 gives v = W mu and a rest r with r^2 = ||mu||^2 - |v|^2, and for two embeddings
|v - v'|^2 + (r - r')^2 <= MMD^2 <= |v - v'|^2 + (r + r')^2. Here W is the leading part of a principal component
analysis inside the span of landmarks (Chatalic et al., Nyström kernel mean embeddings, ICML 2022).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from learndock.search.scan import Cancelled, Stack, stop_if
from learndock.specification import TableSpecification
from learndock.specification.kernel import gram, inner_product

Array = npt.NDArray[np.float64]

LANDMARKS = 512
KEPT = 256
"""Numbers in a vector, at most."""
_SAMPLE = 2_048
_JITTER = 1e-6
_LEAST = 1e-7
"""Least mean square of a number in a vector."""


@dataclass(frozen=True)
class Vectors:
    """Learnwares in a basis: `values` (n, m) and what is left of each, `rest` (n,), both float32."""

    values: npt.NDArray[np.float32]
    rest: npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Basis:
    """Landmarks (M, d), in the columns as they are, and the contraction (m, M) of the kernel with them.

    `scale` (d,) is what columns are divided by; `learned_from` is the size of the shelf it was made for.
    """

    landmarks: Array
    contraction: Array = field(repr=False)
    scale: Array
    gamma: float
    learned_from: int

    @classmethod
    def learned(
        cls, specifications: Sequence[TableSpecification], scale: Array, cancelled: Cancelled | None = None
    ) -> Basis:
        """Learn from a sample; the same for the same specifications in the same order."""
        gamma, rng = specifications[0].gamma, np.random.default_rng(0)
        sample = [specifications[place] for place in _spaced(len(specifications), _SAMPLE)]
        points = np.concatenate([each.z[each.beta > 0] for each in sample])
        landmarks = points[rng.choice(len(points), min(LANDMARKS, len(points)), replace=False)]
        K = gram(landmarks / scale, landmarks / scale, gamma)
        root = np.linalg.cholesky(K + _JITTER * np.eye(len(K)))
        stop_if(cancelled)
        seen = Stack(sample, scale).affinities(landmarks, cancelled).astype(np.float64)
        inverse = np.linalg.inv(root)
        axes = _axes(seen @ inverse.T)
        stop_if(cancelled)
        contraction = axes @ inverse
        # Rounding may stretch it; the bounds need that it never does.
        stretch = float(np.linalg.eigvalsh(contraction @ K @ contraction.T)[-1])
        return cls(landmarks, contraction / np.sqrt(max(1.0, stretch)), scale, gamma, len(specifications))

    def map(self, affinities: npt.NDArray[np.floating], norms: Array) -> Vectors:
        """Vectors from the values of embeddings at the landmarks (n, M) and from ||mu||^2 (n,)."""
        values = affinities.astype(np.float32) @ self.contraction.T.astype(np.float32)
        rest = np.sqrt(np.maximum(norms - (values.astype(np.float64) ** 2).sum(axis=1), 0.0))
        return Vectors(values, rest.astype(np.float32))

    def vector(self, specification: TableSpecification) -> tuple[Array, float]:
        """One vector and its rest, in float64."""
        z, beta = specification.z / self.scale, specification.beta
        values = self.contraction @ (gram(self.landmarks / self.scale, z, self.gamma) @ beta)
        left = inner_product(z, beta, z, beta, self.gamma) - float(values @ values)
        return values, float(np.sqrt(max(left, 0.0)))


def bounds(a: tuple[Array, float], b: tuple[Array, float]) -> tuple[float, float]:
    """Least and greatest MMD that two vectors with their rests leave possible."""
    apart = float(((a[0] - b[0]) ** 2).sum())
    return float(np.sqrt(apart + (a[1] - b[1]) ** 2)), float(np.sqrt(apart + (a[1] + b[1]) ** 2))


def _axes(found: Array) -> Array:
    """Orthonormal rows (m, M): the mean of all, then the directions in which they differ most."""
    mean = found.mean(axis=0)
    values, vectors = np.linalg.eigh((found - mean).T @ (found - mean))
    order = np.argsort(-values, kind="stable")[: KEPT - 1]
    # Where learnwares hardly differ float32 would see its own rounding.
    leading = vectors[:, order[values[order] > _LEAST * len(found)]]
    axes, _ = np.linalg.qr(np.column_stack([mean, leading]))
    return np.asarray(axes.T)


def _spaced(count: int, size: int) -> list[int]:
    return [int(each) for each in np.linspace(0, count - 1, min(count, size))]
