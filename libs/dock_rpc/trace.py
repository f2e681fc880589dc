"""Trace ids: one for each call from outside, carried along to the calls it causes (W3C `traceparent`)."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from contextvars import ContextVar

HEADER = "traceparent"
_FORM = re.compile(r"^00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$")
_current: ContextVar[str] = ContextVar("dock_rpc_trace_id", default="")


def current_trace_id() -> str:
    """The trace id of the call that is being served, "" outside of one."""
    return _current.get()


def set_trace_id(trace_id: str) -> None:
    """Make `trace_id` the current one in this thread of control."""
    _current.set(trace_id)


def new_trace_id() -> str:
    """32 random hexadecimal digits."""
    return secrets.token_hex(16)


def make_traceparent(trace_id: str) -> str:
    """The header's value for one more call under `trace_id`."""
    return f"00-{trace_id}-{secrets.token_hex(8)}-01"


def trace_id_of(metadata: Iterable[tuple[str, str | bytes]]) -> str:
    """The trace id that a call brought along, or a new one where it brought none or nonsense."""
    for key, value in metadata:
        match = _FORM.match(value) if key == HEADER and isinstance(value, str) else None
        if match and match[1].strip("0"):
            return match[1]
    return new_trace_id()
