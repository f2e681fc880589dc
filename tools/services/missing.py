"""What a server can't be started for."""

from __future__ import annotations


class ServerMissing(Exception):
    """A server is nowhere on this machine; the message says which, and how to get it."""

    def __init__(self, server: str, how: str) -> None:
        self.server = server
        super().__init__(f"{server} is missing: {how}")


class ServerDied(Exception):
    """A server ended or stayed silent instead of starting; the message has the end of its log."""
