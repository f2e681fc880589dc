"""`dock up` and `dock serve`."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import click

from dock_rpc.logs import configure_logging
from dock_rpc.metrics import serve_metrics
from dock_server.composition import TARGETS, compose
from dock_server.folder import DockFolder, FolderLock
from dock_server.memory import give_back_large_blocks
from dock_server.settings import DockSettings

_log = logging.getLogger(__name__)


_Command = TypeVar("_Command", bound=Callable[..., object])


def _options(command: _Command) -> _Command:
    for option in reversed(
        [
            click.option(
                "--data",
                type=click.Path(file_okay=False, path_type=Path),
                help="Folder of the dock: database, packages, environments.  [default: dock-data]",
            ),
            click.option("--host", help="Address to listen on.  [default: 127.0.0.1]"),
            click.option("--port", type=click.IntRange(0, 65535), help="Port; 0 takes a free one.  [default: 50051]"),
            click.option("--metrics-port", type=click.IntRange(-1, 65535), help="Port of /metrics; -1 for none."),
            click.option("--offline", is_flag=True, default=None, help="Build environments from uv's cache alone."),
            click.option(
                "--unsafe-local",
                is_flag=True,
                default=None,
                help="Run packages without a sandbox: only for code you would run yourself.",
            ),
            click.option("--log-level", type=click.Choice(["DEBUG", "INFO", "WARNING", "ERROR"]), help="Least level."),
            click.option("--json-logs", is_flag=True, help="One JSON object a log line."),
        ]
    ):
        command = option(command)
    return command


@click.command("up")
@_options
def up(json_logs: bool, **given: object) -> None:
    """Run a whole dock in this process until Ctrl-C.

    Everything lies in one folder; starting again on it goes on where the last run stopped.

    Example:  dock up --data ~/my-dock
    """
    run(DockSettings(**{key: value for key, value in given.items() if value is not None}), TARGETS, json_logs)  # type: ignore[arg-type]


@click.command("serve")
@click.option("--target", required=True, help=f"Comma-separated: {', '.join(TARGETS)}.")
@click.option("--check-config", is_flag=True, help="Say whether the settings are good, and end.")
@click.option("--print-config", is_flag=True, help="Print the settings in force, and end.")
@_options
def serve(target: str, check_config: bool, print_config: bool, json_logs: bool, **given: object) -> None:
    """Run chosen services of a dock in this process.

    Example:  dock serve --target ingestion,checking --data ~/my-dock
    """
    settings = DockSettings(**{key: value for key, value in given.items() if value is not None})  # type: ignore[arg-type]
    if print_config:
        click.echo(settings.model_dump_json(indent=2))
    if check_config:
        click.echo("the settings are good", err=True)
    if not (print_config or check_config):
        run(settings, [name.strip() for name in target.split(",") if name.strip()], json_logs)


def run(settings: DockSettings, targets: Sequence[str], json_logs: bool) -> None:
    """Compose, start, say where it listens, and wait for SIGINT or SIGTERM."""
    configure_logging(json=json_logs, level=settings.log_level)
    give_back_large_blocks()
    with FolderLock(settings.data) as folder:
        dock = compose(folder, settings, targets)
        dock.start()
        try:
            address = f"{settings.host}:{dock.server.port}"
            metrics = _metrics(settings, dock.registry)
            with _address(folder, address):
                _announce(address, metrics, folder, settings)
                _wait()
        finally:
            click.echo("stopping …", err=True)
            dock.stop()


def _metrics(settings: DockSettings, registry: object) -> int:
    if settings.metrics_port < 0:
        return -1
    return serve_metrics(registry, settings.metrics_port, host=settings.host)  # type: ignore[arg-type]


def _announce(address: str, metrics: int, folder: DockFolder, settings: DockSettings) -> None:
    click.echo(f"The dock is up at {address}, its data in {folder.root}.")
    if metrics > 0:
        click.echo(f"Metrics: http://{settings.host}:{metrics}/metrics")
    if settings.unsafe_local:
        click.secho("UNSAFE: packages run without a sandbox (--unsafe-local).", fg="red", err=True)
    if address != "127.0.0.1:50051":
        click.echo(f"In another terminal: export DOCK_URL={address}")
    click.echo("Press Ctrl-C to stop it.")
    sys.stdout.flush()


@contextmanager
def _address(folder: DockFolder, address: str) -> Iterator[None]:
    # Whoever waits for the file must never find it half-written.
    draft = folder.address_file.with_suffix(".new")
    draft.write_text(f"{address}\n", encoding="utf-8")
    draft.replace(folder.address_file)
    try:
        yield
    finally:
        folder.address_file.unlink(missing_ok=True)


def _wait() -> None:
    stopping = threading.Event()

    def stop(_number: int, _frame: object) -> None:
        if stopping.is_set():
            os._exit(130)
        stopping.set()

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    while not stopping.wait(3600):
        pass
