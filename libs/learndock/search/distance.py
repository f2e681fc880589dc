"""MMD between two specifications, in float64: the reference for the batched scan."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from learndock.errors import InvalidInput
from learndock.specification import TableSpecification
from learndock.specification.kernel import inner_product

Array = npt.NDArray[np.float64]


def mmd(a: TableSpecification, b: TableSpecification, scale: Array | None = None) -> float:
    """Maximum mean discrepancy ||mu_a - mu_b||, never negative; features are divided by `scale` (d,) where given.

    The square of it, without a scale, is what the peer calls distance. InvalidInput SPECIFICATION_WIDTH,
    SPECIFICATION_GAMMA or SCALE_INVALID. Gretton et al., A kernel two-sample test, JMLR 2012.
    """
    return float(np.sqrt(squared_mmd(a, b, scale)))


def squared_mmd(a: TableSpecification, b: TableSpecification, scale: Array | None = None) -> float:
    """MMD^2; see `mmd`."""
    _check_pair(a, b)
    x, y = _points(a, scale), _points(b, scale)
    own = inner_product(x, a.beta, x, a.beta, a.gamma) + inner_product(y, b.beta, y, b.beta, a.gamma)
    # Both orders, so that swapping a and b changes no digit.
    cross = inner_product(x, a.beta, y, b.beta, a.gamma) + inner_product(y, b.beta, x, a.beta, a.gamma)
    return max(0.0, own - cross)


def _points(specification: TableSpecification, scale: Array | None) -> Array:
    if scale is None:
        return specification.z
    scale = np.asarray(scale, dtype=np.float64)
    if scale.shape != (specification.dimension,) or not (np.isfinite(scale) & (scale > 0)).all():
        raise InvalidInput(
            f"A scale is {specification.dimension} finite numbers above 0.",
            reason="SCALE_INVALID",
            hint="Take it from island_scale().",
        )
    return np.asarray(specification.z / scale)


def _check_pair(a: TableSpecification, b: TableSpecification) -> None:
    if a.dimension != b.dimension:
        raise InvalidInput(
            f"Specifications of width {a.dimension} and {b.dimension} cannot be compared.",
            reason="SPECIFICATION_WIDTH",
            hint="Compare tables with the same columns.",
        )
    if a.gamma != b.gamma:
        raise InvalidInput(
            f"Specifications with gamma {a.gamma:g} and {b.gamma:g} cannot be compared.",
            reason="SPECIFICATION_GAMMA",
            hint="Make both with the same gamma; 0.1 is the usual one.",
        )
