"""`dock signing-key`: the operator's commands for the key that verdicts are signed with."""

from __future__ import annotations

import base64
from pathlib import Path

import click

from dock_checking.signer import KEY, Signer
from dock_server.existing import DATA, existing_dock
from learndock.errors import NotFound
from learndock.provenance import key_id

KEYS = click.option(
    "--keys",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the key itself, as DOCK_CHECKING_KEYS names it.  [default: keys in --data]",
)


@click.group("signing-key")
def signing_key() -> None:
    """The key that this dock signs its verdicts with.

    Example:  dock signing-key show --data ~/my-dock
    """


@signing_key.command("show")
@DATA
@KEYS
def show(data: Path, keys: Path | None) -> None:
    """Print the public key, for those who pin it by DOCK_KEY.

    Example:  dock signing-key show
    """
    _tell(_signer(data, keys).key)


@signing_key.command("rotate")
@DATA
@KEYS
def rotate(data: Path, keys: Path | None) -> None:
    """Exchange the key for a new one, with a record signed by the old; restart the dock to use it.

    Clients that know the old key follow the record. Verdicts are signed anew with the new key when they are asked for.
    Where checkers have copies of the folder, stop them all and exchange every copy before they start again.

    Example:  dock signing-key rotate --data ~/my-dock
    """
    _tell(_signer(data, keys).rotate())


def _signer(data: Path, keys: Path | None) -> Signer:
    if keys is None:
        return Signer(existing_dock(data).keys)
    if not (keys / KEY).is_file():  # a signer would make one
        raise NotFound(f"There is no key in {keys}.", reason="DOCK_KEY_NOT_FOUND", hint="Name its folder with --keys.")
    return Signer(keys)


def _tell(key: bytes) -> None:
    click.echo(base64.b64encode(key).decode())
    click.echo(f"key {key_id(key)}", err=True)
