"""What the commands for a dock's folder share: the option that names it, and that there is a dock in it."""

from __future__ import annotations

from pathlib import Path

import click

from dock_server.folder import DockFolder
from learndock.errors import NotFound

DATA = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("dock-data"),
    show_default=True,
    help="Folder of the dock.",
)


def existing_dock(data: Path) -> DockFolder:
    """The folder of a dock that was there before; nothing is made. NotFound DOCK_FOLDER_NOT_FOUND."""
    folder = DockFolder(data.resolve())
    if not (folder.root / "dock.db").is_file():
        raise NotFound(f"There is no dock in {data}.", reason="DOCK_FOLDER_NOT_FOUND", hint="Name it with --data.")
    return folder
