"""`dock login` and `dock logout`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from learndock.cli.command import Command
from learndock.cli.options import FILE
from learndock.cli.screen import say

_ADDRESS = click.option("--dock", "address", envvar="DOCK_URL", help="The dock's address, host:port.  [env: DOCK_URL]")


@click.command("login", cls=Command)
@_ADDRESS
@click.option("--token-file", type=FILE, help="File with the token.  [default: asked for, or read from stdin]")
def login_command(address: str | None, token_file: Path | None) -> None:
    """Keep the token that an operator gave you for a dock, after asking the dock whose it is.

    It is kept in tokens.json of your configuration folder, which only you may read, and sent to that address alone.

    Example:  dock login --dock https://dock.example:50051
    """
    from learndock.client import Dock  # noqa: PLC0415
    from learndock.client.tokens import KeptTokens  # noqa: PLC0415
    from learndock.errors import InvalidInput  # noqa: PLC0415

    secret = _secret(token_file)
    if not secret:
        raise InvalidInput("No token was given.", reason="TOKEN_MISSING", hint="Paste the line that the operator sent.")
    with Dock(address or "", token=secret) as dock:
        who = dock.principal()
        if not who.token_id:
            say(f"The dock at {dock.address} asks for no token; nothing is kept.")
            return
        path = KeptTokens.of_user().keep(dock.address, secret)
    say(f"At {dock.address} you are {who.owner} now, for {', '.join(sorted(who.scopes))}. Kept in {path}.")
    if os.environ.get("DOCK_TOKEN") or os.environ.get("DOCK_TOKEN_FILE"):
        say("DOCK_TOKEN or DOCK_TOKEN_FILE is set, and wins over it.")


@click.command("logout", cls=Command)
@_ADDRESS
def logout_command(address: str | None) -> None:
    """Forget the token that is kept for a dock. It still counts: an operator can revoke it.

    Exit code 1 where none was kept.

    Example:  dock logout --dock https://dock.example:50051
    """
    from learndock.client.dock import DEFAULT_ADDRESS  # noqa: PLC0415
    from learndock.client.tokens import KeptTokens  # noqa: PLC0415

    where = address or DEFAULT_ADDRESS
    if not KeptTokens.of_user().forget(where):
        say(f"No token is kept for {where}.")
        click.get_current_context().exit(1)
    say(f"The token for {where} is forgotten here.")


def _secret(file: Path | None) -> str:
    if file is not None:
        return file.read_text(encoding="utf-8").strip()
    if sys.stdin.isatty():
        return str(click.prompt("Token", hide_input=True)).strip()
    return sys.stdin.readline().strip()
