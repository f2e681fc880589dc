"""`dock up` and `dock serve`."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

import click

from dock_rpc.logs import configure_logging
from dock_rpc.metrics import serve_metrics
from dock_server.composition import Dock, compose
from dock_server.configuration import Configuration, Finding
from dock_server.folder import DockFolder, FolderLock, shared_folder
from dock_server.memory import give_back_large_blocks
from dock_server.settings import DockSettings
from dock_server.stopping import stop_on_signals, wait
from dock_server.targets import TARGETS, WITH_BENCH

_log = logging.getLogger(__name__)
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - read, and not bound
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
    run(Configuration(TARGETS, _given(given)), json_logs)


@click.command("serve")
@click.option("--target", required=True, help=f"Comma-separated: {', '.join(TARGETS)}.")
@click.option("--check-config", is_flag=True, help="Say whether the settings are good, and end.")
@click.option("--connect", is_flag=True, help="With --check-config: try database, bus, store and peers as well.")
@click.option("--print-config", is_flag=True, help="Print the settings in force and where each is from, and end.")
@click.option("--json", "as_json", is_flag=True, help="With --check-config or --print-config: JSON on stdout.")
@_options
def serve(
    target: str,
    check_config: bool,
    connect: bool,
    print_config: bool,
    as_json: bool,
    json_logs: bool,
    **given: object,
) -> None:
    """Run chosen services of a dock in this process.

    With DOCK_DB_URL, DOCK_BUS_URL and DOCK_BLOB_URL any number of processes make one dock; each waits for what is not
    there yet. Without them everything lies in one folder, as with `dock up`.

    Ends with 2 where a setting is wrong, 1 where something refuses it (a password, a newer schema); --check-config
    ends the same way, and with --connect with 3 where something does not answer, which a service waits for.

    Example:  dock serve --target ingestion,checking --data ~/my-dock
    """
    targets = [name.strip() for name in target.split(",") if name.strip()]
    if not (check_config or print_config or connect):
        if as_json:
            raise click.UsageError("--json goes with --check-config or --print-config; for logs there is --json-logs.")
        run(Configuration(targets, _given(given)), json_logs)
        return
    configure_logging(level="ERROR")  # what matters is in the findings
    configuration = Configuration(targets, _given(given))
    findings = _findings(configuration, connect) if check_config or connect else []
    if as_json:
        click.echo(json.dumps(_document(configuration if print_config else None, findings), indent=2))
    else:
        if print_config:
            click.echo(configuration.printed())
        if check_config or connect:
            _tell(findings)
    raise click.exceptions.Exit(_code(findings))


def run(configuration: Configuration, json_logs: bool) -> None:
    """Compose, start, say where it listens, and wait for SIGINT or SIGTERM."""
    settings, targets = configuration.process, configuration.targets
    configuration.refuse_mistakes()
    configure_logging(json=json_logs or settings.log_format == "json", level=settings.log_level)
    for each in configuration.unread():
        _log.warning("%s %s", each.what, each.text)
    give_back_large_blocks()
    stopping = stop_on_signals()
    with _folder(settings, targets) as folder:
        dock = compose(folder, settings, targets)
        stop_traces = _traces(settings, targets, dock)
        try:
            address, near = f"{settings.host}:{dock.server.port}", _for_clients(settings, dock.server.port)
            _announce(address, _metrics(settings, dock), settings)
            if dock.start(stopping):
                with _address(_address_file(folder, settings), near):
                    _welcome(address, near, folder, settings, targets)
                    wait(stopping)
        finally:
            click.echo("stopping …", err=True)
            _end(dock, settings)
            stop_traces()


def _traces(settings: DockSettings, targets: Sequence[str], dock: Dock) -> Callable[[], None]:
    """Begin to send traces where a collector is named; return what ends that."""
    url = endpoint(settings.traces_url)
    if not url:
        return lambda: None
    from dock_server.traces import Traces  # noqa: PLC0415 - nobody else has a use for OpenTelemetry

    service = "dock" if set(targets) == set(TARGETS) else "dock-" + "-".join(targets)
    traces = Traces(url, service, ratio=settings.traces_ratio, on_spans=dock.metrics.spans)
    traces.start()
    return traces.stop


def endpoint(url: str, environment: Mapping[str, str] = os.environ) -> str:
    """Where traces go: `url`, or what OpenTelemetry's own variables say; "" for nowhere."""
    own = environment.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") or environment.get("OTEL_EXPORTER_OTLP_ENDPOINT", "")
    return url or own.strip()


