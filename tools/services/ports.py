"""Ports that are free, and stay free while a server is down."""

from __future__ import annotations

import random
import socket

# Below what systems give to outgoing connections: a server that was stopped finds its port again.
_LOWEST, _HIGHEST = 15_000, 32_000
_random = random.SystemRandom()


def free_port() -> int:
    """A port of the loopback on which nobody listens now."""
    for _ in range(1_000):
        port = _random.randrange(_LOWEST, _HIGHEST)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no port is free on the loopback")


def listens(port: int) -> bool:
    """Whether somebody takes connections at this port of the loopback."""
    with socket.socket() as probe:
        probe.settimeout(5)
        return probe.connect_ex(("127.0.0.1", port)) == 0
