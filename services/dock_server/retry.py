"""`dock retry`: the way back for what the dock gave up."""

from __future__ import annotations

from pathlib import Path

import click

from dock_db import Learnwares
from dock_server.existing import DATA_OR_SERVER, existing_database


@click.command("retry")
@click.argument("learnware_id")
@click.option("--version", type=click.IntRange(1), default=None, help="Which version.  [default: the newest]")
@DATA_OR_SERVER
def retry(learnware_id: str, version: int | None, data: Path | None) -> None:
    """Start a learnware again that the dock gave up (FAILED_INTERNAL), where it failed.

    The dock may run meanwhile; it takes the learnware up within a second or so.

    Example:  dock retry 00000007 --data ~/my-dock
    """
    with existing_database(data) as database, database.transaction() as session:
        row = Learnwares().redrive(session, learnware_id, version or 0)
    click.echo(f"{row.learnware_id} is {row.state.value} again.")
