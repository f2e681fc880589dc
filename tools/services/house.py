"""A dock as separate processes on the loopback: each of its services, as many of each as one likes."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from tools.services.child import PATIENCE_S, Child
from tools.services.health import ask
from tools.services.ports import PortBook

from dock_db import Database

TARGETS = ("ingestion", "checking", "specification", "search", "reuse")


_LEAST_PAUSE_S, _MOST_PAUSE_S = 1.0, 30.0


def dock_environment(*, db_url: str, bus_url: str, blob_url: str, monitor_url: str = "") -> dict[str, str]:
    """The variables by which services find database, bus and store; the store's key and secret apart from its URL."""
    store = urlsplit(blob_url)
    named = {
        "DOCK_DB_URL": db_url,
        "DOCK_BUS_URL": bus_url,
        "DOCK_BLOB_URL": urlunsplit(store._replace(netloc=store.netloc.rpartition("@")[2])),
        "DOCK_BLOB_ACCESS_KEY": unquote(store.username or ""),
        "DOCK_BLOB_SECRET_KEY": unquote(store.password or ""),
        "DOCK_BUS_MONITOR_URL": monitor_url,
    }
    return {name: value for name, value in named.items() if value}


class Member:
    """One process of a house: `dock serve --target …` at an address of its own, which it keeps."""

    def __init__(self, name: str, target: str, ports: PortBook, folder: Path) -> None:
        self.name = name
        self.target = target
        self.port = ports.port(name)
        self.metrics_port = ports.port(f"{name} metrics")
        self.log = folder / "logs" / f"{name}.log"
        self.starts = 0
        self.wanted = False
        self.environment: dict[str, str] = {}
        self._data = folder / "data"
        self._started_at = -math.inf
        self._pause_s = 0.0
        self._child: Child | None = None

    @property
    def address(self) -> str:
        """Where it serves gRPC."""
        return f"127.0.0.1:{self.port}"

    @property
    def metrics_url(self) -> str:
        """Where it serves /metrics, /livez and /readyz."""
        return f"http://127.0.0.1:{self.metrics_port}"

    @property
    def pid(self) -> int:
        """Its process id; 0 while it does not run."""
        return self._child.pid if self._child is not None else 0

    @property
    def running(self) -> bool:
        """Whether its process is there."""
        return self.pid != 0

    @property
    def ready(self) -> bool:
        """Whether it says at /readyz that it can work."""
        return self.running and ask(self.metrics_port, "/readyz")[0] == 200

    @property
    def exit_status(self) -> int | None:
        """How its last run ended, as subprocess has it: -9 for kill -9."""
        return self._child.exit_status if self._child is not None else None

    def start(self, *, wait: bool = True, patience_s: float = PATIENCE_S) -> None:
        """Start it; with `wait`, until it is ready.

        Raises:
            ServerDied: it ended instead, or was not ready after `patience_s` seconds.

        """
        if not self.running:
            if self._child is not None:
                self._child.close()
            self._child = Child(
                self.name, self._command(), log=self.log, environment={**os.environ, **self.environment}
            )
            self._note_start()
            self._child.start()
        if wait:
            self.wait_until_ready(patience_s)

    def _note_start(self) -> None:
        now = time.monotonic()
        lived_s = now - self._started_at
        self._pause_s = _LEAST_PAUSE_S if lived_s > _MOST_PAUSE_S else min(_MOST_PAUSE_S, 2 * self._pause_s)
        self._started_at = now
        self.starts += 1
        self.wanted = True

    @property
    def rested(self) -> bool:
        """Whether its last start is long enough ago for another: one that dies at once is not started without end."""
        return time.monotonic() - self._started_at >= self._pause_s

    def wait_until_ready(self, patience_s: float = PATIENCE_S) -> None:
        """Wait for /readyz. ServerDied as `start` has it."""
        if self._child is not None:
            self._child.wait_until(lambda: self.ready, patience_s)

    def _command(self) -> list[str]:
        ports = ["--port", str(self.port), "--metrics-port", str(self.metrics_port)]
        serve = [sys.executable, "-m", "learndock.cli.main", "serve", "--target", self.target]
        return [*serve, "--host", "127.0.0.1", *ports, "--data", str(self._data)]

    def ask_to_stop(self) -> None:
        """Send SIGTERM and return at once."""
        self.wanted = False
        if self._child is not None:
            self._child.ask_to_stop()

    def stop(self, patience_s: float = PATIENCE_S) -> bool:
        """End it as an operator would; whether it went by itself within `patience_s`."""
        self.wanted = False
        return self._child.stop(patience_s) if self._child is not None else True

    def kill(self) -> None:
        """Kill -9 it with what it started."""
        self.wanted = False
        if self._child is not None:
            self._child.kill()

    def pause(self) -> None:
        """Let it hang."""
        if self._child is not None:
            self._child.pause()

    def go_on(self) -> None:
        """End a pause."""
        if self._child is not None:
            self._child.go_on()

    def restart(self, *, patience_s: float = PATIENCE_S) -> None:
        """End it as an operator would and start it again at the same address."""
        self.stop()
        self.start(patience_s=patience_s)

    def last_lines(self, count: int = 15) -> str:
        """The end of its log."""
        return self._child.last_lines(count) if self._child is not None else ""

    def close(self) -> None:
        """Kill it and let go of it."""
        self.kill()
        if self._child is not None:
            self._child.close()


