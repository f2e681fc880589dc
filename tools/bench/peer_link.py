"""Asks the peer, which lives in a process and an environment of its own (see tools/peer_env.py)."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from learndock import TableSpecification

HERE = Path(__file__).resolve().parent
PEER_ENV = HERE.parents[1] / ".cache" / "peer-env"
THREADS = 2


class PeerFailed(Exception):
    """The peer raised, died, or took longer than it was given; the message says which."""


def peer_python() -> Path | None:
    """The Python of a complete peer environment, or None."""
    python = PEER_ENV / "bin" / "python"
    return python if (PEER_ENV / ".complete").is_file() and python.exists() else None


class Peer:
    """One process of the peer. Arrays are handed over in files below `folder`, a home of its own that goes with it."""

    def __init__(self) -> None:
        python = peer_python()
        if python is None:
            raise PeerFailed("There is no environment of the peer; make one with: make peer-env")
        self._home = tempfile.TemporaryDirectory(prefix="peer-")
        self.folder = Path(self._home.name)
        self._log = (self.folder / "log").open("w+", encoding="utf-8")
        # It writes into the home folder when imported, and its libraries would ask hubs for models.
        environment = {**os.environ, "HOME": self._home.name, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": str(THREADS)}
        environment.pop("PYTHONPATH", None)
        self._process = subprocess.Popen(
            [str(python), str(HERE / "peer_worker.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env=environment,
            cwd=self.folder,
        )
        self._islands = 0
        self._answers: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()
        self.versions: dict[str, str] = self.ask("hello", threads=THREADS)

    def ask(self, task: str, *, timeout: float = 600.0, **arguments: Any) -> dict[str, Any]:
        """Give what the peer answers. PeerFailed; after a timeout it is dead."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"task": task, **arguments}) + "\n")
            self._process.stdin.flush()
            line = self._answers.get(timeout=timeout)
        except queue.Empty:
            self._process.kill()
            raise PeerFailed(f"{task}: no answer after {timeout:.0f} s") from None
        except BrokenPipeError:
            line = ""
        if not line:
            raise PeerFailed(f"{task}: the peer died\n{self._last_lines()}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise PeerFailed(f"{task}: {answer['error']}")
        found: dict[str, Any] = answer["ok"]
        return found

    def choose_threads(self, table: Any) -> int:
        """Let it have one thread or two, whichever is quicker for it on a table (n, d).

        With two its many small products wait for one another, on a busy machine for long.
        """
        arrays, seconds = self.put("probe", X=table), {}
        for threads in (2, 1):
            self.ask("hello", threads=threads)
            said = self.ask("specify", arrays=arrays, out=self.path("probe_out"), k=100, repeats=3)
            seconds[threads] = said["time"]["wall"]
        best = min(seconds, key=lambda threads: float(seconds[threads]))
        self.ask("hello", threads=best)
        return best

    def put(self, name: str, **arrays: Any) -> str:
        """Write arrays for the peer; gives the path."""
        path = self.folder / f"{name}.npz"
        np.savez(path, **arrays)
        return str(path)

    def put_island(self, specifications: Sequence[TableSpecification], points: int) -> str:
        """Write specifications for the peer, under a new name; points without weight make all equally long."""
        Z = np.zeros((len(specifications), points, specifications[0].dimension))
        B = np.zeros((len(specifications), points))
        for place, each in enumerate(specifications):
            Z[place, : len(each.z)], B[place, : len(each.z)] = each.z, each.beta
        self._islands += 1
        return self.put(f"island{self._islands}", Z=Z, B=B)

    def path(self, name: str) -> str:
        """A path that the peer may write to."""
        return str(self.folder / f"{name}.npz")

    def get(self, name: str) -> Mapping[str, Any]:
        """Arrays that the peer has written to `path(name)`."""
        with np.load(self.path(name)) as arrays:
            return dict(arrays)

    def close(self) -> None:
        """End the process and take its files away."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._log):
            if pipe is not None:
                _close(pipe)
        self._home.cleanup()

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._answers.put(line)
        self._answers.put("")

    def _last_lines(self) -> str:
        self._log.seek(0)
        return self._log.read()[-2_000:]


def _close(pipe: Any) -> None:
    with contextlib.suppress(BrokenPipeError):
        pipe.close()
