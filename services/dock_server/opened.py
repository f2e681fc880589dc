"""A dock's database and store, opened for a command: those of a folder, or those that the environment names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dock_blob import BlobStore
from dock_blob.file import FileBlobStore
from dock_db import Database
from dock_server.adapters import check_adapters, open_blobs
from dock_server.configuration import read_settings
from dock_server.existing import database_of, existing_dock
from dock_server.folder import DockFolder
from dock_server.settings import DockSettings


@dataclass(frozen=True)
class OpenedDock:
    """Where a dock keeps what it cannot do without."""

    settings: DockSettings
    folder: DockFolder
    database: Database
    blobs: BlobStore


def settings_for(data: Path | None) -> DockSettings:
    """The settings in force; a folder that was named wins over database and store of the environment."""
    settings = read_settings(DockSettings)
    if data is not None:
        own_store = {} if settings.embedded else {"blob_url": ""}
        settings = settings.model_copy(update={"data": data, "db_url": "", **own_store})
    check_adapters(settings)
    return settings


@contextmanager
def opened_dock(data: Path | None) -> Iterator[OpenedDock]:
    """A dock that was there before, whether it runs or not.

    NotFound DOCK_FOLDER_NOT_FOUND, FailedPrecondition SCHEMA_TOO_OLD or SCHEMA_TOO_NEW, Unavailable.
    """
    settings = settings_for(data)
    folder = existing_dock(settings.data) if settings.embedded else DockFolder(settings.data.resolve())
    with opened(settings, folder) as dock:
        dock.database.schema().require()
        yield dock


@contextmanager
def opened(settings: DockSettings, folder: DockFolder) -> Iterator[OpenedDock]:
    """Database and store as the settings name them."""
    with database_of(folder, settings) as database:
        yield OpenedDock(settings, folder, database, _store(settings, folder))


def _store(settings: DockSettings, folder: DockFolder) -> BlobStore:
    if settings.blob_url:
        return open_blobs(folder, settings)
    return FileBlobStore(folder.blobs, alone=False)  # the dock may run, and be writing
