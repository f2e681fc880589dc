"""`dock verify` and `dock key`."""

from __future__ import annotations

import base64
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from learndock.cli.command import Command
from learndock.cli.options import ANY_PATH, prints_json
from learndock.cli.screen import print_json, print_table, say, tell, wrapped

if TYPE_CHECKING:
    from learndock.provenance import VerdictRecord


@click.command("verify", cls=Command)
@click.argument("packages", nargs=-1, required=True, type=ANY_PATH, metavar="PACKAGE...")
@click.option("--verdict", type=ANY_PATH, help="The signed verdict.  [default: PACKAGE.verdict.json]")
@click.option("--key", default="", help="The dock's public key, or a file with it.  [default: any known dock's]")
@prints_json
def verify_command(packages: tuple[Path, ...], verdict: Path | None, key: str, as_json: bool) -> None:
    """Verify packages by the verdict that a dock signed, without the dock.

    Holds when the verdict is signed by the dock's key, is about this very content, and says that it passed.

    Example:  dock verify 00000007-v1.zip
    """
    from learndock.client.verifying import verify_kept  # noqa: PLC0415
    from learndock.provenance.known import parse_key  # noqa: PLC0415

    given = parse_key(key) if key else None
    found = [(package, *verify_kept(package, verdict, given)) for package in packages]
    if as_json:
        print_json([{"package": str(path), "docks": docks, **asdict(record)} for path, record, docks in found])
        return
    for path, record, docks in found:
        by = f", by {docks[0]}" if docks and docks[0] else ""
        click.echo(wrapped(f"{path}: checked and signed, {_told(record)}{by}"))
        for name, version, advisory, summary in record.advisories:
            tell(f"known to be vulnerable: {name} {version}, {advisory} {summary}")


def _told(record: VerdictRecord) -> str:
    return f"{record.learnware_id} version {record.version} on {record.made_at} ({record.isolation})"


@click.group("key")
def key_command() -> None:
    """The keys of docks that this machine knows.

    Example:  dock key list
    """


@key_command.command("list", cls=Command)
@prints_json
def list_keys(as_json: bool) -> None:
    """List the docks that were met, and their public keys.

    Example:  dock key list
    """
    from learndock.provenance import KnownDocks  # noqa: PLC0415

    found = [(address, base64.b64encode(key).decode()) for address, key in KnownDocks.of_user().all()]
    if as_json:
        print_json([{"address": address, "key": key} for address, key in found])
    elif found:
        print_table(("DOCK", "PUBLIC KEY"), found)
    else:
        say("No dock was met yet; the first `dock pull` pins its key.")


@key_command.command("forget", cls=Command)
@click.argument("address")
def forget_key(address: str) -> None:
    """Forget a dock's key, after its operator said that it was changed.

    The next `dock pull` pins the new one. Exit code 1 where nothing was known.

    Example:  dock key forget dock.example:50051
    """
    from learndock.provenance import KnownDocks  # noqa: PLC0415

    if not KnownDocks.of_user().forget(address):
        say(f"No key is known for {address}.")
        click.get_current_context().exit(1)
