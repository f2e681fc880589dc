"""`dock spec`."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from learndock.cli.command import Command, keep_example
from learndock.cli.options import ANY_PATH, FILE, makes_specification, prints_json, reads_columns
from learndock.cli.screen import counting, print_json, say, tell, waiting

if TYPE_CHECKING:
    from learndock.specification import TableSpecification
    from learndock.tables import DataTable


class _Spec(click.Group):
    """`dock spec DATA` is `dock spec make DATA`."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**{**given, "help": keep_example(given.get("help") or "")})

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `make` before anything that names no command and asks for no help."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = ["make", *args]
        return super().parse_args(ctx, args)


@click.group("spec", cls=_Spec)
def spec_command() -> None:
    """Make, show or audit a statistical specification.

    It is a small weighted set of made-up points that stands for how the rows of a table are distributed. Searching
    sends this, never the rows. `dock spec DATA` makes one.

    Example:
      dock spec train.csv --target price --out package/stat.json
      dock spec audit package/stat.json train.csv --target price

    """


@spec_command.command("make", cls=Command)
@click.argument("data", type=FILE)
@click.option("--out", "-o", type=ANY_PATH, help="File to write.  [default: stat.json]")
@reads_columns
@makes_specification
@prints_json
def make_command(
    data: Path,
    out: Path | None,
    target: str,
    drop: tuple[str, ...],
    k: int | None,
    gamma: float,
    seed: int,
    privacy: Literal["default", "off"],
    as_json: bool,
) -> None:
    """Make a statistical specification from a table in CSV, Parquet or npy.

    No point of it is a row, and each stands for five rows or more, unless --privacy off.

    Example:  dock spec make train.csv --target price --out package/stat.json
    """
    from learndock.tables import read_table  # noqa: PLC0415

    table = read_table(data, target=target, drop=drop)
    specification = reduce_table(table, k=k, gamma=gamma, seed=seed, privacy=privacy)
    if as_json:
        print_json(specification.to_json())
    if out is None and as_json:
        return
    out = out or Path("stat.json")
    specification.save(out)
    points, width = specification.z.shape
    say(f"Wrote {out}: {points} points in {width} columns for {len(table.X)} rows of {data}.")


@spec_command.command("show", cls=Command)
@click.argument("specification", type=FILE)
@prints_json
def show_command(specification: Path, as_json: bool) -> None:
    """Show what is in a specification's file.

    Example:  dock spec show package/stat.json
    """
    from learndock.specification import TableSpecification  # noqa: PLC0415

    found = TableSpecification.load(specification)
    facts = {
        "type": found.type,
        "points": len(found.z),
        "columns": found.dimension,
        "rows": found.num_points or None,
        "effective_points": round(found.effective_size, 2),
        "gamma": found.gamma,
    }
    if as_json:
        print_json(facts)
        return
    for name, value in facts.items():
        click.echo(f"{name.replace('_', ' '):<18}{'unsaid' if value is None else value}")


@spec_command.command("audit", cls=Command)
@click.argument("specification", type=FILE)
@click.argument("data", type=FILE)
@click.option("--held-out", type=FILE, help="Rows of the same kind that it was not made of: they test this very file.")
@click.option("--picture", type=ANY_PATH, help="Draw the findings into a file (.png, .svg, .pdf).")
@reads_columns
@click.option("--seed", type=int, default=0, show_default=True, help="Of the random generator.")
@prints_json
def audit_command(
    specification: Path,
    data: Path,
    held_out: Path | None,
    picture: Path | None,
    target: str,
    drop: tuple[str, ...],
    seed: int,
    as_json: bool,
) -> None:
    """Say what a specification gives away of the table DATA it was made of. Everything stays on this machine.

    Exit code 1 says that it should not be published as it is.

    Example:
      dock spec audit stat.json train.csv --target price --held-out test.csv
      dock spec audit stat.json train.csv --target price --picture audit.png

    """
    from learndock.specification import TableSpecification, audit  # noqa: PLC0415
    from learndock.tables import read_table  # noqa: PLC0415

    if picture is not None:
        _check_picture(picture)
    loaded = TableSpecification.load(specification)
    table = read_table(data, target=target, drop=drop)
    others = read_table(held_out, target=target, drop=drop).X if held_out else None
    with counting("auditing, in %") as report:
        found = audit(
            loaded, table.X, others, random_state=seed, progress=lambda share: report(round(100 * share), 100)
        )
    if as_json:
        print_json(found.to_json())
    else:
        click.echo(found.summary())
        say("Row numbers count from 0, the first row of data.")
    if picture is not None:
        from learndock.plot import audit_picture  # noqa: PLC0415
        from learndock.plot.style import save  # noqa: PLC0415

        save(audit_picture(found), picture)
        say(f"Drew {picture}.")
    if found.verdict == "refuse":
        click.get_current_context().exit(1)


def reduce_table(
    table: DataTable,
    *,
    k: int | None = None,
    gamma: float = 0.1,
    seed: int = 0,
    privacy: Literal["default", "off"] = "default",
) -> TableSpecification:
    """The specification of a table's inputs, with a spinner while it takes long; its warnings become notes."""
    from learndock.specification import PrivacyWarning, specify  # noqa: PLC0415

    with waiting("reducing the data"), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", PrivacyWarning)
        found = specify(table.X, k=k, gamma=gamma, random_state=seed, privacy=privacy)
    for each in caught:
        if issubclass(each.category, PrivacyWarning):
            tell(f"Note: {each.message}")
        else:
            warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)
    if privacy == "off":
        tell("Note: without the privacy rules single rows may be read from this specification.")
    return found


def _check_picture(path: Path) -> None:
    """Fail before the work where the picture could not be drawn."""
    from learndock.plot.style import check_target, new_figure  # noqa: PLC0415

    check_target(path)
    new_figure(1, 1)
