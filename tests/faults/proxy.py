"""An HTTP proxy on the loopback that does to some requests what networks and stores do, drawn by a seed.

`Proxy("127.0.0.1", 9000, Plan({"refuse": 0.3}, seed=1))` stands before a server; `proxy.port` is where to go instead.
Host and path are passed on as they come, so signed requests stay valid.
"""

from __future__ import annotations

import http.client
import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

Fault = Literal["refuse", "reset", "reset_after", "reset_amid", "truncate", "wrong_bytes", "wrong_request", "down"]
"""`refuse`: 503. `reset`: before the server sees it. `reset_after`: once the server has done it. `reset_amid` and
`truncate`: half of the answer, then an error or a plain end. `wrong_bytes`, `wrong_request`: a byte of the answer's or
the request's body is another. `down`: the connection ends at once."""


class Plan:
    """Which requests suffer what: shares by fault, among those that `only(method, path)` picks."""

    def __init__(
        self,
        shares: Mapping[Fault, float] | None = None,
        *,
        seed: int = 0,
        only: Callable[[str, str], bool] = lambda method, path: True,
    ) -> None:
        self._shares = dict(shares or {})
        self._rng = random.Random(seed)
        self._only = only
        self._lock = threading.Lock()
        self.done: Counter[str] = Counter()

    def draw(self, method: str, path: str) -> str:
        """What happens to this request; "" for nothing."""
        with self._lock:
            number = self._rng.random()
            if not self._only(method, path):
                return ""
            for fault, share in self._shares.items():
                number -= share
                if number < 0:
                    self.done[fault] += 1
                    return fault
            return ""


class Proxy:
    """Listens as long as it is open. `plan` may be exchanged at any time."""

    def __init__(self, host: str, port: int, plan: Plan | None = None) -> None:
        self.plan = plan or Plan()
        self._upstream = (host, port)
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.proxy = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    def connect(self) -> http.client.HTTPConnection:
        """A connection to the server behind it."""
        return http.client.HTTPConnection(*self._upstream, timeout=60)

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    proxy: Proxy

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Connections break here all the time."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _handle(self) -> None:
        proxy = self.server.proxy  # type: ignore[attr-defined]
        fault = proxy.plan.draw(self.command, self.path)
        body = bytearray(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
        if fault in ("down", "reset"):
            return self._hang_up(reset=fault == "reset")
        if fault == "refuse":
            return self._answer(503, [("Content-Type", "text/plain")], b"busy")
        if fault == "wrong_request" and body:
            body[len(body) // 2] ^= 1
        status, headers, answer = self._forward(proxy.connect(), bytes(body))
        if fault == "reset_after":
            return self._hang_up(reset=True)
        if fault in ("reset_amid", "truncate") and answer:
            self._answer(status, headers, answer, send=len(answer) // 2)
            return self._hang_up(reset=fault == "reset_amid")
        if fault == "wrong_bytes" and answer:
            damaged = bytearray(answer)
            damaged[len(damaged) // 2] ^= 1
            answer = bytes(damaged)
        return self._answer(status, headers, answer)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _handle  # noqa: N815

    def _forward(self, upstream: http.client.HTTPConnection, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        try:
            upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                upstream.putheader(name, value)
            upstream.endheaders(body or None)
            response = upstream.getresponse()
            return response.status, response.getheaders(), response.read()
        finally:
            upstream.close()

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes, *, send: int | None = None) -> None:
        self.send_response_only(status)
        told = {name.lower(): value for name, value in headers}
        for name, value in headers:
            if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                self.send_header(name, value)
        if self.command == "HEAD" and "content-length" in told:
            self.send_header(
                "Content-Length", next(value for name, value in headers if name.lower() == "content-length")
            )
        elif status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body if send is None else body[:send])
            self.wfile.flush()

    def _hang_up(self, *, reset: bool) -> None:
        self.close_connection = True
        if reset:  # no lingering: the other side sees a reset, not an end
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def log_message(self, *_: object) -> None:
        """Silence."""
