"""`dock db` looks at the schema of a dock's database and brings it to the newest."""

from __future__ import annotations

import json
from pathlib import Path

import click

from dock_db import Database, SchemaStatus, dialect
from dock_server.configuration import read_settings
from dock_server.existing import DATA, database_of, existing_dock
from dock_server.folder import DockFolder, FolderLock
from dock_server.identity import identity
from dock_server.settings import DockSettings

_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")


@click.group("db")
def db() -> None:
    """Look at the schema of a dock's database, and bring it to the newest.

    The database is that of DOCK_DB_URL, or without it the one in the dock's folder.

    Example:  dock db status
    """


db.add_command(identity)


@db.command("migrate")
@DATA
@_JSON
def migrate(data: Path, as_json: bool) -> None:
    """Run the migrations that are missing; with none missing nothing happens.

    Services on PostgreSQL wait for it: run it once before a newer release starts. The release of before goes on working
    meanwhile and afterwards. Two at once are harmless. A dock in a folder does this by itself whenever it starts.

    Example:  DOCK_DB_URL=postgresql+psycopg2://dock@db/dock dock db migrate
    """
    settings = read_settings(DockSettings)
    if settings.embedded:
        existing_dock(data)
        with FolderLock(data) as folder, database_of(folder, settings) as database:
            _migrate(database, as_json)
    else:
        with database_of(DockFolder(data), settings) as database:
            _migrate(database, as_json)


@db.command("status")
@DATA
@click.option("--wait", type=click.FloatRange(0), default=0.0, help="Wait so many seconds for a schema to work with.")
@_JSON
def status(data: Path, wait: float, as_json: bool) -> None:
    """Say which schema the database has, and whether this release can work with it.

    Exit code 1 says that it cannot.

    Example:  dock db status --wait 300 && dock serve --target ingestion
    """
    settings = read_settings(DockSettings)
    folder = existing_dock(data) if settings.embedded else DockFolder(data)
    with database_of(folder, settings) as database:
        found = database.await_schema(wait) if wait else database.schema()
        with database.read() as session:
            careless = dialect.careless(session)
    _say(found, as_json, careless=careless)
    if not found.usable:
        raise click.exceptions.Exit(1)


def _migrate(database: Database, as_json: bool) -> None:
    before = database.schema().version
    _say(database.create(), as_json, before=before)


def _say(found: SchemaStatus, as_json: bool, **more: object) -> None:
    if as_json:
        known = {"schema": found.version, "code": found.head, "least_code": found.least_code, "state": _state(found)}
        click.echo(json.dumps({**known, **more}, indent=2))
        return
    words = {
        "behind": "This release needs the missing migrations: run `dock db migrate`.",
        "ready": "This release works with it.",
        "newer": "It is of a newer release, and this one works with it too.",
        "too_new": "It is of a newer release, and this one does not work with it any more.",
    }
    click.echo(f"schema {found.version}; this release knows {found.head}. {words[_state(found)]}")
    careless = more.get("careless")
    if isinstance(careless, list) and careless:
        click.echo(f"A power cut may lose what was accepted: the server has {', '.join(careless)} off.", err=True)


def _state(found: SchemaStatus) -> str:
    if found.too_new:
        return "too_new"
    if found.behind:
        return "behind"
    return "ready" if found.version == found.head else "newer"
