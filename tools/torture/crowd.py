"""A crowd of clients: each a thread with a connection of its own, several to a process, all set off at once.

Run as a script it is one process of the crowd: its plan comes as a line of JSON on standard input, "go" as a second
line, and what every call took leaves as a line of JSON each.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TypeVar

import wares
from learndock.client import Dock
from learndock.errors import DockError
from learndock.specification import TableSpecification

WAIT_S = 1800.0
_Given = TypeVar("_Given")


@dataclass(frozen=True)
class Client:
    """What one client does: its pushes and searches in an order drawn by `seed`, then it waits for what it pushed."""

    owner: str
    pushes: Sequence[str] = ()
    searches: int = 0
    seed: int = 0
    waits: bool = True


@dataclass(frozen=True)
class Call:
    """One call of a client: how long it took with all its retries, and the reason if it failed."""

    kind: str
    owner: str
    seconds: float
    error: str = ""
    outcome: str = ""


@dataclass
class Crowd:
    """Clients on a dock, `processes` of them at least on two cores, so that they do not wait for one another."""

    address: str
    clients: Sequence[Client]
    processes: int = 4
    _running: list[subprocess.Popen[str]] = field(default_factory=list)

    def start(self) -> None:
        """Start every process, then set all off."""
        for number in range(min(self.processes, len(self.clients))):
            command = [sys.executable, __file__]
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            plan = {"address": self.address, "clients": [asdict(c) for c in self.clients[number :: self.processes]]}
            _tell(process, json.dumps(plan))
            self._running.append(process)
        for process in self._running:
            if process.stdout is not None:
                process.stdout.readline()  # it is ready
        for process in self._running:
            _tell(process, "go")

    def finish(self) -> list[Call]:
        """Wait for the end of all; what they did."""
        texts = [process.communicate()[0] for process in self._running]
        if any(process.returncode for process in self._running):
            raise SystemExit("a process of the crowd died")
        return [Call(**json.loads(line)) for text in texts for line in text.splitlines()]

    def run(self) -> list[Call]:
        """Start, and wait for the end."""
        self.start()
        return self.finish()


def _tell(process: subprocess.Popen[str], line: str) -> None:
    if process.stdin is not None:
        process.stdin.write(line + "\n")
        process.stdin.flush()


class _Doing:
    """One client at work."""

    def __init__(self, address: str, client: Client, tasks: Sequence[TableSpecification]) -> None:
        self._dock = Dock(address, owner=client.owner)
        self._client = client
        self._tasks = tasks
        self.calls: list[Call] = []

    def run(self) -> None:
        rng = random.Random(self._client.seed)  # noqa: S311 - a load, no secret
        deeds: list[str] = [*self._client.pushes, *[""] * self._client.searches]
        rng.shuffle(deeds)
        pushed = []
        for deed in deeds:
            if deed:
                pushed.append(self._time("push", self._push, Path(deed)))
            else:
                self._time("search", self._search, rng.choice(self._tasks))
        for learnware_id in filter(None, pushed if self._client.waits else ()):
            self._time("wait", self._wait, learnware_id)
        self._dock.close()

    def _push(self, path: Path) -> str:
        return self._dock.push(path).learnware_id

    def _search(self, task: TableSpecification) -> str:
        return str(len(self._dock.search(task).hits))

    def _wait(self, learnware_id: str) -> str:
        return self._dock.wait(learnware_id, timeout=WAIT_S).state

    def _time(self, kind: str, deed: Callable[[_Given], str], given: _Given) -> str:
        start = time.perf_counter()
        error = outcome = ""
        try:
            outcome = deed(given)
        except DockError as refused:
            error = refused.reason
        except Exception as fault:  # noqa: BLE001 - whatever it is, it is a failed call
            error = repr(fault)
        self.calls.append(Call(kind, self._client.owner, time.perf_counter() - start, error, outcome))
        return outcome


def main() -> None:
    plan = json.loads(sys.stdin.readline())
    clients = [Client(**each) for each in plan["clients"]]
    tasks = [wares.task(1000 + number) for number in range(wares.ISLANDS)]
    doing = [_Doing(plan["address"], client, tasks) for client in clients]
    threads = [threading.Thread(target=each.run) for each in doing]
    print("ready", flush=True)
    sys.stdin.readline()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for each in doing:
        for call in each.calls:
            print(json.dumps(asdict(call)))


if __name__ == "__main__":
    main()
