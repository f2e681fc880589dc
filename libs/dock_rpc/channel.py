"""Channels that raise the errors the server raised, with deadlines, retries and keepalive set."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import grpc

from dock_rpc import bearer
from dock_rpc.address import Address
from dock_rpc.status import error_from_call
from dock_rpc.tls import ClientTls, explain
from dock_trace import HEADER, Span, begin
from learndock.errors import DockError, FailedPrecondition, Overloaded

UNARY_S = 30.0
STREAM_S = 600.0
UNNAMED_PAUSE_S = 1.0
_UPLOADS = {"service": "dockapi.ingestion.v1.IngestionService", "method": "WriteUpload"}
_RETRY = {
    "maxAttempts": 5,
    "initialBackoff": "0.1s",
    "maxBackoff": "1s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE"],
}
_SERVICE_CONFIG = {
    "loadBalancingConfig": [{"round_robin": {}}],
    # Uploads go on from what the server holds, which the client asks for; sending again blindly would be wrong.
    "methodConfig": [{"name": [_UPLOADS]}, {"name": [{}], "retryPolicy": _RETRY}],
    "retryThrottling": {"maxTokens": 100, "tokenRatio": 0.5},
}


def channel(
    address: str,
    *,
    max_message_bytes: int = 64 << 20,
    patience_s: float = 0.0,
    tls: ClientTls | None = None,
    token: bearer.Secret = bearer.no_token,
    token_in_clear: bool = False,
    named_by: str = "",
) -> grpc.Channel:
    """A channel to `address` whose calls raise learndock.errors, also in the middle of a stream.

    A call without a timeout gets 30 s, or 10 min where a side streams. UNAVAILABLE is tried up to five times
    within some 2 s; a dock that is down is Unavailable DOCK_UNREACHABLE. A call without streams that is Overloaded is
    tried again at the time that the dock names, as long as that is within `patience_s` of its start; one made as a
    future is not. Nothing is connected before the first call.

    TLS is spoken to an https:// address, and to any that does not say where `tls` (as DOCK_TLS_… say, unless given)
    names an authority or a certificate. What `token` gives goes along with each call; over a line that others may read
    it goes only where `token_in_clear`: FailedPrecondition TOKEN_IN_CLEAR. `named_by` is the setting that the address
    came from, for the hint of who finds nobody there; unset, it is DOCK_URL.
    """
    tls = ClientTls.of_environment() if tls is None else tls
    where = Address.parse(address, secure=tls.wanted)
    options = _options(where, max_message_bytes)
    if where.secure:
        raw = grpc.secure_channel(where.target, tls.credentials(), options=options)
    else:
        raw = grpc.insecure_channel(where.target, options=options)
    return grpc.intercept_channel(raw, _Dealings(_Line(where, tls, token, token_in_clear, named_by), patience_s))


def _options(address: Address, max_message_bytes: int) -> list[tuple[str, Any]]:
    return [
        ("grpc.service_config", json.dumps(_SERVICE_CONFIG)),
        ("grpc.enable_retries", 1),
        ("grpc.max_receive_message_length", max_message_bytes),
        ("grpc.max_send_message_length", max_message_bytes),
        ("grpc.keepalive_time_ms", 60_000),
        ("grpc.keepalive_timeout_ms", 20_000),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.initial_reconnect_backoff_ms", 200),
        ("grpc.min_reconnect_backoff_ms", 2_000),
        ("grpc.max_reconnect_backoff_ms", 2_000),
        ("grpc.enable_http_proxy", 0 if address.on_this_machine else 1),
        *([("grpc.default_authority", address.authority)] if address.authority else []),
    ]


@dataclass(frozen=True)
class _Line:
    """What calls over a channel share: where it leads, and who speaks."""

    address: Address
    tls: ClientTls
    token: bearer.Secret
    token_in_clear: bool
    named_by: str = ""

    def credentials(self) -> list[tuple[str, str]]:
        secret = self.token()
        if not secret:
            return []
        if not (self.address.secure or self.address.on_this_machine or self.token_in_clear):
            raise FailedPrecondition(
                f"A token would go to {self.address} over a line that others can read.",
                reason="TOKEN_IN_CLEAR",
                hint=f"Use https://{self.address.target}. Where the line itself is safe, set DOCK_TOKEN_IN_CLEAR=1.",
                details={"address": str(self.address)},
            )
        return [bearer.header(secret)]

    def error(self, call: Any) -> DockError:
        found = error_from_call(call, str(self.address))
        if found.reason != "DOCK_UNREACHABLE":
            return found
        if self.named_by:
            found.hint = f"Start the service there, or name another place with {self.named_by}."
        return explain(self.address, self.tls) or found


class _Details(NamedTuple):
    method: str
    timeout: float | None
    metadata: Any
    credentials: Any
    wait_for_ready: Any
    compression: Any


class _Dealings(
    grpc.UnaryUnaryClientInterceptor,
    grpc.UnaryStreamClientInterceptor,
    grpc.StreamUnaryClientInterceptor,
    grpc.StreamStreamClientInterceptor,
):
    """Sets deadline and trace id of each call, has its errors rebuilt, and comes back when it is told to."""

    def __init__(self, line: _Line, patience_s: float) -> None:
        self._line = line
        self._patience_s = patience_s

    def intercept_unary_unary(self, continuation: Callable[..., Any], details: Any, request: Any) -> Any:
        complete = self._complete(details, UNARY_S)
        end = time.monotonic() + self._patience_s
        while True:
            answer = _Answer(self._traced(continuation, complete, request), self._line)
            pause = _pause_named_by(answer)
            if pause is None or time.monotonic() + pause > end:
                return answer
            time.sleep(pause)

    def intercept_unary_stream(self, continuation: Callable[..., Any], details: Any, request: Any) -> Any:
        return _Stream(self._traced(continuation, self._complete(details, STREAM_S), request), self._line)

    def intercept_stream_unary(self, continuation: Callable[..., Any], details: Any, requests: Any) -> Any:
        return _Answer(self._traced(continuation, self._complete(details, STREAM_S), requests), self._line)

    def intercept_stream_stream(self, continuation: Callable[..., Any], details: Any, requests: Any) -> Any:
        return _Stream(self._traced(continuation, self._complete(details, STREAM_S), requests), self._line)

    def _traced(self, continuation: Callable[..., Any], details: _Details, request: Any) -> Any:
        """Make the call as a span of its own, unless the caller says which it belongs to."""
        if any(key == HEADER for key, _ in details.metadata):
            return continuation(details, request)
        name = details.method.strip("/")
        call = begin(name, kind="client", attributes={"rpc.system.name": "grpc", "rpc.method": name})
        known = [*details.metadata, (HEADER, call.context.traceparent)]
        answer = continuation(details._replace(metadata=known), request)
        if answer.done() or not answer.add_callback(lambda: _ended(call, answer)):
            _ended(call, answer)
        return answer

    def _complete(self, details: Any, timeout: float) -> _Details:
        metadata = [pair for pair in details.metadata or () if pair[0] != bearer.HEADER]
        metadata += self._line.credentials()
        return _Details(
            details.method,
            timeout if details.timeout is None else details.timeout,
            metadata,
            details.credentials,
            details.wait_for_ready,
            details.compression,
        )


def _ended(call: Span, answer: Any) -> None:
    code = answer.code()
    name = "OK" if code is None else str(code.name)
    call.set("rpc.response.status_code", name)
    if name != "OK":
        call.fail(name)
    call.end()


class _Answer(grpc.Call, grpc.Future):  # type: ignore[type-arg]
    """A call with one response, whose failure is an error of ours."""

    def __init__(self, call: Any, line: _Line) -> None:
        self._call = call
        self._line = line

    def result(self, timeout: float | None = None) -> Any:
        try:
            return self._call.result(timeout)
        except grpc.RpcError as error:
            raise self._line.error(error) from None

    def exception(self, timeout: float | None = None) -> Any:
        error = self._call.exception(timeout)
        return self._line.error(error) if isinstance(error, grpc.RpcError) else error

    def traceback(self, timeout: float | None = None) -> Any:
        return self._call.traceback(timeout)

    def add_done_callback(self, fn: Callable[[Any], None]) -> None:
        self._call.add_done_callback(lambda _call: fn(self))

    def cancel(self) -> bool:
        return bool(self._call.cancel())

    def cancelled(self) -> bool:
        return bool(self._call.cancelled())

    def running(self) -> bool:
        return bool(self._call.running())

    def done(self) -> bool:
        return bool(self._call.done())

    def is_active(self) -> bool:
        return bool(self._call.is_active())

    def time_remaining(self) -> Any:
        return self._call.time_remaining()

    def add_callback(self, callback: Callable[[], None]) -> bool:
        return bool(self._call.add_callback(callback))

    def initial_metadata(self) -> Any:
        return self._call.initial_metadata()

    def trailing_metadata(self) -> Any:
        return self._call.trailing_metadata()

    def code(self) -> Any:
        return self._call.code()

    def details(self) -> Any:
        return self._call.details()


def _pause_named_by(answer: _Answer) -> float | None:
    """Seconds after which an overloaded dock wants to be asked again, spread so that not all come at once."""
    if not answer.done() or answer.code() is not grpc.StatusCode.RESOURCE_EXHAUSTED:
        return None
    error = answer.exception()
    if not isinstance(error, Overloaded):
        return None
    return (error.retry_after_s or UNNAMED_PAUSE_S) * random.uniform(1.0, 1.5)  # noqa: S311 - spreads, hides nothing


class _Stream(_Answer):
    """A call with many responses; iterating raises errors of ours, wherever in the stream they come."""

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        try:
            return next(self._call)
        except grpc.RpcError as error:
            raise self._line.error(error) from None
