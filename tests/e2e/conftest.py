"""A real dock in a process of its own, started by the command a user would type."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from learndock.client import Dock

DEADLINE_S = 60.0


@dataclass
class RunningDock:
    """`dock up` on a folder; can be killed and started again."""

    data: Path
    log: Path
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    def start(self, **environment: str) -> RunningDock:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        (self.data / "address").unlink(missing_ok=True)
        command = [sys.executable, "-m", "learndock.cli.main", "up", "--data", str(self.data), "--port", "0"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, env={**os.environ, **self.environment, **environment}
            )
        self._wait_until_up()
        return self

    def client(self, owner: str = "tester") -> Dock:
        return Dock(self.address, owner=owner)

    @property
    def address(self) -> str:
        return (self.data / "address").read_text().strip()

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(20)

    def wait_for_death(self) -> int:
        assert self.process is not None
        return self.process.wait(DEADLINE_S)

    def stop(self) -> int:
        if self.process is None or self.process.poll() is not None:
            return 0
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def _wait_until_up(self) -> None:
        end = time.monotonic() + DEADLINE_S
        while not (self.data / "address").exists():
            assert self.process is not None
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError("the dock did not come up:\n" + self.log.read_text()[-4000:])
            time.sleep(0.05)


@pytest.fixture(scope="module")
def dock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDock]:
    """One dock for the tests of a module."""
    folder = tmp_path_factory.mktemp("dock")
    running = RunningDock(folder / "data", folder / "dock.log").start()
    yield running
    assert running.stop() == 0, running.log.read_text()[-4000:]


@pytest.fixture
def new_dock(tmp_path: Path) -> Iterator[Callable[[], RunningDock]]:
    """Makes docks that a test may kill."""
    docks: list[RunningDock] = []

    def make() -> RunningDock:
        number = len(docks)
        docks.append(RunningDock(tmp_path / f"data{number}", tmp_path / f"dock{number}.log"))
        return docks[-1]

    yield make
    for each in docks:
        if each.process is not None and each.process.poll() is None:
            each.kill()
