"""A program that runs as our child and never outlives us."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tools.services.account import Account, remove
from tools.services.guard import Guard
from tools.services.missing import ServerDied

# Machines that run tests are slow at times, and nobody wants a test to fail for it.
PATIENCE_S = 180.0

WITHIN = "{within}"
"""In a command: the folder `within`, by a path that works whatever user the program runs under."""


class Child:
    """One program with its log: started, asked to stop, killed and started again as often as one likes.

    It runs in a session of its own, so that Ctrl-C in a terminal reaches only us. Where this process dies, by whatever,
    a guard ends the program and removes `scratch`.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        environment: Mapping[str, str] | None = None,
        account: Account | None = None,
        within: Path | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        scratch: Sequence[Path] = (),
    ) -> None:
        self.name = name
        self.log = log
        self._command = list(command)
        self._environment = dict(os.environ if environment is None else environment)
        self._account = account
        self._within = within
        self._stop_signal = stop_signal
        self._scratch = list(scratch)
        self._guard: Guard | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._asked = False

    @property
    def pid(self) -> int:
        """The process id; 0 while it does not run."""
        return self._process.pid if self._process is not None and self._process.poll() is None else 0

    @property
    def running(self) -> bool:
        """Whether it runs now."""
        return self.pid != 0

    @property
    def exit_status(self) -> int | None:
        """How the last run ended, as subprocess has it; None before that."""
        return self._process.poll() if self._process is not None else None

    def start(self, ready: Callable[[], bool] | None = None, patience_s: float = PATIENCE_S) -> None:
        """Start it and wait until `ready` says so.

        Raises:
            ServerDied: it ended, or was not ready after `patience_s` seconds.

        """
        if self.running:
            return
        if self._guard is None:
            self._guard = Guard(self._stop_signal.name.removeprefix("SIG"), self._scratch)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._asked = False
        with self.log.open("ab") as log:
            self._process = self._spawn(log)
        self._guard.watch(self._process.pid)
        if ready is not None:
            self.wait_until(ready, patience_s)

    def _spawn(self, log: IO[bytes]) -> subprocess.Popen[bytes]:
        account = self._account
        with self._opened() as (folders, path):
            return subprocess.Popen(
                [path if word == WITHIN else word for word in self._command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment,
                cwd="/",
                pass_fds=folders,
                start_new_session=True,
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
            )

    @contextmanager
    def _opened(self) -> Iterator[tuple[list[int], str]]:
        # What lies under root's folders is often out of another user's reach by name, but not when it is handed over.
        if self._within is None or self._account is None:
            yield [], str(self._within)
            return
        folder = os.open(self._within, os.O_RDONLY | os.O_DIRECTORY)
        try:
            yield [folder], f"/proc/self/fd/{folder}"
        finally:
            os.close(folder)

    def wait_until(self, ready: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
        """Wait for a running program to be ready.

        Raises:
            ServerDied: it ended, or was not ready after `patience_s` seconds.

        """
        deadline = time.monotonic() + patience_s
        while not ready():
            if not self.running:
                raise ServerDied(f"{self.name} ended with status {self.exit_status}:\n{self.last_lines()}")
            if time.monotonic() > deadline:
                raise ServerDied(f"{self.name} was not ready after {patience_s:.0f} s:\n{self.last_lines()}")
            time.sleep(0.02)

    def ask_to_stop(self) -> None:
        """Send the signal that asks it to end, once however often this is called, and return at once."""
        if self._process is not None and self.running and not self._asked:
            self._asked = True
            self._process.send_signal(self._stop_signal)

    def stop(self, patience_s: float = PATIENCE_S) -> bool:
        """Ask it to end and wait; kill it after `patience_s`. Gives whether it went by itself."""
        self.ask_to_stop()
        if self._process is not None:
            try:
                self._process.wait(patience_s)
            except subprocess.TimeoutExpired:
                self.kill()
                return False
        self._unwatch()
        return True

    def kill(self) -> None:
        """Kill -9 it with what it started, and wait until it is gone."""
        if self._process is not None:
            if self.running:
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._unwatch()

    def pause(self) -> None:
        """Let it hang: it keeps its connections and answers nothing."""
        if self._process is not None and self.running:
            os.killpg(self._process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """End a pause."""
        if self._process is not None and self.running:
            os.killpg(self._process.pid, signal.SIGCONT)

    def close(self) -> None:
        """Kill it, remove its scratch folders, and let go of everything."""
        self.kill()
        if self._guard is not None:
            self._guard.close()
            self._guard = None
        for folder in self._scratch:
            remove(folder)

    def _unwatch(self) -> None:
        if self._guard is not None:
            self._guard.watch(0)

    def last_lines(self, count: int = 15) -> str:
        """The end of its log."""
        try:
            with self.log.open("rb") as log:
                log.seek(max(0, log.seek(0, os.SEEK_END) - 16_384))
                text = log.read().decode(errors="replace")
        except FileNotFoundError:
            return ""
        return "\n".join(text.splitlines()[-count:])
