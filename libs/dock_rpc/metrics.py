"""What Prometheus sees of the calls a process serves, and the HTTP endpoint it is read from."""

from __future__ import annotations

import errno
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import grpc
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer

from dock_rpc.interception import Method
from learndock.errors import FailedPrecondition

BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)

SEMCONV_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""Those that OpenTelemetry's conventions for RPC advise."""


class ServerMetrics:
    """Counts and times calls. One for each registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._handled = Counter(
            "dock_rpc_server_handled_total",
            "Calls that ended, by gRPC code.",
            ["target", "method", "code"],
            registry=registry,
        )
        self._seconds = Histogram(
            "dock_rpc_server_handling_seconds",
            "Time from a call's arrival to its end; streams last as long as they are open.",
            ["target", "method"],
            buckets=BUCKETS_S,
            registry=registry,
        )
        self._duration = Histogram(
            "rpc_server_call_duration_seconds",
            "The same durations under OpenTelemetry's name, rpc.server.call.duration.",
            ["rpc_system_name", "rpc_method", "rpc_response_status_code"],
            buckets=SEMCONV_BUCKETS_S,
            registry=registry,
        )
        self._running = Gauge(
            "dock_rpc_server_running_calls",
            "Calls being served now.",
            ["target"],
            registry=registry,
        )

    @contextmanager
    def around(self, method: Method, context: grpc.ServicerContext) -> Iterator[None]:
        """Count and time one call."""
        start = time.perf_counter()
        code = "OK"
        with self._running.labels(method.target).track_inprogress():
            try:
                yield
                code = code_name(context, "OK")
            except GeneratorExit:
                code = "CANCELLED"
                raise
            except BaseException:
                code = code_name(context, "UNKNOWN")
                raise
            finally:
                self._handled.labels(method.target, method.name, code).inc()
                seconds = time.perf_counter() - start
                self._seconds.labels(method.target, method.name).observe(seconds)
                self._duration.labels("grpc", f"{method.service}/{method.name}", code).observe(seconds)


def code_name(context: grpc.ServicerContext, default: str) -> str:
    """The name of the code that a call ends with, or `default` where nothing has set one."""
    code = context.code()  # type: ignore[attr-defined]
    return default if code is None else str(code.name)


def serve_metrics(
    registry: CollectorRegistry, port: int, *, host: str = "127.0.0.1", missing: Callable[[], str] = lambda: ""
) -> int:
    """Serve /metrics, /livez and /readyz in a daemon thread as long as the process lives; return the port.

    Port 0 takes a free one. /readyz answers 503 with what `missing` says for as long as it says anything.
    FailedPrecondition ADDRESS_TAKEN.
    """
    try:
        kind = _OverIPv6 if ":" in host else ThreadingWSGIServer
        server = make_server(host.strip("[]"), port, _pages(registry, missing), kind, handler_class=_Silent)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise address_taken(f"{host}:{port}") from error
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return int(server.server_port)


def _pages(registry: CollectorRegistry, missing: Callable[[], str]) -> Callable[[Any, Any], Iterable[bytes]]:
    metrics: Callable[[Any, Any], Iterable[bytes]] = make_wsgi_app(registry)

    def page(environ: Any, start_response: Any) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path not in ("/livez", "/readyz"):
            return metrics(environ, start_response)
        lacks = missing() if path == "/readyz" else ""
        start_response(
            "503 Service Unavailable" if lacks else "200 OK", [("Content-Type", "text/plain; charset=utf-8")]
        )
        return [f"{lacks or 'ok'}\n".encode()]

    return page


class _OverIPv6(ThreadingWSGIServer):
    address_family = socket.AF_INET6


class _Silent(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name in the class above
        """Scrapes are no news."""


def address_taken(address: str) -> FailedPrecondition:
    """The error of a port that somebody else listens on."""
    return FailedPrecondition(
        f"Something else listens on {address} already.",
        reason="ADDRESS_TAKEN",
        hint="Stop it, or choose another port; 0 takes a free one.",
        details={"address": address},
    )
