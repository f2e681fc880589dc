"""Run a whole dock as separate services on this machine: PostgreSQL, NATS, MinIO and every service of the dock.

Data stays in the folder, so that stopping and starting goes on. A service that dies is started again.

Run it with:  make services [SERVICES_ARGS="--replicas search=2,checking=2"]
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import shlex
import signal
import sys
import termios
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from tools.services.foundation import Foundation
from tools.services.house import TARGETS, House
from tools.services.missing import ServerDied, ServerMissing
from tools.services.places import ROOT
from tools.services.ports import PortBook
from tools.services.view import LiveView, PlainView, rows

CLIENT_FILE, SERVICE_FILE = "env", "service-env"
_LOOK_EVERY_S = 1.0
# What a developer waits for less gladly than an operator.
_IMPATIENT = {"DOCK_DRAIN_S": "0"}


def main() -> None:
    arguments = _parse()
    folder = arguments.folder.resolve()
    if arguments.json:
        _print_running(folder)
        return
    try:
        _run(folder, arguments.only, arguments.replicas)
    except (ServerMissing, ServerDied) as error:
        sys.exit(f"services: {error}")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make services", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--folder", type=Path, default=ROOT / "dock-services", help="where data and logs stay")
    parser.add_argument("--only", type=_targets, default=list(TARGETS), help="these services alone: search,checking")
    parser.add_argument("--replicas", type=_replicas, default={}, help="more than one of some: search=2,checking=2")
    parser.add_argument("--json", action="store_true", help="print the addresses of what runs now, and end")
    return parser.parse_args()


def _targets(text: str) -> list[str]:
    chosen = [name.strip() for name in text.split(",") if name.strip()]
    for name in chosen:
        if name not in TARGETS:
            raise argparse.ArgumentTypeError(f"no service is named {name!r}; there are {', '.join(TARGETS)}")
    return [target for target in TARGETS if target in chosen]


def _replicas(text: str) -> dict[str, int]:
    counts = {}
    for part in text.split(","):
        name, _, count = part.partition("=")
        if not count.isdigit() or not 1 <= int(count) <= 16:
            raise argparse.ArgumentTypeError(f"write name=count with a count from 1 to 16, not {part!r}")
        counts[_targets(name)[0]] = int(count)
    return counts


def _run(folder: Path, only: list[str], replicas: Mapping[str, int]) -> None:
    console = Console()
    stopping = _on_signals()
    with _held(folder):
        ports = PortBook(folder / "ports.json")
        console.print("starting PostgreSQL, NATS and MinIO …", highlight=False)
        foundation = Foundation(folder, ports)
        try:
            foundation.start()
            impatient = {key: value for key, value in _IMPATIENT.items() if key not in os.environ}
            environment = {**impatient, **foundation.environment()}
            with House(folder, environment, targets=only, replicas=replicas, ports=ports) as house:
                house.migrate()
                house.start(wait=False)
                with _described(folder, foundation, house, environment):
                    _watch(console, foundation, house, stopping, folder)
                console.print("\nstopping …", highlight=False)
                house.stop(patience_s=60.0)
        finally:
            foundation.close()
    console.print(f"stopped; what was in the dock stays in {folder}", highlight=False, soft_wrap=True)


def _on_signals() -> threading.Event:
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: stopping.set())
    return stopping


def _watch(console: Console, foundation: Foundation, house: House, stopping: threading.Event, folder: Path) -> None:
    for name, (old, new) in house.ports.moved.items():
        console.print(f"port {old} of {name} is taken: it has {new} now", style="yellow", highlight=False)
    told = help_lines(folder)
    with quiet_keys(), LiveView(console, told) if console.is_terminal else PlainView(console, told) as view:
        while not stopping.wait(_LOOK_EVERY_S):
            house.revive()
            view.show(rows(foundation, house))


@contextmanager
def quiet_keys() -> Iterator[None]:
    """What is typed, Ctrl-C too, is not shown: it would push the table off its place."""
    if not sys.stdin.isatty():
        yield
        return
    before = termios.tcgetattr(sys.stdin)
    quiet = [*before]
    quiet[3] &= ~termios.ECHO
    termios.tcsetattr(sys.stdin, termios.TCSANOW, quiet)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSANOW, before)


def help_lines(folder: Path) -> list[str]:
    """What somebody at the terminal can do; paths as short as they can be written there."""
    near = _near(folder)
    return [
        f"use it from another terminal:  . {shlex.quote(str(near / CLIENT_FILE))}",
        f"logs are in {near / 'logs'}; Ctrl-C stops all, and its data stays",
    ]


def _near(folder: Path) -> Path:
    here = Path.cwd()
    return folder.relative_to(here) if folder.is_relative_to(here) else folder


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """The folder, made, and held by one run at a time."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit(f"services: they run already on {folder}; --json tells their addresses")
        yield


@contextmanager
def _described(folder: Path, foundation: Foundation, house: House, environment: Mapping[str, str]) -> Iterator[None]:
    """While all runs: `running.json` for --json, `env` for clients, `service-env` for a service of one's own.

    The last holds passwords and is readable by its owner alone.
    """
    client, service, running = folder / CLIENT_FILE, folder / SERVICE_FILE, folder / "running.json"
    _write_exports(client, client_environment(house))
    _write_exports(service, {**environment, **client_environment(house)})
    running.write_text(json.dumps(describe(foundation, house, folder), indent=2), encoding="utf-8")
    try:
        yield
    finally:
        for file in (running, client, service):
            file.unlink(missing_ok=True)


def _write_exports(file: Path, variables: Mapping[str, str]) -> None:
    """A file to `.` into a shell, its owner's alone from the first byte on."""
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)
    lines = "".join(f"export {key}={shlex.quote(value)}\n" for key, value in variables.items())
    file.write_text(lines, encoding="utf-8")


def client_environment(house: House) -> dict[str, str]:
    """What `dock` and `learndock.client` need to use this dock: DOCK_PEERS_… for each service, DOCK_URL besides."""
    peers = house.peers()
    return {"DOCK_URL": next(iter(peers.values())), **peers}


def describe(foundation: Foundation, house: House, folder: Path) -> dict[str, object]:
    """Addresses of everything, without passwords."""
    return {
        "servers": {server.name: server.address for server in foundation.servers},
        "nats_monitor": foundation.nats.monitor_url,
        "services": {
            member.name: {"address": member.address, "metrics": f"{member.metrics_url}/metrics", "log": str(member.log)}
            for member in house.members
        },
        "client_environment": client_environment(house),
        "client_environment_file": str(folder / CLIENT_FILE),
        "service_environment_file": str(folder / SERVICE_FILE),
    }


def _print_running(folder: Path) -> None:
    running = folder / "running.json"
    if not running.exists():
        sys.exit(f"services: nothing runs on {folder}; start it with `make services`")
    print(running.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
