"""`dock push`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from learndock.cli.command import Command
from learndock.cli.commands.check import packed
from learndock.cli.options import FILE, PACKAGE, open_dock, prints_json, speaks_to_dock
from learndock.cli.records import clean, plain_record
from learndock.cli.screen import print_json, say, transfer
from learndock.errors import DockError

if TYPE_CHECKING:
    from learndock.client import Dock, LearnwareRecord
    from learndock.semantic import SemanticSpecification

_STOPPING = frozenset({"unavailable", "internal"})
"""Kinds of errors after which the next package would fare no better."""


@click.command("push", cls=Command)
@click.argument("packages", nargs=-1, required=True, type=PACKAGE, metavar="PACKAGE...")
@click.option("--watch", is_flag=True, help="Wait for each check and show its steps.")
@click.option("--semantic", type=FILE, help="Semantic specification to use instead of the package's own.")
@speaks_to_dock
@prints_json
def push_command(
    packages: tuple[Path, ...],
    watch: bool,
    semantic: Path | None,
    address: str | None,
    owner: str | None,
    as_json: bool,
) -> None:
    """Give packages to the dock: zips, or folders, which are packed first.

    A push that was cut goes on where it stopped when it is run again; a package that is there already is not pushed
    twice. With several packages, one that is refused does not stop the others.

    Example:
      dock push iris --watch
      dock push packages/*.zip

    """
    dock = open_dock(address, owner)
    records, failures = _push_all(dock, packages, semantic, quiet=as_json)
    if watch:
        from learndock.cli.commands.watch import follow  # noqa: PLC0415

        for place, record in enumerate(records):
            if len(records) > 1 and not as_json:
                click.secho(f"\n{record.learnware_id} {clean(record.name)}", bold=True)
            records[place] = follow(dock, record.learnware_id, record.version, quiet=as_json)
    if as_json:
        print_json([plain_record(record) for record in records])
    elif records and not watch:
        say(f"Next: dock watch {records[0].learnware_id}")
    _end(records, failures)


def _push_all(
    dock: Dock, packages: tuple[Path, ...], semantic: Path | None, *, quiet: bool
) -> tuple[list[LearnwareRecord], list[int]]:
    from learndock.cli.failure import report  # noqa: PLC0415

    records, failures = [], []
    for package in packages:
        try:
            records.append(push_one(dock, package, semantic, quiet=quiet))
        except DockError as error:
            if len(packages) == 1 or error.kind in _STOPPING:
                raise
            say(f"{package}:")
            failures.append(report(error))
    return records, failures


def push_one(
    dock: Dock, package: Path, semantic: Path | None, *, learnware_id: str = "", quiet: bool
) -> LearnwareRecord:
    """Push one package with a bar, and say what came of it."""
    with packed(package) as zipped, transfer(package.name, quiet=quiet) as report:
        record = dock.push(zipped, semantic=read_semantic(semantic), learnware_id=learnware_id, on_progress=report)
    if not quiet:
        name = f"{record.learnware_id} version {record.version}"
        click.echo(f"{package} is {name} ({clean(record.name)}), {record.state.lower()}")
    return record


def read_semantic(path: Path | None) -> SemanticSpecification | None:
    """A semantic specification from a file; None where there is none."""
    if path is None:
        return None
    from learndock.semantic import SemanticSpecification  # noqa: PLC0415

    try:
        return SemanticSpecification.from_json(path.read_text(encoding="utf-8-sig"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise click.BadParameter(f"{path} is no JSON text ({error})", param_hint="--semantic") from error


def _end(records: list[LearnwareRecord], failures: list[int]) -> None:
    rejected = [record for record in records if record.state in ("REJECTED", "FAILED_INTERNAL")]
    code = max(failures, default=1 if rejected else 0)
    if code:
        click.get_current_context().exit(code)
