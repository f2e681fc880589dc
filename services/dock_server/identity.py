"""`dock db identity` says which dock a database is, whose the store is, and puts the two together."""

from __future__ import annotations

import json
from pathlib import Path

import click

from dock_blob.mark import PACKAGES, read_mark
from dock_db import Identity, holds
from dock_db.ownership import mark, ownership
from dock_db.rowcopy import SWEPT_AGAIN_S
from dock_server.existing import AS_JSON, DATA_OR_SERVER
from dock_server.opened import OpenedDock, opened_dock
from learndock.errors import InvalidInput


@click.command("identity")
@DATA_OR_SERVER
@click.option("--take-store", is_flag=True, help="The store is this dock's: mark it, or take the id that it has.")
@click.option("--renew", is_flag=True, help="The database is a copy: give it an id of its own.")
@AS_JSON
def identity(data: Path | None, take_store: bool, renew: bool, as_json: bool) -> None:
    """Say which dock the database is and whose the store of packages is; a dock runs only where both are one.

    --take-store is for a database that was brought back by other means than `dock restore` and has got another id. Make
    sure that no other dock runs on the store: nothing is swept for seven days, and then what this one does not know.
    --renew is for a copy of a database that another dock goes on with. Both want the dock stopped.

    Exit code 1 says that the store is another's.

    Example:  dock db identity --json
    """
    if take_store and renew:
        raise InvalidInput(
            "--take-store and --renew say opposite things.",
            reason="OPTIONS_CONTRADICT",
            hint="A dock is the one of the store, or one of its own.",
        )
    with opened_dock(data) as dock:
        if renew:
            dock.database.insist(Identity().renew)
        if take_store:
            _take_store(dock)
        found = ownership(dock.database, dock.blobs)
    mine, theirs = found.dock_id, found.mark
    if as_json:
        holding = {"dock_id": theirs.dock_id, "holds": theirs.holds} if theirs else None
        click.echo(json.dumps({"dock_id": mine, "store": holding}, indent=2))
    else:
        whose = f"has the {theirs.holds} of {theirs.dock_id}" if theirs else "has no mark yet"
        click.echo(f"The database is the dock {mine}; the store {whose}.")
    if theirs is not None and not found.certain:
        raise click.exceptions.Exit(1)


def _take_store(dock: OpenedDock) -> None:
    there = read_mark(dock.blobs)
    with dock.database.transaction(wake=False) as session:
        # First of all: whatever comes after this, a sweeper must not take what only the store's old rows knew.
        holds.hold_for(session, holds.RESTORED, SWEPT_AGAIN_S)
        if there is not None and there.holds == PACKAGES:
            Identity().take(session, there.dock_id)
    mark(dock.database, dock.blobs)
