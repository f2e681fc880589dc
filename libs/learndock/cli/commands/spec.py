"""`dock spec`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from learndock.cli.command import Command
from learndock.cli.options import ANY_PATH, FILE, makes_specification, prints_json, reads_columns
from learndock.cli.screen import print_json, say, waiting

if TYPE_CHECKING:
    from learndock.specification import TableSpecification
    from learndock.tables import DataTable


@click.command("spec", cls=Command)
@click.argument("data", type=FILE)
@click.option("--out", "-o", type=ANY_PATH, help="File to write.  [default: stat.json]")
@reads_columns
@makes_specification
@prints_json
def spec_command(
    data: Path,
    out: Path | None,
    target: str,
    drop: tuple[str, ...],
    k: int | None,
    gamma: float,
    seed: int,
    as_json: bool,
) -> None:
    """Make a statistical specification from a table in CSV, Parquet or npy.

    It is a small weighted set of made-up points that stands for how the rows are distributed. Searching sends this,
    never the rows.

    Example:  dock spec train.csv --target price --out package/stat.json
    """
    from learndock.tables import read_table  # noqa: PLC0415

    table = read_table(data, target=target, drop=drop)
    specification = reduce_table(table, k=k, gamma=gamma, seed=seed)
    if as_json:
        print_json(specification.to_json())
    if out is None and as_json:
        return
    out = out or Path("stat.json")
    specification.save(out)
    points, width = specification.z.shape
    say(f"Wrote {out}: {points} points in {width} columns for {len(table.X)} rows of {data}.")


def reduce_table(table: DataTable, *, k: int | None = None, gamma: float = 0.1, seed: int = 0) -> TableSpecification:
    """The specification of a table's inputs, with a spinner while it takes long."""
    from learndock.specification import specify  # noqa: PLC0415

    with waiting("reducing the data"):
        return specify(table.X, k=k, gamma=gamma, random_state=seed)
