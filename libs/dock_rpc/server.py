"""A gRPC server as the dock's services want it: health, reflection, errors, metrics, logs, graceful stop."""

from __future__ import annotations

import errno
import logging
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from prometheus_client import CollectorRegistry

from dock_rpc.certificates import ServerTls
from dock_rpc.doorman import Doorman, Workers
from dock_rpc.interception import Method, Surround
from dock_rpc.metrics import ServerMetrics, address_taken, code_name
from dock_rpc.status import error_to_status, opaque_error
from dock_trace import TraceContext, current_trace_id, span
from learndock.errors import DockError, Internal, InvalidInput, Overloaded

Servicer = tuple[str, Callable[[Any, Any], None], Any]
"""Full name of the service, the stub module's add function, the servicer."""
WAITING_PER_WORKER = 8
LARGEST_ANSWER_BYTES = 64 << 20
AGE_GRACE_MS = 30_000
OWN_FAULTS = frozenset({"UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"})
"""Codes that make a server's span one that failed; the others are answers."""
_log = logging.getLogger(__name__)
_calls = logging.getLogger("dock_rpc.calls")


class Server:
    """A bound server. Health answers NOT_SERVING until `start` and again from `stop` on."""

    def __init__(self, server: grpc.Server, port: int, checks: health.HealthServicer, services: Sequence[str]) -> None:
        self._server = server
        self._checks = checks
        self._services = ("", *services)
        self.port = port

    def start(self, *, ready: bool = True) -> None:
        """Take calls. Without `ready`, health answers NOT_SERVING until `be_ready`."""
        self._server.start()
        if ready:
            self.be_ready()

    def be_ready(self) -> None:
        """Say by health that calls are served; after `drain` it is not said any more."""
        for service in self._services:
            self._checks.set(service, health_pb2.HealthCheckResponse.SERVING)

    def drain(self) -> None:
        """Say by health that no more calls should come; those that do are still served."""
        self._checks.enter_graceful_shutdown()

    def stop(self, grace: float = 5.0) -> None:
        """Drain, take no new calls, give running ones `grace` seconds, then cancel them. Idempotent."""
        self.drain()
        self._server.stop(grace).wait()

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop(0.5)


