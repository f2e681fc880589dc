"""`dock signing-key`: the operator's commands for the key that verdicts are signed with."""

from __future__ import annotations

import base64
from pathlib import Path

import click

from dock_checking.signer import Signer
from dock_server.existing import DATA, existing_dock
from learndock.provenance import key_id


@click.group("signing-key")
def signing_key() -> None:
    """The key that this dock signs its verdicts with.

    Example:  dock signing-key show --data ~/my-dock
    """


@signing_key.command("show")
@DATA
def show(data: Path) -> None:
    """Print the public key, for those who pin it by DOCK_KEY.

    Example:  dock signing-key show
    """
    _tell(_signer(data).key)


@signing_key.command("rotate")
@DATA
def rotate(data: Path) -> None:
    """Exchange the key for a new one, with a record signed by the old; restart the dock to use it.

    Clients that know the old key follow the record. Verdicts are signed anew with the new key when they are asked for.

    Example:  dock signing-key rotate --data ~/my-dock
    """
    _tell(_signer(data).rotate())


def _signer(data: Path) -> Signer:
    return Signer(existing_dock(data).keys)


def _tell(key: bytes) -> None:
    click.echo(base64.b64encode(key).decode())
    click.echo(f"key {key_id(key)}", err=True)
