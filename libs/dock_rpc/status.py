"""Errors over the wire: learndock.errors to gRPC status with google.rpc details, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import grpc
from google.protobuf.any_pb2 import Any as Packed
from google.protobuf.message import DecodeError, Message

from dockapi.status.v1 import status_pb2 as pb
from learndock.errors import (
    AlreadyExists,
    DeadlineExceeded,
    DockError,
    FailedPrecondition,
    Internal,
    InvalidInput,
    NotFound,
    Overloaded,
    PermissionDenied,
    Unauthenticated,
    Unavailable,
)

DOMAIN = "learndock"
DETAILS_KEY = "grpc-status-details-bin"
_TYPES = "type.googleapis.com/google.rpc."
_MESSAGE_BYTES, _SHORT_BYTES, _HINT_BYTES, _DETAILS_BYTES = 2000, 300, 500, 1500

_CODES: dict[type[DockError], grpc.StatusCode] = {
    InvalidInput: grpc.StatusCode.INVALID_ARGUMENT,
    NotFound: grpc.StatusCode.NOT_FOUND,
    AlreadyExists: grpc.StatusCode.ALREADY_EXISTS,
    FailedPrecondition: grpc.StatusCode.FAILED_PRECONDITION,
    Unauthenticated: grpc.StatusCode.UNAUTHENTICATED,
    PermissionDenied: grpc.StatusCode.PERMISSION_DENIED,
    Overloaded: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Unavailable: grpc.StatusCode.UNAVAILABLE,
    DeadlineExceeded: grpc.StatusCode.DEADLINE_EXCEEDED,
    Internal: grpc.StatusCode.INTERNAL,
}
_CLASSES = {code: cls for cls, code in _CODES.items()}
_PLAIN: dict[grpc.StatusCode, tuple[type[DockError], str]] = {
    grpc.StatusCode.INVALID_ARGUMENT: (InvalidInput, "INVALID_ARGUMENT"),
    grpc.StatusCode.OUT_OF_RANGE: (InvalidInput, "OUT_OF_RANGE"),
    grpc.StatusCode.NOT_FOUND: (NotFound, "NOT_FOUND"),
    grpc.StatusCode.ALREADY_EXISTS: (AlreadyExists, "ALREADY_EXISTS"),
    grpc.StatusCode.FAILED_PRECONDITION: (FailedPrecondition, "FAILED_PRECONDITION"),
    grpc.StatusCode.UNIMPLEMENTED: (FailedPrecondition, "METHOD_UNKNOWN"),
    grpc.StatusCode.PERMISSION_DENIED: (PermissionDenied, "PERMISSION_DENIED"),
    grpc.StatusCode.UNAUTHENTICATED: (Unauthenticated, "UNAUTHENTICATED"),
    grpc.StatusCode.RESOURCE_EXHAUSTED: (Overloaded, "DOCK_OVERLOADED"),
    grpc.StatusCode.ABORTED: (Unavailable, "CALL_ABORTED"),
    grpc.StatusCode.CANCELLED: (Unavailable, "CALL_CANCELLED"),
}


def code_of(error: DockError) -> grpc.StatusCode:
    """The gRPC code of an error's class."""
    return next((_CODES[cls] for cls in type(error).__mro__ if cls in _CODES), grpc.StatusCode.INTERNAL)


class WireStatus(grpc.Status):
    """What `ServicerContext.abort_with_status` takes."""

    def __init__(self, code: grpc.StatusCode, details: str, status: pb.Status) -> None:
        self.code = code
        self.details = details
        self.trailing_metadata = ((DETAILS_KEY, status.SerializeToString()),)


def error_to_status(error: DockError) -> WireStatus:
    """The status of an error, with ErrorInfo, LocalizedMessage (the hint) and RetryInfo.

    Texts are cut so that the trailers stay below the 8 KiB that any client takes.
    """
    code = code_of(error)
    status = pb.Status(code=code.value[0], message=_cut(error.message, _MESSAGE_BYTES))
    details: list[Message] = [
        pb.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=_cut_details(error.details)),
    ]
    if error.hint:
        details.append(pb.LocalizedMessage(locale="en", message=_cut(error.hint, _HINT_BYTES)))
    if error.retry_after_s is not None:
        retry = pb.RetryInfo()
        retry.retry_delay.FromNanoseconds(int(error.retry_after_s * 1e9))
        details.append(retry)
    status.details.extend(map(_pack, details))
    return WireStatus(code, _cut(error.message, _SHORT_BYTES), status)


