"""`dock rm`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from learndock.cli.command import Command
from learndock.cli.commands.listing import STATES
from learndock.cli.options import FILE, open_dock, prints_json, speaks_to_dock
from learndock.cli.records import print_records
from learndock.cli.screen import print_json, say
from learndock.cli.words import one_of

if TYPE_CHECKING:
    from learndock.client import Dock, LearnwareRecord


@click.command("rm", cls=Command)
@click.argument("learnware_ids", nargs=-1, metavar="[ID]...")
@click.option("--from-file", type=FILE, help="File with one id a line; what follows a # is passed over.")
@click.option("--query", default="", metavar="WORDS", help="Your own learnwares with this in their name.")
@click.option("--state", type=one_of(STATES), multiple=True, help="Your own in these states (alone or with --query).")
@click.option("--yes", is_flag=True, help="Remove without asking.")
@click.option("--dry-run", is_flag=True, help="Only show what would be removed.")
@speaks_to_dock
@prints_json
def rm_command(
    learnware_ids: tuple[str, ...],
    from_file: Path | None,
    query: str,
    state: tuple[str, ...],
    yes: bool,
    dry_run: bool,
    address: str | None,
    owner: str | None,
    as_json: bool,
) -> None:
    """Remove learnwares, all their versions. What would go is shown, and asked about, first.

    Example:
      dock rm 00000007
      dock rm --state rejected --dry-run
      dock rm --from-file old-ids.txt --yes

    """
    dock = open_dock(address, owner)
    records = _chosen(dock, [*learnware_ids, *_ids_of(from_file)], query, state)
    if not records:
        say("There is nothing to remove.")
    if records and not as_json:
        print_records(records)
    if records and not dry_run:
        _confirm(len(records), yes=yes)
        for record in records:
            dock.delete(record.learnware_id)
        say(f"Removed {len(records)}.")
    if as_json:
        print_json({"removed": not dry_run, "learnware_ids": [record.learnware_id for record in records]})


def _chosen(dock: Dock, ids: list[str], query: str, states: tuple[str, ...]) -> list[LearnwareRecord]:
    if not ids and not query and not states:
        raise click.UsageError("Say which: ids, --from-file, --query or --state.")
    chosen = {each: dock.get(each) for each in dict.fromkeys(ids)}
    if query or states:
        found = dock.list(owner=dock.owner, states=states, name_contains=query)
        chosen |= {record.learnware_id: record for record in found if record.state != "DELETED"}
    return list(chosen.values())


def _ids_of(path: Path | None) -> list[str]:
    if path is None:
        return []
    lines = (line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8-sig").splitlines())
    return [line.split()[0] for line in lines if line]


def _confirm(count: int, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("There is no terminal to ask on: say --yes to remove, --dry-run to look.")
    click.confirm(f"Remove {'this one' if count == 1 else f'these {count}'} with all versions?", abort=True, err=True)
