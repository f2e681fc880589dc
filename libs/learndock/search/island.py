"""Islands: learnwares that may be offered together, and the scale of their features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from learndock.errors import InvalidInput
from learndock.semantic import SemanticSpecification
from learndock.specification import TableSpecification

Array = npt.NDArray[np.float64]

RANKING = 13.0
"""Greatest exponent of the kernel between two unrelated rows of an island, where learnwares are ranked and mixed.

Wide enough that tables of hundreds of columns see likeness, narrow enough that mixtures tell their members apart."""
JUDGING = 1.0
"""The exponent where it is told whether one fits: a wider kernel sees more of coarse specifications, and one that is
wider still sees all rows as alike (docs/adr/0009)."""

MOST_SAY = 5.0
"""A learnware's part in the spread of a column is bounded by so many times the usual."""
_USUAL = 0.9
"""The usual is what this share of the learnwares do not pass: honest ones differ, and few are far out of all."""
_STEPS = 8
_LEAST_JUDGING = 1e-18
_TINY = 1e-140
"""The square of a lesser spread is no number to divide by."""


@dataclass(frozen=True, order=True)
class Island:
    """Same data type, task, width and output domain. `output_dimension` is 0 where a learnware leaves it unsaid."""

    data_type: str
    task_type: str
    input_dimension: int
    output_dimension: int


def island_of(semantic: SemanticSpecification, specification: TableSpecification) -> Island:
    """Where a learnware belongs; the width is that of its reduced points."""
    return Island(semantic.data_type, semantic.task_type, specification.dimension, semantic.output_dimension or 0)


def island_scale(specifications: Sequence[TableSpecification]) -> Array:
    """What features are divided by on this island before they are compared (d,), above nought.

    The standard deviation of all published points together, each learnware counting once and its points by their
    weight: the spread within learnwares and that between them, rounded to eight steps for every doubling. What one
    learnware adds is bounded (`MOST_SAY`), so that none can make all others look alike. A column that never varies
    has the scale 1, and one that varies in a single learnware of three or more at least that. Wide tables are divided
    further (`widening`): else their kernel would see no two rows as alike.
    """
    if len({each.dimension for each in specifications}) != 1:
        raise InvalidInput(
            "A scale is made of one or more specifications of one width.",
            reason="SPECIFICATION_WIDTH",
            hint="Group specifications by island_of() first.",
        )
    return pooled_scale(np.stack([moments(each) for each in specifications]), specifications[0].gamma)


def moments(specification: TableSpecification) -> Array:
    """Weighted mean and variance of every column, (2, d)."""
    weights = np.maximum(specification.beta, 0.0)
    weights = weights / weights.sum()
    mean = weights @ specification.z
    return np.stack([mean, weights @ (specification.z - mean) ** 2])


def pooled_scale(found: Array, gamma: float) -> Array:
    """The scale from the `moments` of learnwares, (n, 2, d), whose kernel has this gamma."""
    means, variances = found[:, 0], found[:, 1]
    spread = _bounded_spread(means, variances)
    # What is left of a column that never varies is rounding.
    flat = spread <= np.maximum(1e-9 * np.abs(means).max(axis=0), _TINY)
    # One alone may widen a column that never varies elsewhere, and not make small differences in it large.
    varying = (variances > 0) | (means != np.median(means, axis=0))
    alone = (varying.sum(axis=0) == 1) & (len(means) > 2)
    flat |= alone & (spread < 1.0)
    return np.where(flat, 1.0, _stepped(spread)) * widening(gamma, len(spread), RANKING)


def _bounded_spread(means: Array, variances: Array) -> Array:
    """The pooled standard deviation of every column (d,), in which no learnware has more say than its share.

    What a learnware adds, its variance and its distance from the middle one, counts to `MOST_SAY` times the usual at
    most: otherwise a single one far away would make all others look alike.
    """
    middle = np.median(means, axis=0)
    parts = variances + (means - middle) ** 2
    varying = np.where(parts > 0, parts, np.nan)
    some = (parts > 0).any(axis=0)
    usual = np.zeros(len(middle))
    usual[some] = np.nanquantile(varying[:, some], _USUAL, axis=0, method="lower")
    parts = np.minimum(parts, MOST_SAY**2 * usual)
    # About the mean where nobody was bounded, as the formula of the pooled variance has it.
    inside = middle + np.clip(means - middle, -MOST_SAY * np.sqrt(usual), MOST_SAY * np.sqrt(usual))
    return np.asarray(np.sqrt(np.maximum(parts.mean(axis=0) - (inside.mean(axis=0) - middle) ** 2, 0.0)))


def _stepped(spread: Array) -> Array:
    """The nearest of eight steps to every doubling: one learnware more or less seldom changes the scale.

    Whatever is prepared on the scale then stands, and still the scale depends on the learnwares alone.
    """
    with np.errstate(divide="ignore"):
        return np.asarray(np.exp2(np.round(_STEPS * np.log2(spread)) / _STEPS))


def widening(gamma: float, width: int, exponent: float) -> float:
    """By how much columns that are divided by their spread are to be divided besides.

    Two unrelated rows are then 2 * width apart (squared); with this gamma |x - y|^2 is `exponent` on average. At
    least 1: a narrow table stays as it is.
    """
    return float(np.sqrt(max(1.0, 2.0 * gamma * width / exponent)))


def judging(gamma: float, width: int) -> float:
    """The same for verdicts: |x - y|^2 comes to `JUDGING` on average, for narrow tables and small gammas too."""
    return float(np.sqrt(max(_LEAST_JUDGING, 2.0 * gamma * width / JUDGING)))
