"""A map without a dock: from a folder of packages and specification files."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from learndock.errors import DockError, NotFound
from learndock.plot.exhibit import Exhibit, check_colour, map_exhibits
from learndock.plot.panel import DockMap
from learndock.semantic import SemanticSpecification

if TYPE_CHECKING:
    from learndock.package import Package
    from learndock.plot.distances import Progress
    from learndock.specification import TableSpecification

MANIFEST = "learnware.yaml"
ALL = SemanticSpecification(model="")


def map_folder(
    folder: str | Path,
    *,
    task: TableSpecification | None = None,
    query: SemanticSpecification = ALL,
    text: str = "",
    limit: int = 500,
    colour_by: str = "scenario",
    mixture: str = "greedy",
    mixture_size: int = 5,
    on_progress: Progress | None = None,
) -> DockMap:
    """The map of a folder's learnwares, found as a dock would find them: see `Dock.map`.

    Packages (zips, or folders with a learnware.yaml) and specification files (.json) are read, nothing of them is
    run. What cannot be read is left out, and that is said. InvalidInput COLOUR_UNKNOWN; NotFound MAP_EMPTY.
    """
    from learndock.search import Index  # noqa: PLC0415
    from learndock.specification import TableSpecification  # noqa: PLC0415

    check_colour(colour_by)
    exhibits, notes = read_folder(Path(folder))
    index = Index()
    for each in exhibits:
        # Other types have no place in the index: they are found by words, and so only without a task.
        table = each.specification if isinstance(each.specification, TableSpecification) else None
        index.add(each.key, each.semantic or ALL, table)
    found = index.search(task, query, text, limit=limit, mixture=mixture, mixture_size=mixture_size)
    shares = dict(zip(found.mixture.keys, found.mixture.weights, strict=True)) if found.mixture else {}
    shown = {hit.key for hit in found.hits} | set(shares)
    if not shown:
        raise nothing_to_draw(f"None of the {len(exhibits)} learnwares in {folder} fits.")
    if found.compared > len(shown):
        notes.append(left_out(len(shown), found.compared, nearest=task is not None))
    drawn = [each for each in exhibits if each.key in shown]
    return map_exhibits(drawn, colour_by=colour_by, task=task, mixture=shares, notes=notes, on_progress=on_progress)


def read_folder(folder: Path) -> tuple[list[Exhibit], list[str]]:
    """What lies in a folder, by name, and notes about what could not be read. NotFound MAP_EMPTY."""
    exhibits, refused = [], []
    for path in [folder] if (folder / MANIFEST).is_file() else sorted(folder.iterdir()):
        try:
            exhibit = _read(path)
        except DockError as error:
            refused.append(f"{path.name} ({error.reason})")
            continue
        if exhibit is not None:
            exhibits.append(exhibit)
    if not exhibits:
        why = f" {refused[0]} can't be read." if refused else ""
        raise nothing_to_draw(f"There is no learnware with a specification in {folder}.{why}")
    more = f" and {len(refused) - 1} more" if len(refused) > 1 else ""
    return exhibits, [f"Left out, for they can't be read: {refused[0]}{more}."] if refused else []


def left_out(shown: int, compared: int, *, nearest: bool) -> str:
    """The note of a map that shows a part."""
    return f"The {shown:,} {'nearest to the task' if nearest else 'first'} of {compared:,} learnwares are drawn."


def nothing_to_draw(message: str) -> NotFound:
    """The error of an empty map."""
    return NotFound(
        message,
        reason="MAP_EMPTY",
        hint="Ask for less: fewer tags, other words. Data should have the inputs alone (--target, --drop).",
    )


def _read(path: Path) -> Exhibit | None:
    if path.suffix == ".json":
        from learndock.specification import TableSpecification  # noqa: PLC0415

        return Exhibit(path.name, TableSpecification.load(path), path.stem)
    if path.suffix == ".zip" or (path / MANIFEST).is_file():
        package = _package(path)
        if package.specification is not None:
            semantic = package.semantic
            name = (semantic.name if semantic else "") or package.name
            return Exhibit(path.name, package.specification, name, semantic=semantic)
    return None


def _package(path: Path) -> Package:
    from learndock.package import pack_folder, read_package  # noqa: PLC0415

    if path.is_file():
        return read_package(path)
    with tempfile.TemporaryDirectory(prefix="learndock-") as scratch:
        packed = Path(scratch) / "package.zip"
        pack_folder(path, packed)
        return read_package(packed)
