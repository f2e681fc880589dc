"""A dock in a process of its own, measured from outside: memory, threads and files by /proc, calls by /metrics."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

START_S = 120.0
_HANDLED = re.compile(r'dock_rpc_server_handled_total\{code="(\w+)",method="(\w+)",target="\w+"\} ([\d.e+]+)')


@dataclass(frozen=True)
class Size:
    """How large the process is: MiB of memory, threads, open files."""

    rss_mib: float
    threads: int
    files: int


class MeasuredDock:
    """`dock up` on a folder for the length of a with-block, looked at every `period_s`. Settings by variable name.

    With `targets` only these services.
    """

    def __init__(self, data: Path, *, period_s: float = 0.5, targets: str = "", **settings: str) -> None:
        self._data = data
        self._settings = settings
        self._command = ["serve", "--target", targets] if targets else ["up"]
        self._period_s = period_s
        self._done = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._sizes: list[Size] = []
        self.log = data.parent / f"{data.name}.log"

    def __enter__(self) -> MeasuredDock:
        self._data.mkdir(parents=True, exist_ok=True)
        (self._data / "address").unlink(missing_ok=True)
        command = [sys.executable, "-m", "learndock.cli.main", *self._command, "--data", str(self._data), "--port", "0"]
        with self.log.open("wb") as log:
            environment = {**os.environ, **self._settings}
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        end = time.monotonic() + START_S
        while not (self._data / "address").exists():
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError("the dock did not come up:\n" + self.log.read_text()[-4000:])
            time.sleep(0.05)
        self._watcher.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._watcher.join()
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise

    @property
    def address(self) -> str:
        """Where it listens."""
        return (self._data / "address").read_text().strip()

    def size(self) -> Size:
        """How large it is now."""
        status = self._status()
        files = len(list(Path(f"/proc/{self._process.pid}/fd").iterdir()))
        return Size(status["VmRSS"] / 1024, status["Threads"], files)

    def peak_mib(self) -> float:
        """The most memory it ever had, in MiB (VmHWM)."""
        return self._status()["VmHWM"] / 1024

    def peak(self) -> Size:
        """The most of each that was seen so far."""
        seen = [*self._sizes, self.size()]
        return Size(self.peak_mib(), max(size.threads for size in seen), max(size.files for size in seen))

    def cpu_seconds(self) -> float:
        """Processor time of the process, without its sandboxes."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def handled(self) -> Counter[tuple[str, str]]:
        """How many calls ended, by (method, gRPC code)."""
        line = next(line for line in self.log.read_text().splitlines() if line.startswith("Metrics:"))
        with urllib.request.urlopen(line.split()[1], timeout=30) as answer:  # noqa: S310 - its own address
            text = answer.read().decode()
        return Counter({(method, code): int(float(count)) for code, method, count in _HANDLED.findall(text)})

    def _status(self) -> dict[str, int]:
        text = Path(f"/proc/{self._process.pid}/status").read_text()
        return {name: int(value) for name, value in re.findall(r"^(VmRSS|VmHWM|Threads):\s+(\d+)", text, re.MULTILINE)}

    def _watch(self) -> None:
        while not self._done.wait(self._period_s):
            try:
                self._sizes.append(self.size())
            except (OSError, KeyError):
                return
