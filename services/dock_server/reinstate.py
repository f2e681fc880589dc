"""`dock reinstate`: the way back for what the dock took out of use."""

from __future__ import annotations

import getpass
from pathlib import Path

import click

from dock_db import Breaches, Learnwares
from dock_db.breaches import REINSTATED
from dock_server.existing import DATA_OR_SERVER, existing_database


@click.command("reinstate")
@click.argument("learnware_id")
@click.option("--version", type=click.IntRange(1), default=None, help="Which version.  [default: the newest]")
@click.option("--why", required=True, help="What speaks for it; kept on record beside the breaches.")
@DATA_OR_SERVER
def reinstate(learnware_id: str, version: int | None, why: str, data: Path | None) -> None:
    """Take a learnware into use again that the dock suspended (SUSPENDED) because its predictions broke rules.

    Earlier breaches count no more. The dock may run meanwhile; searches find it again within a second or so.

    Example:  dock reinstate 00000007 --why "a full disk, mended" --data ~/my-dock
    """
    with existing_database(data) as database, database.transaction() as session:
        row = Learnwares().reinstate(session, learnware_id, version or 0)
        detail = f"{getpass.getuser()}: {why}"[:1000]
        Breaches().record(session, row.learnware_id, row.version, rule=REINSTATED, detail=detail)
    click.echo(f"{row.learnware_id} is {row.state.value} again.")
