"""`dock check`."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from learndock.cli.command import Command
from learndock.cli.options import PACKAGE, prints_json
from learndock.cli.records import plain, print_log, show_step
from learndock.cli.screen import print_json, say, waiting


@click.command("check", cls=Command)
@click.argument("packages", nargs=-1, required=True, type=PACKAGE, metavar="PACKAGE...")
@click.option("--unsafe-local", is_flag=True, help="Run the model without a sandbox: only for code of your own.")
@click.option("--offline", is_flag=True, envvar="DOCK_OFFLINE", help="Build the environment from uv's cache alone.")
@click.option("--log", "with_log", is_flag=True, help="Show what the model printed also where it passes.")
@prints_json
def check_command(packages: tuple[Path, ...], unsafe_local: bool, offline: bool, with_log: bool, as_json: bool) -> None:
    """Check packages (folders or zips) on this machine, as the dock would, without giving them to it.

    Exit code 1 says that the dock would reject one of them.

    Example:  dock check iris
    """
    results = []
    for package in packages:
        if not as_json and len(packages) > 1:
            click.secho(str(package), bold=True)
        results.append(_check(package, unsafe_local=unsafe_local, offline=offline, quiet=as_json))
        if not as_json:
            _tell(package, results[-1], with_log=with_log)
    if as_json:
        print_json([{"package": str(path), **_plain(each)} for path, each in zip(packages, results, strict=True)])
    if not all(each.accepted for each in results):
        click.get_current_context().exit(1)


def _check(package: Path, *, unsafe_local: bool, offline: bool, quiet: bool) -> Any:
    import numpy as np  # noqa: PLC0415

    from dock_sandbox import ProcessSandbox  # noqa: PLC0415
    from dock_sandbox.environment import EnvironmentBuilder  # noqa: PLC0415
    from dock_sandbox.examination import examine  # noqa: PLC0415
    from learndock.client.download import cache_folder  # noqa: PLC0415 - it shares the cache with what is loaded

    with tempfile.TemporaryDirectory(prefix="dock-check-") as scratch, packed(package) as zipped, _steps(quiet) as tell:
        return examine(
            zipped,
            semantic=None,
            runner=ProcessSandbox(unsafe_local=unsafe_local),
            environments=EnvironmentBuilder(cache_folder() / "environments", offline=offline),
            scratch=Path(scratch),
            rng=np.random.default_rng(),
            on_step=tell,
        )


@contextmanager
def _steps(quiet: bool) -> Iterator[Any]:
    if quiet:
        yield lambda _step: None
        return
    with waiting("checking") as spinner:
        yield lambda step: show_step(step, spinner)


@contextmanager
def packed(package: Path) -> Iterator[Path]:
    """The zip of a package: itself, or a folder packed into a file that is gone afterwards."""
    if not package.is_dir():
        yield package
        return
    from learndock.package import pack_folder  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="dock-pack-") as folder:
        out = Path(folder) / f"{package.resolve().name}.zip"
        with waiting(f"packing {package}"):
            pack_folder(package, out)
        yield out


def _tell(package: Path, result: Any, *, with_log: bool) -> None:
    if with_log or not result.accepted:
        print_log(result.log)
    if result.isolation == "unsafe-local":
        say("Unsafe: the model ran without a sandbox (--unsafe-local).")
    if result.accepted:
        click.secho(f"{package} passes.", fg="green")
        say(f"Next: dock push {package} --watch")
        return
    from learndock.cli.failure import say_failure, split  # noqa: PLC0415

    what, why = split(result.reason_text)
    say_failure(f"{package} would be rejected: {what}", why, "", result.reason)
    if result.setting:
        say(f"{result.setting} has its default here; your dock may have set it otherwise.")


def _plain(result: Any) -> dict[str, Any]:
    environment = result.environment
    return {
        "accepted": result.accepted,
        "reason": result.reason,
        "reason_text": result.reason_text,
        "setting": result.setting,
        "isolation": result.isolation,
        "steps": plain(result.steps),
        "dropped_requirements": list(environment.dropped) if environment else [],
        "python": environment.python_version if environment else "",
        "log": result.log,
    }
