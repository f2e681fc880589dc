"""A dock's learnwares as a map: what a search found, with the specifications it does not carry."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from learndock.client.found import Found, FoundLearnware, MixtureMember
from learndock.client.records import LearnwareRecord
from learndock.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from learndock.plot import DockMap

AT_ONCE = 8
"""Specifications that are asked for at the same time."""

Fetch = Callable[[LearnwareRecord], Any]
Progress = Callable[[int, int], None]


def map_found(
    found: Found, fetch: Fetch, *, task: Any = None, colour_by: str = "scenario", on_progress: Progress | None = None
) -> DockMap:
    """The map of what a search found; `fetch` gets a specification. NotFound MAP_EMPTY; InvalidInput COLOUR_UNKNOWN."""
    from learndock.plot.exhibit import map_exhibits  # noqa: PLC0415 - numerical code, when needed
    from learndock.plot.folder import left_out, nothing_to_draw  # noqa: PLC0415

    members = found.mixture.members if found.mixture else ()
    shown: list[FoundLearnware | MixtureMember] = [*found.hits, *members]
    records = {each.record.learnware_id: each.record for each in shown}
    if not records:
        raise nothing_to_draw("The dock has no learnware that could be drawn.")
    notes = list(found.notes)
    if found.verdict is not None and found.verdict.word != "fits":
        notes.insert(0, f"Verdict: {found.verdict}")
    if found.compared > len(records):
        notes.append(left_out(len(records), found.compared, nearest=task is not None))
    with ThreadPoolExecutor(AT_ONCE, "map") as pool:
        exhibits = [each for each in pool.map(lambda record: _exhibit(record, fetch), records.values()) if each]
    return map_exhibits(
        exhibits,
        colour_by=colour_by,
        task=task,
        mixture={each.record.learnware_id: each.weight for each in members},
        notes=notes,
        on_progress=on_progress,
    )


def _exhibit(record: LearnwareRecord, fetch: Fetch) -> Any:
    from learndock.plot.exhibit import Exhibit  # noqa: PLC0415

    try:
        specification = fetch(record)
    except NotFound:
        # Found by its words alone, or deleted a moment ago.
        specification = None
    try:
        semantic = record.semantic
    except InvalidInput:
        semantic = None
    return Exhibit(record.learnware_id, specification, record.name, record.owner, semantic)
