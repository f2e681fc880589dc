"""What the commands for a dock's folder share: the option that names it, and that there is a dock in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from dock_db import Database
from dock_server.adapters import check_adapters, open_database
from dock_server.configuration import read_settings
from dock_server.folder import DockFolder
from dock_server.settings import DockSettings
from dock_server.urls import place_of
from learndock.errors import NotFound, Unavailable

DATA = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("dock-data"),
    show_default=True,
    help="Folder of the dock.",
)

DATA_OR_SERVER = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the dock; unset, the servers that DOCK_DB_URL and the like name.  [default: dock-data]",
)

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout.")


def existing_dock(data: Path) -> DockFolder:
    """The folder of a dock that was there before; nothing is made. NotFound DOCK_FOLDER_NOT_FOUND."""
    folder = DockFolder(data.resolve())
    if not (folder.root / "dock.db").is_file():
        raise NotFound(
            f"There is no dock in {data}.",
            reason="DOCK_FOLDER_NOT_FOUND",
            hint="Name its folder with --data, or its server with DOCK_DB_URL.",
        )
    return folder


@contextmanager
def existing_database(data: Path | None) -> Iterator[Database]:
    """The database of a dock that was there before; a folder that was named wins over DOCK_DB_URL.

    FailedPrecondition SCHEMA_TOO_OLD or SCHEMA_TOO_NEW where this code cannot work with its schema.
    """
    settings = read_settings(DockSettings)
    if data is not None or settings.embedded:
        folder = existing_dock(data or settings.data)
        settings = settings.model_copy(update={"db_url": ""})
    else:
        folder = DockFolder(settings.data)
        check_adapters(settings.model_copy(update={"blob_url": "file:///"}))
    with database_of(folder, settings) as database:
        database.schema().require()
        yield database


@contextmanager
def database_of(folder: DockFolder, settings: DockSettings) -> Iterator[Database]:
    """The database for one command. Where it does not answer, Unavailable says where it should be.

    Only here: a service's errors go to clients, who need not know.
    """
    database = open_database(folder, settings)
    try:
        yield database
    except Unavailable as error:
        if error.reason == "DATABASE_DOWN" and settings.db_url:
            error.hint = f"Check that it runs and can be reached: DOCK_DB_URL names {place_of(settings.db_url)}."
        raise
    finally:
        database.close()
