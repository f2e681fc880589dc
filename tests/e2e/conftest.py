"""Real docks, started by the commands a user would type: one process on a folder, or separate services on servers."""

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
from tools.services.house import House, dock_environment

from dock_blob.file import FileBlobStore
from learndock.client import Dock
from tests.e2e.separate import SeparateDock

DEADLINE_S = 180.0


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

    def address_of(self, target: str) -> str:
        """Where a service listens."""
        return self.address

    @property
    def addresses(self) -> dict[str, str]:
        """The variables by which a command finds the dock."""
        return {"DOCK_URL": self.address}

    @property
    def metrics_urls(self) -> list[str]:
        """Where the process tells its metrics."""
        lines = self.log.read_text().splitlines()
        return [line.split()[1] for line in lines if line.startswith("Metrics:")][-1:]

    def keys(self) -> set[str]:
        """What lies in the store."""
        store = FileBlobStore(self.data / "blobs")
        return {info.key for info in store.list()} | {info.key for info in store.list_unfinished()}

    def last_lines(self) -> str:
        """The end of the log."""
        return self.log.read_text()[-4000:]

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(60)

    def wait_for_death(self) -> int:
        assert self.process is not None
        return self.process.wait(DEADLINE_S)

    def stop(self) -> int:
        if self.process is None or self.process.poll() is not None:
            return 0
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE_S)

    def _wait_until_up(self) -> None:
        end = time.monotonic() + DEADLINE_S
        while not (self.data / "address").exists():
            assert self.process is not None
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError("the dock did not come up:\n" + self.log.read_text()[-4000:])
            time.sleep(0.05)


@pytest.fixture(scope="session")
def separate_services(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SeparateDock]:
    """One house of separate services for the whole run, two checkers and two search replicas among them."""
    postgres, nats, s3 = (request.getfixturevalue(f"{name}_server") for name in ("postgres", "nats", "s3"))
    blob_url = s3.new_bucket()
    environment = {
        **dock_environment(db_url=postgres.new_database(), bus_url=nats.url, blob_url=blob_url),
        "DOCK_BUS_PREFIX": f"e2e-{os.urandom(4).hex()}",
        "DOCK_DRAIN_S": "0.1",
        "DOCK_STOP_S": "1",  # less than any check of these tests that is to go over to another checker
    }
    folder = tmp_path_factory.mktemp("services")
    with House(folder, environment, replicas={"checking": 2, "search": 2}) as house:
        house.migrate()
        dock = SeparateDock(house, blob_url).start()
        yield dock
        assert dock.stop() == 0, dock.last_lines()


@pytest.fixture(scope="module", params=["embedded", "services"])
def dock(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningDock | SeparateDock]:
    """One dock for the tests of a module, which run in both modes."""
    if request.param == "services":
        yield request.getfixturevalue("separate_services").start()
        return
    folder = tmp_path_factory.mktemp("dock")
    running = RunningDock(folder / "data", folder / "dock.log").start()
    yield running
    assert running.stop() == 0, running.last_lines()


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
