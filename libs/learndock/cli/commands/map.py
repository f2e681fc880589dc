"""`dock map`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from learndock.cli.asking import build_query
from learndock.cli.command import Command
from learndock.cli.commands.search import asks, task_specification
from learndock.cli.options import (
    ANY_PATH,
    FILE,
    FOLDER,
    makes_specification,
    open_dock,
    prints_json,
    reads_columns,
    speaks_to_dock,
)
from learndock.cli.records import clean
from learndock.cli.screen import print_json, tell, waiting

if TYPE_CHECKING:
    from learndock.plot import DockMap

COLOURS = ("scenario", "owner", "task-type", "data-type", "library", "license", "model")


@click.command("map", cls=Command)
@click.option("--data", type=FILE, help="Your data, drawn in as a star: CSV, Parquet or npy. It stays here.")
@click.option("--spec", type=FILE, help="Its specification, made with `dock spec`, instead.")
@click.option("--from", "folder", type=FOLDER, help="A folder of packages and specifications instead of a dock.")
@click.option(
    "--colour-by", type=click.Choice(COLOURS), default="scenario", show_default=True, help="What colours say."
)
@click.option("--out", "-o", type=ANY_PATH, help="Picture to write: .png, .svg or .pdf.  [default: map.png]")
@asks
@click.option("--limit", type=click.IntRange(1, 1000), default=500, show_default=True, help="Most learnwares drawn.")
@click.option(
    "--mixture",
    type=click.Choice(["greedy", "weights", "none"]),
    default="greedy",
    show_default=True,
    help="How to look for the mixture.",
)
@reads_columns
@makes_specification
@speaks_to_dock
@prints_json
def map_command(
    data: Path | None,
    spec: Path | None,
    folder: Path | None,
    colour_by: str,
    out: Path | None,
    limit: int,
    mixture: str,
    address: str | None,
    owner: str | None,
    as_json: bool,
    **asked: Any,
) -> None:
    """Draw the dock: learnwares that are alike lie near one another, your data and its mixture among them.

    Each island, that is what can be compared at all, is a panel of its own. The stress says how much the flat
    picture distorts: 0 not at all, above 0.3 very much.

    Example:
      dock map --out dock.svg
      dock map --data mine.csv --target label --colour-by owner
      dock map --from packages/

    """
    picture = None if as_json and out is None else _target(out or Path("map.png"))
    task = task_specification(data, spec, asked)
    query = build_query(asked.pop("tag"), asked.pop("task"), asked.pop("data_type"), asked.pop("outputs"))
    with waiting("laying out the map") as spinner:

        def progress(done: int, total: int) -> None:
            spinner.label = f"laying out the map, {done} of {total}"

        how: dict[str, Any] = {"query": query, "text": asked["text"], "limit": limit, "mixture": mixture}
        how |= {"task": task, "colour_by": colour_by, "on_progress": progress}
        found = _map_folder(folder, how) if folder else open_dock(address, owner).map(**how)
        if picture is not None:
            found.save(picture)
    if as_json:
        print_json(found.to_json())
    _tell(found, picture, quiet=as_json)


def _target(path: Path) -> Path:
    """The picture's path, refused before any work where it could not be written."""
    from learndock.plot.style import check_target, need_matplotlib  # noqa: PLC0415

    need_matplotlib()
    return check_target(path)


def _map_folder(folder: Path, how: dict[str, Any]) -> DockMap:
    from learndock.plot import map_folder  # noqa: PLC0415

    return map_folder(folder, **how)


def _tell(found: DockMap, picture: Path | None, *, quiet: bool) -> None:
    from learndock.plot.panel import trust  # noqa: PLC0415

    count = sum(len(panel.spots) for panel in found.panels)
    if picture is not None:
        islands = f"{len(found.panels)} island{'s' if len(found.panels) != 1 else ''}"
        tell(f"Wrote {picture}: {count} learnware{'s' if count != 1 else ''} on {islands}.")
    if not quiet:
        for panel in found.panels:
            where = f" ({clean(panel.title)})" if panel.title else ""
            tell(f"Stress {panel.stress:.2f}{where}: {trust(panel.stress)}")
        for note in found.notes:
            tell(f"Note: {clean(note)}")
