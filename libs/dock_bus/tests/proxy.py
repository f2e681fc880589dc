"""A way to a NATS server on which chosen answers get lost."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable
from contextlib import suppress

_MESSAGE = re.compile(rb"H?MSG ")


class LossyWay:
    """Listens on the loopback and passes everything on, but for messages to the client whose text `loses` picks."""

    def __init__(self, port: int, loses: Callable[[bytes], bool]) -> None:
        self._behind = port
        self._loses = loses
        self.lost = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = [self._listener]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        for each in self._sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                here, _ = self._listener.accept()
                there = socket.create_connection(("127.0.0.1", self._behind))
                self._sockets += [here, there]
                threading.Thread(target=self._up, args=(here, there), daemon=True).start()
                threading.Thread(target=self._down, args=(there, here), daemon=True).start()

    def _up(self, here: socket.socket, there: socket.socket) -> None:
        with suppress(OSError):
            while data := here.recv(1 << 16):
                there.sendall(data)
        there.close()

    def _down(self, there: socket.socket, here: socket.socket) -> None:
        with suppress(OSError, ValueError), there.makefile("rb") as stream:
            while line := stream.readline():
                body = stream.read(int(line.split()[-1]) + 2) if _MESSAGE.match(line) else b""
                if body and self._loses(body):
                    self.lost += 1
                else:
                    here.sendall(line + body)
        here.close()