class House:
    """The services of a dock, each in processes of its own, that know each other only by address.

    The member `n` of a target is named `search-1`, `search-2`, …; each keeps its port over death and restart.

    Args:
        folder: holds data (environments, keys, scratch) and logs; kept when the house ends.
        environment: where database, bus and store are (`dock_environment`), and any other setting.
        targets: which services; all by default.
        replicas: how many of a target, where it is not one.
        ports: kept ports, where addresses should outlive this house.

    """

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str],
        *,
        targets: Sequence[str] = TARGETS,
        replicas: Mapping[str, int] | None = None,
        ports: PortBook | None = None,
    ) -> None:
        self.folder = folder
        self._db_url = environment["DOCK_DB_URL"]
        self._scheme = "https://" if environment.get("DOCK_TLS_CERT") else ""
        self.ports = book = ports or PortBook()
        counts = {target: (replicas or {}).get(target, 1) for target in targets}
        self._members = {
            name: Member(name, target, book, folder)
            for target, count in counts.items()
            for name in (f"{target}-{n}" for n in range(1, count + 1))
        }
        for member in self._members.values():
            member.environment = {**environment, **self.peers()}

    @property
    def members(self) -> list[Member]:
        """All processes, in the order in which data flows."""
        return list(self._members.values())

    def __getitem__(self, name: str) -> Member:
        """The member `search-2`; `search` alone is the first of its target."""
        return self._members[name if name in self._members else f"{name}-1"]

    def of(self, target: str) -> list[Member]:
        """All members of a target."""
        return [member for member in self.members if member.target == target]

    def peers(self) -> dict[str, str]:
        """DOCK_PEERS_* of every service: what a service needs to find the others, and a client to find them all."""
        return {
            f"DOCK_PEERS_{target.upper()}": self._address(self.of(target))
            for target in TARGETS
            if any(member.target == target for member in self.members)
        }

    def _address(self, members: Sequence[Member]) -> str:
        """One address for several processes; calls go to all of them in turn."""
        several = "" if len(members) == 1 or self._scheme else "ipv4:"
        return (self._scheme or several) + ",".join(member.address for member in members)

    def migrate(self) -> None:
        """Bring the database to the schema that the services need, as `dock db migrate` does."""
        database = Database(self._db_url)
        try:
            database.create()
        finally:
            database.close()

    def start(self, names: Iterable[str] = (), *, wait: bool = True, patience_s: float = PATIENCE_S) -> House:
        """Start all members, or those named, at once; with `wait`, until all are ready.

        Raises:
            ServerDied: one ended instead, or was not ready after `patience_s` seconds.

        """
        chosen = self._chosen(names)
        for member in chosen:
            member.start(wait=False)
        if wait:
            for member in chosen:
                member.wait_until_ready(patience_s)
        return self

    def stop(self, names: Iterable[str] = (), *, patience_s: float = PATIENCE_S) -> bool:
        """End all members, or those named, as an operator would; whether all went by themselves."""
        chosen = self._chosen(names)
        for member in chosen:
            member.ask_to_stop()
        with ThreadPoolExecutor(max(1, len(chosen))) as pool:
            return all(pool.map(lambda member: member.stop(patience_s), chosen))

    def revive(self) -> list[Member]:
        """Start again whatever died without being asked to, after a pause that grows; gives what was started."""
        dead = [member for member in self.members if member.wanted and not member.running and member.rested]
        for member in dead:
            member.start(wait=False)
        return dead

    def _chosen(self, names: Iterable[str]) -> list[Member]:
        return [self[name] for name in names] or self.members

    def close(self) -> None:
        """Kill whatever runs, and let go of it."""
        for member in self.members:
            member.close()

    def __enter__(self) -> House:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()
