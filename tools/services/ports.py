"""Ports that are free, and stay free while a server is down."""

from __future__ import annotations

import json
import random
import socket
from pathlib import Path

# Below what systems give to outgoing connections: a server that was stopped finds its port again.
_LOWEST, _HIGHEST = 15_000, 32_000
_random = random.SystemRandom()
_given: set[int] = set()
"""What this process has given out, and may only now be starting a server for."""


def free_port() -> int:
    """A port of the loopback on which nobody listens now; no port is given twice."""
    for _ in range(1_000):
        port = _random.randrange(_LOWEST, _HIGHEST)
        if port in _given:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            _given.add(port)
            return port
    raise RuntimeError("no port is free on the loopback")


class PortBook:
    """A port for each name, the same one again as long as it is free; kept in a file where one is given."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        kept = file is not None and file.exists()
        self._ports: dict[str, int] = json.loads(file.read_text(encoding="utf-8")) if kept and file else {}
        _given.update(self._ports.values())
        self.moved: dict[str, tuple[int, int]] = {}
        """Who has another port than last time, as somebody else listens there: the old one and the new one."""

    def port(self, name: str) -> int:
        """The port of `name`, on which nobody listens now."""
        kept = self._ports.get(name)
        if kept is None or listens(kept):
            fresh = free_port()
            if kept is not None:
                self.moved[name] = kept, fresh
            self._ports[name] = kept = fresh
            if self._file is not None:
                self._file.write_text(json.dumps(self._ports, indent=2), encoding="utf-8")
        return kept


def listens(port: int) -> bool:
    """Whether somebody takes connections at this port of the loopback."""
    with socket.socket() as probe:
        probe.settimeout(5)
        return probe.connect_ex(("127.0.0.1", port)) == 0