def build_server(
    servicers: Sequence[Servicer],
    *,
    address: str,
    registry: CollectorRegistry | None = None,
    max_workers: int = 32,
    max_message_bytes: int = 16 << 20,
    max_connection_age_s: float = 0.0,
    tls: ServerTls | None = None,
    gate: grpc.ServerInterceptor | None = None,
    private_address: str = "",
    reflected: bool = True,
) -> Server:
    """A server of `servicers`, bound to `address` ("host:port", port 0 takes a free one) and not started yet.

    Calls that stream their answer get half of the threads at most: see StreamCap. When eight calls a thread run and
    wait, others are turned away: see Doorman. `max_message_bytes` bounds what one may send in a message. Connections
    older than `max_connection_age_s` are ended when their calls are, at the latest 30 s later, so that clients spread
    over replicas that came since; 0 keeps them. With `tls` the port speaks nothing else; `private_address` ("unix:…")
    is bound too, without, for the process itself. `gate` lets calls in or not; health is open all the same. `reflected`
    says whether anybody may ask which methods there are.
    FailedPrecondition ADDRESS_TAKEN; InvalidInput ADDRESS_INVALID.
    """
    names = [name for name, _, _ in servicers]
    metrics = ServerMetrics(registry if registry is not None else CollectorRegistry())
    surrounds = (trace_calls, log_calls, metrics.around, map_errors)
    gates = [gate] if gate is not None else []  # before anything is taken up, after errors have words
    workers, most = Workers(max_workers), max_workers * WAITING_PER_WORKER
    server = grpc.server(
        workers,
        interceptors=[
            *(Surround(around, names) for around in surrounds),
            *gates,
            Surround(StreamCap(max_workers // 2).around, names),
            Doorman(workers, most, names),
        ],
        options=_options(max_message_bytes, max_connection_age_s),
        maximum_concurrent_rpcs=4 * most,  # beyond that even refusals would pile up: gRPC refuses, with no word
    )
    for _, add, servicer in servicers:
        add(servicer, server)
    checks = _add_health(server, names)
    if reflected:
        reflection.enable_server_reflection([*names, health.SERVICE_NAME, reflection.SERVICE_NAME], server)
    if private_address:
        server.add_insecure_port(private_address)
    return Server(server, _bind(server, address, tls), checks, names)


def _options(max_message_bytes: int, max_connection_age_s: float) -> list[tuple[str, int]]:
    ages = [
        ("grpc.max_connection_age_ms", round(max_connection_age_s * 1e3)),
        ("grpc.max_connection_age_grace_ms", AGE_GRACE_MS),
    ]
    return [
        *(ages if max_connection_age_s else []),
        ("grpc.so_reuseport", 0),
        ("grpc.max_receive_message_length", max_message_bytes),
        ("grpc.max_send_message_length", LARGEST_ANSWER_BYTES),
        ("grpc.http2.min_ping_interval_without_data_ms", 30_000),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.keepalive_time_ms", 120_000),
        ("grpc.keepalive_timeout_ms", 20_000),
    ]


def _add_health(server: grpc.Server, names: Sequence[str]) -> health.HealthServicer:
    checks = health.HealthServicer()
    for name in ("", *names):
        checks.set(name, health_pb2.HealthCheckResponse.NOT_SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    return checks


def _bind(server: grpc.Server, address: str, tls: ServerTls | None) -> int:
    _check_port(address)
    credentials = tls.credentials() if tls is not None else None
    try:
        if credentials is None:
            port = int(server.add_insecure_port(address))
        else:
            port = int(server.add_secure_port(address, credentials))
    except RuntimeError as error:
        raise _bind_error(address) from error
    if port == 0:
        raise _bind_error(address)
    return port


def _check_port(address: str) -> None:
    _, colon, port = address.rpartition(":")
    if not colon or not port.isdecimal():
        raise _address_invalid(address, "it is not host:port")
    if int(port) > 65535:
        raise _address_invalid(address, "ports end at 65535")


def _bind_error(address: str) -> DockError:
    host, _, port = address.rpartition(":")
    try:
        family, kind, _, _, where = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.bind(where)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            return _address_invalid(address, error.strerror or str(error))
    return address_taken(address)


def _address_invalid(address: str, text: str) -> InvalidInput:
    return InvalidInput(
        f"The dock can't listen on {address}: {text}.",
        reason="ADDRESS_INVALID",
        hint="Give a host of this machine and a port, such as 127.0.0.1:50051.",
        details={"address": address},
    )


@contextmanager
def trace_calls(method: Method, context: grpc.ServicerContext) -> Iterator[None]:
    """A span for each call, in its caller's trace or in one of its own."""
    name = f"{method.service}/{method.name}"
    with span(
        name,
        kind="server",
        parent=TraceContext.of_metadata(context.invocation_metadata()),
        attributes={"rpc.system.name": "grpc", "rpc.method": name},
        about={"target": method.target},
    ) as call:
        code = "CANCELLED"
        try:
            yield
            code = code_name(context, "OK")
        except Exception:
            code = code_name(context, "UNKNOWN")
            raise
        finally:
            call.set("rpc.response.status_code", code)
            call.error = code if code in OWN_FAULTS else ""


@contextmanager
def log_calls(method: Method, context: grpc.ServicerContext) -> Iterator[None]:
    """One line for each call that ended: failures at INFO; answers, and streams the client left, at DEBUG."""
    start = time.perf_counter()
    trace_id = current_trace_id()
    code, reason = "CANCELLED", ""
    try:
        yield
        code = code_name(context, "OK")
    except Exception as error:
        code = code_name(context, "UNKNOWN")
        reason = error.__cause__.reason if isinstance(error.__cause__, DockError) else ""
        raise
    finally:
        seconds = round(time.perf_counter() - start, 6)
        fields = {"target": method.target, "method": method.name, "code": code, "seconds": seconds}
        if reason:
            fields["reason"] = reason
        level = logging.DEBUG if code in ("OK", "CANCELLED") else logging.INFO
        told = f"{code} {reason}".rstrip()
        line = "%s %s %s in %.3f s"
        _calls.log(level, line, method.target, method.name, told, seconds, extra=fields | {"trace_id": trace_id})


@contextmanager
def map_errors(method: Method, context: grpc.ServicerContext) -> Iterator[None]:
    """Turn what a servicer raises into a status: ours with everything they say, others as INTERNAL and a trace id."""
    try:
        yield
    except Internal as error:
        _log.exception("%s %s failed: %s", method.target, method.name, error.message)
        _abort(context, opaque_error(error.details.get("trace_id") or current_trace_id()))
    except DockError as error:
        _abort(context, error)
    except Exception as error:
        if isinstance(error, grpc.RpcError) and not context.is_active():  # the client went while it was sending
            context.set_code(grpc.StatusCode.CANCELLED)
            raise
        if code_name(context, "OK") != "OK":
            raise
        _log.exception("%s %s failed", method.target, method.name)
        _abort(context, opaque_error(current_trace_id()))


def _abort(context: grpc.ServicerContext, error: DockError) -> NoReturn:
    """End the call with `error`, which is the cause of what is raised: whoever logs the call names its reason."""
    try:
        context.abort_with_status(error_to_status(error))
    except Exception as ended:
        raise ended from error


class StreamCap:
    """Keeps threads free for short calls: watchers and downloads beyond `limit` are told to come back.

    One method gets three quarters of them at most, so that a crowd of watchers does not keep out those who download.
    """

    def __init__(self, limit: int) -> None:
        self._limit = max(1, limit)
        self._of_one = self._limit - self._limit // 4
        self._lock = threading.Lock()
        self._open: Counter[Method] = Counter()

    @contextmanager
    def around(self, method: Method, _context: grpc.ServicerContext) -> Iterator[None]:
        """Surround a call. Overloaded STREAMS_BUSY."""
        if not method.streams:
            yield
            return
        with self._lock:
            if sum(self._open.values()) >= self._limit or self._open[method] >= self._of_one:
                raise self._busy()
            self._open[method] += 1
        try:
            yield
        finally:
            with self._lock:
                self._open[method] -= 1

    def _busy(self) -> Overloaded:
        return Overloaded(
            f"As many calls as may watch or download at a time, {self._limit}, are under way already.",
            reason="STREAMS_BUSY",
            hint="Try again in a moment; an operator can raise DOCK_WORKERS.",
            retry_after_s=2.0,
        )