def _folder(settings: DockSettings, targets: Sequence[str]) -> AbstractContextManager[DockFolder]:
    """An embedded dock holds its folder; services share one, and only those that run packages need it."""
    if settings.embedded:
        return FolderLock(settings.data)
    if WITH_BENCH & set(targets):
        return shared_folder(settings.data)
    return nullcontext(DockFolder(settings.data.resolve()))


def _end(dock: Dock, settings: DockSettings) -> None:
    was_ready = not dock.readiness.missing
    dock.drain()
    if was_ready:  # others learn of it meanwhile; a second signal does not wait for that
        time.sleep(settings.drain_seconds)
    dock.stop(settings.stop_s)


def _metrics(settings: DockSettings, dock: Dock) -> int:
    if settings.metrics_port < 0:
        return -1
    return serve_metrics(
        dock.registry, settings.metrics_port, host=settings.host, missing=lambda: dock.readiness.missing
    )


def _announce(address: str, metrics: int, settings: DockSettings) -> None:
    if not settings.embedded:
        click.echo(f"Listening at {address}.")
    if metrics > 0:
        click.echo(f"Metrics: http://{settings.host}:{metrics}/metrics")
    sys.stdout.flush()


def _for_clients(settings: DockSettings, port: int) -> str:
    """What a client on this machine calls: nobody can call 0.0.0.0, nor guess that TLS is spoken."""
    host = _EVERYWHERE.get(settings.host.strip("[]"), settings.host)
    return f"{'https://' if settings.tls_cert else ''}{host}:{port}"


def _welcome(address: str, near: str, folder: DockFolder, settings: DockSettings, targets: Sequence[str]) -> None:
    if settings.embedded:
        click.echo(f"The dock is up at {address}, its data in {folder.root}.")
    else:
        click.echo(f"Ready: {', '.join(targets)} at {address}.")
    if settings.unsafe_local:
        click.secho("UNSAFE: packages run without a sandbox (--unsafe-local).", fg="red", err=True)
    if settings.embedded and near != "127.0.0.1:50051":
        click.echo(f"In another terminal: export DOCK_URL={near}")
    click.echo("Press Ctrl-C to stop it.")
    sys.stdout.flush()


def _address_file(folder: DockFolder, settings: DockSettings) -> Path | None:
    return settings.address_file or (folder.address_file if settings.embedded else None)


@contextmanager
def _address(file: Path | None, address: str) -> Iterator[None]:
    if file is None:
        yield
        return
    # Whoever waits for the file must never find it half-written.
    draft = file.with_suffix(".new")
    draft.write_text(f"{address}\n", encoding="utf-8")
    draft.replace(file)
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def _given(options: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in options.items() if value is not None}


def _findings(configuration: Configuration, connect: bool) -> list[Finding]:
    findings = configuration.findings()
    if connect and not any(each.serious for each in findings):
        findings += configuration.connections()
    return findings


def _code(findings: Sequence[Finding]) -> int:
    """That of the worst: a mistake before a refusal, a refusal before what may answer later."""
    codes = {each.exit_code for each in findings}
    return next((code for code in (4, 2, 1, 3) if code in codes), 0)


def _tell(findings: Sequence[Finding]) -> None:
    for each in findings:
        click.echo(f"{each.mark:>7}  {each.what}  {each.text}", err=True)
    if not any(each.serious for each in findings):
        click.echo("the settings are good", err=True)


def _document(printed: Configuration | None, findings: Sequence[Finding]) -> dict[str, object]:
    settings = {} if printed is None else {"settings": [asdict(each) for each in printed.values()]}
    return {"exit_code": _code(findings), "findings": [asdict(each) for each in findings], **settings}
