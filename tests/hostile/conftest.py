"""A dock that is watched from within and without while it is attacked."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.conftest import RunningDock

HERE = Path(__file__).parent


@dataclass
class WatchedDock:
    """A running dock, and what its process was seen doing since it was armed."""

    running: RunningDock
    log: Path
    arm: Path

    def watch(self) -> None:
        self.arm.touch()

    def seen(self) -> list[tuple[str, list[str]]]:
        return [tuple(json.loads(line)) for line in self.log.read_text().splitlines()]

    def peak_mib(self) -> float:
        """Most memory that the process ever held, in MiB."""
        status = Path(f"/proc/{self.running.process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WatchedDock]:
    folder = tmp_path_factory.mktemp("attacked")
    log, arm = folder / "seen.log", folder / "armed"
    path = os.pathsep.join(filter(None, [str(HERE / "watcher"), os.environ.get("PYTHONPATH", "")]))
    environment = {"PYTHONPATH": path, "DOCK_WATCH": str(log), "DOCK_WATCH_ARM": str(arm)}
    running = RunningDock(folder / "data", folder / "dock.log", environment).start()
    yield WatchedDock(running, log, arm)
    assert running.stop() == 0, running.log.read_text()[-4000:]
