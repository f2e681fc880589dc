"""Options that several commands share, and the dock that they speak to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from learndock.client import Dock

Command = TypeVar("Command", bound=Callable[..., Any])

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
ANY_PATH = click.Path(path_type=Path)
PACKAGE = click.Path(exists=True, path_type=Path)


def speaks_to_dock(command: Command) -> Command:
    """Add --dock and --owner."""
    owner = click.option("--owner", envvar="DOCK_OWNER", help="Your name in the dock.  [env: DOCK_OWNER]")
    address = click.option(
        "--dock", "address", envvar="DOCK_URL", help="The dock's address, host:port.  [env: DOCK_URL]"
    )
    return address(owner(command))


def prints_json(command: Command) -> Command:
    """Add --json."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout.")(command)


def reads_columns(command: Command) -> Command:
    """Add --target and --drop, which say what is no input."""
    target = click.option("--target", default="", help="Column that is predicted; it is no input.")
    drop = click.option(
        "--drop", multiple=True, metavar="COLUMN", help="Column to leave out (name, or number from 0); again for more."
    )
    return target(drop(command))


def makes_specification(command: Command) -> Command:
    """Add --k, --gamma, --seed and --privacy."""
    k = click.option("--k", type=click.IntRange(1), help="Points of the reduced set.  [default: by the data]")
    gamma = click.option(
        "--gamma", type=click.FloatRange(0, min_open=True), default=0.1, show_default=True, help="Of the kernel."
    )
    seed = click.option("--seed", type=int, default=0, show_default=True, help="Of the random generator.")
    return k(gamma(seed(keeps_private(command))))


def keeps_private(command: Command) -> Command:
    """Add --privacy."""
    return click.option(
        "--privacy",
        type=click.Choice(["default", "off"]),
        default="default",
        show_default=True,
        help="off: single rows may be read from the specification.",
    )(command)


def open_dock(address: str | None, owner: str | None) -> Dock:
    """The client, with the defaults of the library where nothing is given."""
    from learndock.client import Dock  # noqa: PLC0415

    return Dock(address or "", owner or "")
