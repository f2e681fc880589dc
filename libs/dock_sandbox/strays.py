"""Beginnings of sandboxes whose dock died at the moment it started them.

bubblewrap binds its child to itself only when the child runs; where the dock, and with it bubblewrap, is killed just
before, the child waits for ever for a word to go on. Nothing of a package has run in it, and nobody will miss it.
"""

from __future__ import annotations

import contextlib
import os
import signal
from functools import lru_cache
from pathlib import Path

from dock_sandbox.bubblewrap import RUNTIME
from learndock.runtime import LAUNCHER

_PROGRAM = "bwrap"


@lru_cache(maxsize=1)
def sweep_once() -> int:
    """End the beginnings that nobody waits for, at the first call of a process; how many."""
    found = strays()
    for pid in found:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
    return len(found)


def strays() -> list[int]:
    """Such processes: bubblewrap's child in a name space of its own, for our launcher, and its parent is gone."""
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit() and _is_stray(path)]


def _is_stray(path: Path) -> bool:
    try:
        if (path / "comm").read_text().strip() != _PROGRAM:
            return False
        status = dict(line.split(":", 1) for line in (path / "status").read_text().splitlines() if ":" in line)
        command = (path / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    deeper = len(status.get("NSpid", "").split()) > len(_own_numbers())
    return deeper and f"{RUNTIME}/{LAUNCHER}".encode() in command and not _is_bubblewrap(status["PPid"].strip())


def _is_bubblewrap(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip() == _PROGRAM
    except OSError:
        return False


@lru_cache(maxsize=1)
def _own_numbers() -> list[str]:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next((line.split()[1:] for line in lines if line.startswith("NSpid:")), [""])
