"""`dock update`."""

from __future__ import annotations

from pathlib import Path

import click

from learndock.cli.command import Command
from learndock.cli.commands.push import push_one
from learndock.cli.options import FILE, PACKAGE, open_dock, prints_json, speaks_to_dock
from learndock.cli.records import plain_record
from learndock.cli.screen import print_json, say


@click.command("update", cls=Command)
@click.argument("learnware_id")
@click.argument("package", type=PACKAGE)
@click.option("--watch", is_flag=True, help="Wait for the check and show its steps.")
@click.option("--semantic", type=FILE, help="Semantic specification to use instead of the package's own.")
@speaks_to_dock
@prints_json
def update_command(
    learnware_id: str,
    package: Path,
    watch: bool,
    semantic: Path | None,
    address: str | None,
    owner: str | None,
    as_json: bool,
) -> None:
    """Push a new version of a learnware. The old one is served until the new one has passed.

    Example:  dock update 00000007 iris --watch
    """
    dock = open_dock(address, owner)
    record = push_one(dock, package, semantic, learnware_id=learnware_id, quiet=as_json)
    if watch:
        from learndock.cli.commands.watch import follow  # noqa: PLC0415

        record = follow(dock, record.learnware_id, record.version, quiet=as_json)
    if as_json:
        print_json(plain_record(record))
    elif not watch:
        say(f"Next: dock watch {record.learnware_id}")
    if record.state in ("REJECTED", "FAILED_INTERNAL"):
        click.get_current_context().exit(1)
