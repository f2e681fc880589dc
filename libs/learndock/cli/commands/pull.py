"""`dock pull`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from learndock.cli.command import Command
from learndock.cli.options import ANY_PATH, open_dock, prints_json, speaks_to_dock
from learndock.cli.screen import print_json, size, tells_warnings, transfer

if TYPE_CHECKING:
    from learndock.client import Dock


@click.command("pull", cls=Command)
@click.argument("learnware_ids", nargs=-1, required=True, metavar="ID...")
@click.option("--into", type=ANY_PATH, default=".", show_default=True, help="Folder to put it in.")
@click.option("--version", type=click.IntRange(0), default=0, help="Which version.  [default: the newest in use]")
@click.option("--unverified", is_flag=True, help="Also what the dock rejected or did not sign; to look at only.")
@click.option("--bill", is_flag=True, help="Write the bill of materials of its environment too (CycloneDX JSON).")
@click.option("--unpack", is_flag=True, help="Unpack it too, into a folder beside it.")
@speaks_to_dock
@prints_json
def pull_command(
    learnware_ids: tuple[str, ...],
    into: Path,
    version: int,
    unverified: bool,
    bill: bool,
    unpack: bool,
    address: str | None,
    owner: str | None,
    as_json: bool,
) -> None:
    """Fetch packages. What was cut goes on where it stopped; what arrives is compared with its digest.

    The dock's signed verdict is verified against the key known for the dock, which is pinned when it is first met, and
    kept beside the package for `dock verify`.

    Example:  dock pull 00000007 --into packages
    """
    dock = open_dock(address, owner)
    paths = []
    for learnware_id in learnware_ids:
        with tells_warnings(), transfer(learnware_id, quiet=as_json) as report:
            paths.append(dock.pull(learnware_id, into, version, on_progress=report, verified=not unverified))
        if bill:
            _write_bill(dock, learnware_id, version, paths[-1])
        if unpack:
            _unpack(paths[-1])
        if not as_json:
            click.echo(f"{paths[-1]}  {size(paths[-1].stat().st_size)}")
    if as_json:
        print_json([str(path) for path in paths])


def _write_bill(dock: Dock, learnware_id: str, version: int, package: Path) -> None:
    package.with_name(package.name + ".bom.json").write_text(dock.attestation(learnware_id, version).bill)


def _unpack(path: Path) -> None:
    from learndock.package import extract_package  # noqa: PLC0415

    extract_package(path, path.with_suffix(""))
