"""`dock plugins`."""

from __future__ import annotations

from dataclasses import asdict

import click

from learndock.cli.command import Command
from learndock.cli.options import prints_json
from learndock.cli.screen import print_json, print_table, tell


@click.command("plugins", cls=Command)
@prints_json
def plugins_command(as_json: bool) -> None:
    """List specification types, searchers, checkers and reusers, ours and those of other packages.

    Exit code 1 says that one of them cannot be used. --json says in which module each lies, too.

    Example:  dock plugins
    """
    from learndock import plugins  # noqa: PLC0415 - loads every plug-in

    found = plugins.listing()
    if as_json:
        print_json([asdict(each) for each in found])
    else:
        rows = [(each.kind, each.name, f"{each.package} {each.version}") for each in found]
        print_table(("KIND", "NAME", "PACKAGE"), rows)
    broken = [each for each in found if each.fault]
    if broken and not as_json:
        for each in broken:
            tell(each.fault)
    if broken:
        click.get_current_context().exit(1)
