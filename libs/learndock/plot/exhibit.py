"""Learnwares as a map shows them: what each is coloured by, and on which island it stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from learndock.errors import InvalidInput
from learndock.plot.distances import Progress
from learndock.plot.dockmap import dock_map
from learndock.plot.panel import DockMap
from learndock.search.island import Island
from learndock.semantic import SemanticSpecification
from learndock.specification import Specification

_FIELDS = {
    "task-type": "task_type",
    "data-type": "data_type",
    "library": "library",
    "license": "license",
    "model": "model",
}
COLOUR_BY = ("scenario", "owner", *_FIELDS)
"""What learnwares can be coloured by."""


@dataclass(frozen=True)
class Exhibit:
    """One learnware to be drawn; without a specification it is only counted."""

    key: str
    specification: Specification | None
    name: str = ""
    owner: str = ""
    semantic: SemanticSpecification | None = None


def map_exhibits(
    exhibits: Sequence[Exhibit],
    *,
    colour_by: str = "scenario",
    task: Specification | None = None,
    mixture: Mapping[str, float] | None = None,
    notes: Sequence[str] = (),
    on_progress: Progress | None = None,
) -> DockMap:
    """The map of some learnwares, an island a panel. InvalidInput COLOUR_UNKNOWN.

    Of several scenarios a learnware shows the one that most others on the map have too.
    """
    check_colour(colour_by)
    known = {each.key: each.specification for each in exhibits if each.specification is not None}
    drawn = [each for each in exhibits if each.key in known]
    found = dock_map(
        known,
        names={each.key: each.name for each in drawn},
        groups=_groups(drawn, colour_by),
        islands={each.key: _island_title(each) for each in drawn},
        task=task,
        mixture={key: weight for key, weight in (mixture or {}).items() if key in known},
        colour_by=colour_by,
        on_progress=on_progress,
    )
    left = len(exhibits) - len(drawn)
    said = [f"Not drawn, for they have no specification: {left}."] if left else []
    return replace(found, notes=(*found.notes, *said, *notes))


def check_colour(colour_by: str) -> None:
    """InvalidInput COLOUR_UNKNOWN for what learnwares cannot be coloured by."""
    if colour_by not in COLOUR_BY:
        raise InvalidInput(
            f"Learnwares can't be coloured by {colour_by!r}.",
            reason="COLOUR_UNKNOWN",
            hint=f"Use {', '.join(COLOUR_BY)}.",
        )


def _groups(exhibits: Sequence[Exhibit], colour_by: str) -> dict[str, str]:
    if colour_by == "owner":
        return {each.key: each.owner for each in exhibits}
    if colour_by == "scenario":
        counts = Counter(word for each in exhibits for word in _scenarios(each))
        return {
            each.key: min(_scenarios(each), key=lambda word: (-counts[word], word), default="") for each in exhibits
        }
    return {each.key: str(getattr(each.semantic, _FIELDS[colour_by], "")) for each in exhibits}


def _scenarios(exhibit: Exhibit) -> tuple[str, ...]:
    return exhibit.semantic.scenarios if exhibit.semantic else ()


def _island_title(exhibit: Exhibit) -> str:
    if exhibit.semantic is None or exhibit.specification is None:
        return ""
    said = exhibit.semantic
    width, outputs = exhibit.specification.dimension, said.output_dimension or 0
    return title_of(Island(said.data_type, said.task_type, width, outputs))


def title_of(island: Island) -> str:
    """An island in words: "Table, Classification, 6 columns, 3 outputs"."""
    width, outputs = island.input_dimension, island.output_dimension
    words = [island.data_type, island.task_type, f"{width} column{'s' if width != 1 else ''}"]
    if outputs:
        words.append(f"{outputs} output{'s' if outputs != 1 else ''}")
    return ", ".join(word for word in words if word)
