"""What can be seen of an attack from outside."""

from __future__ import annotations

import socket
import time
from pathlib import Path


def commands() -> list[str]:
    """Command lines of all processes of this host."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"))
        except OSError:
            continue
    return found


def runs(marker: str) -> bool:
    """Whether a process with this word in its command line runs now."""
    return any(marker in command for command in commands())


def appears(marker: str, *, patience_s: float = 5.0) -> bool:
    """Whether such a process is there, or comes soon: a new one has no command line for a moment."""
    deadline = time.monotonic() + patience_s
    while not runs(marker) and time.monotonic() < deadline:
        time.sleep(0.02)
    return runs(marker)


def named(name: str) -> int:
    """How many processes of this host go by a name."""
    found = 0
    for path in Path("/proc").glob("[0-9]*/comm"):
        try:
            found += path.read_text().strip() == name
        except OSError:
            continue
    return found


def heard(listener: socket.socket) -> bool:
    """Whether somebody called."""
    try:
        listener.accept()
    except TimeoutError:
        return False
    return True