def opaque_error(trace_id: str) -> Internal:
    """What a client may know of a fault of the dock: how to ask for it."""
    return Internal(
        f"The dock made a mistake (trace {trace_id}).",
        reason="INTERNAL",
        hint="Tell the operator the trace id; the dock's log has the rest under it.",
        details={"trace_id": trace_id},
    )


def error_from_call(call: Any, address: str) -> DockError:
    """The error that a failed call stands for: the one raised in the server, or what gRPC itself found wrong."""
    code = call.code() or grpc.StatusCode.UNKNOWN
    status = _status_of(call)
    if status is not None:
        rebuilt = _rebuild(status, code)
        if rebuilt is not None:
            return rebuilt
    return _plain_error(code, call.details() or "", address)


def _pack(detail: Message) -> Packed:
    # Under google.rpc's name: that is what other clients look for.
    return Packed(type_url=_TYPES + detail.DESCRIPTOR.name, value=detail.SerializeToString(deterministic=True))


def _status_of(call: Any) -> pb.Status | None:
    for key, value in call.trailing_metadata() or ():
        if key == DETAILS_KEY:
            try:
                return pb.Status.FromString(value)
            except DecodeError:
                return None
    return None


def _rebuild(status: pb.Status, code: grpc.StatusCode) -> DockError | None:
    info, hint, retry = pb.ErrorInfo(), pb.LocalizedMessage(), pb.RetryInfo()
    try:
        for detail in status.details:
            for known in (info, hint, retry):
                if detail.type_url == _TYPES + known.DESCRIPTOR.name:
                    known.ParseFromString(detail.value)
    except DecodeError:
        return None
    retry_after_s = retry.retry_delay.ToNanoseconds() / 1e9 if retry.HasField("retry_delay") else None
    if info.domain != DOMAIN or not info.reason:
        return None
    return _CLASSES.get(code, Internal)(
        status.message,
        reason=info.reason,
        hint=hint.message,
        details=dict(info.metadata),
        retry_after_s=retry_after_s,
    )


def _plain_error(code: grpc.StatusCode, text: str, address: str) -> DockError:
    if code is grpc.StatusCode.UNAVAILABLE:
        return unreachable(address, text)
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return DeadlineExceeded(
            f"The dock at {address} did not answer in time.",
            reason="DEADLINE_EXCEEDED",
            hint="Try again, or allow more time.",
            details={"address": address},
        )
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED and "larger than max" in text:
        return InvalidInput(
            f"The message is too large for one call ({text}).",
            reason="MESSAGE_TOO_LARGE",
            hint="Send the data in several calls.",
        )
    cls, reason = _PLAIN.get(code, (Internal, "INTERNAL"))
    return cls(text or f"The call ended with {code.name}.", reason=reason, details={"address": address})


def unreachable(address: str, text: str = "") -> Unavailable:
    """The error of a dock that does not answer."""
    return Unavailable(
        f"No dock answers at {address}.",
        reason="DOCK_UNREACHABLE",
        hint="Start one with: dock up - or name another with DOCK_URL.",
        details={"address": address, "cause": _cut(text, _SHORT_BYTES)},
    )


def _cut(text: str, limit: int) -> str:
    raw = text.encode("utf-8", "replace")
    return text if len(raw) <= limit else raw[: limit - 3].decode("utf-8", "ignore") + "…"


def _cut_details(details: Mapping[str, str]) -> dict[str, str]:
    left, kept = _DETAILS_BYTES, {}
    for key, value in details.items():
        kept[key] = _cut(value, max(left - len(key), 8))
        left -= len(key) + len(kept[key].encode("utf-8", "replace"))
        if left <= 0:
            break
    return kept
