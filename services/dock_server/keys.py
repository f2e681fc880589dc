"""`dock signing-key`: the operator's commands for the key that verdicts are signed with."""

from __future__ import annotations

import base64
from pathlib import Path

import click

from dock_checking.signer import Signer
from dock_server.folder import DockFolder
from learndock.errors import NotFound
from learndock.provenance import key_id

_DATA = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("dock-data"),
    show_default=True,
    help="Folder of the dock.",
)


@click.group("signing-key")
def signing_key() -> None:
    """The key that this dock signs its verdicts with.

    Example:  dock signing-key show --data ~/my-dock
    """


@signing_key.command("show")
@_DATA
def show(data: Path) -> None:
    """Print the public key, for those who pin it by DOCK_KEY.

    Example:  dock signing-key show
    """
    _tell(_signer(data).key)


@signing_key.command("rotate")
@_DATA
def rotate(data: Path) -> None:
    """Exchange the key for a new one, with a record signed by the old; restart the dock to use it.

    Clients that know the old key follow the record. Verdicts are signed anew with the new key when they are asked for.

    Example:  dock signing-key rotate --data ~/my-dock
    """
    _tell(_signer(data).rotate())


def _signer(data: Path) -> Signer:
    if not data.is_dir():
        raise NotFound(f"There is no dock in {data}.", reason="DOCK_FOLDER_NOT_FOUND", hint="Name it with --data.")
    return Signer(DockFolder(data).keys)


def _tell(key: bytes) -> None:
    click.echo(base64.b64encode(key).decode())
    click.echo(f"key {key_id(key)}", err=True)
