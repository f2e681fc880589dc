"""Specifications that look made to be found: a word for the operator and the user, never a verdict.

Every figure is computed from points and weights. An honest learnware can raise suspicion too (one that was trained on
everybody's data is first for everybody), which is why nothing is refused for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from learndock.search.distance import mmd
from learndock.search.island import island_scale
from learndock.search.scan import Stack
from learndock.specification import TableSpecification

PANEL = 40
"""Learnwares of others that are asked, at most."""
ENOUGH = 8
"""So many of them are needed to say that something is first for most."""
FEW_POINTS = 2.0
"""Honest small or skewed tables lie in 2 to 5 effective points; what stands in the middle of all lies in one."""
ROWS_FOR_MORE = 25
COPY = 1e-3
"""MMD on the island's scale below which two specifications are one; their files differ by rounding then."""


@dataclass(frozen=True)
class Suspicion:
    """A stable reason (FIRST_FOR_MOST, COPY_OF_ANOTHER, FEW_EFFECTIVE_POINTS) and what was found, in a sentence."""

    reason: str
    detail: str


def suspicions(candidate: TableSpecification, panel: Sequence[tuple[str, TableSpecification]]) -> list[Suspicion]:
    """What is odd about a specification among those of other owners on its island, (name, specification) each."""
    found = [_few_points(candidate)]
    if panel:
        chosen = [panel[int(place)] for place in np.linspace(0, len(panel) - 1, min(len(panel), PANEL))]
        found += [_copy(candidate, chosen), _first_for_most(candidate, [each for _, each in chosen])]
    return [each for each in found if each is not None]


def _few_points(candidate: TableSpecification) -> Suspicion | None:
    if candidate.effective_size >= FEW_POINTS or candidate.num_points < ROWS_FOR_MORE:
        return None
    detail = (
        f"{candidate.num_points} rows are said to lie in {candidate.effective_size:.1f} effective points; "
        "so little describes hardly anything."
    )
    return Suspicion("FEW_EFFECTIVE_POINTS", detail)


def _copy(candidate: TableSpecification, panel: Sequence[tuple[str, TableSpecification]]) -> Suspicion | None:
    scale = island_scale([candidate, *(each for _, each in panel)])
    for name, each in panel:
        if mmd(candidate, each, scale) < COPY:
            return Suspicion("COPY_OF_ANOTHER", f"Its specification is that of {name}, of another owner.")
    return None


def _first_for_most(candidate: TableSpecification, panel: Sequence[TableSpecification]) -> Suspicion | None:
    if len(panel) < ENOUGH:
        return None
    everybody = [candidate, *panel]
    stack = Stack(everybody, island_scale(everybody))
    products = np.stack([stack.inner_products(each) for each in everybody])
    norms = np.diag(products)
    squared = norms[:, None] + norms[None, :] - products - products.T
    np.fill_diagonal(squared, np.inf)
    first = int((squared[1:].argmin(axis=1) == 0).sum())
    if 2 * first <= len(panel):
        return None
    return Suspicion("FIRST_FOR_MOST", f"It would be found first for {first} of {len(panel)} other owners' data.")
