"""The demo's dock: started as a user would start it, in a process of its own, and stopped cleanly."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

from learndock.client import Dock

START_S = 60.0


class House:
    """`dock up` on a folder, for the length of a with-block."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Dock:
        self._data.mkdir(parents=True, exist_ok=True)
        address = self._data / "address"
        address.unlink(missing_ok=True)
        command = [sys.executable, "-m", "learndock.cli.main", "up", "--data", str(self._data), "--port", "0"]
        settings = {"DOCK_REUSE_WARM": "32", "DOCK_OWNER": "demo"}
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env={**os.environ, **settings}
            )
        self._wait_for(address)
        return Dock(address.read_text(encoding="utf-8").strip(), owner="demo")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()

    @property
    def _log(self) -> Path:
        return self._data / "dock.log"

    def _wait_for(self, address: Path) -> None:
        end = time.monotonic() + START_S
        while not address.exists():
            if self._process is None or self._process.poll() is not None or time.monotonic() > end:
                sys.stderr.write(self._log.read_text(encoding="utf-8", errors="replace")[-3000:])
                raise SystemExit("The dock did not start; its last words stand above. `dock doctor` may know why.")
            time.sleep(0.05)
