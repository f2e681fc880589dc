"""Where in a trace this thread of control is, and how that travels (W3C `traceparent`)."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

HEADER = "traceparent"
_FORM = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
Fact = str | int | float | bool


@dataclass(frozen=True)
class TraceContext:
    """A span, here or elsewhere, by its ids in hexadecimal digits: 32 and 16."""

    trace_id: str
    span_id: str
    sampled: bool = True

    @classmethod
    def parse(cls, traceparent: str) -> TraceContext | None:
        """Read a header's value; None for nonsense, and for ids of zeros."""
        match = _FORM.fullmatch(traceparent)
        if not match or not match[1].strip("0") or not match[2].strip("0"):
            return None
        return cls(match[1], match[2], bool(int(match[3], 16) & 1))

    @classmethod
    def of_metadata(cls, metadata: Iterable[tuple[str, str | bytes]]) -> TraceContext | None:
        """What a call brought along."""
        found = (value for key, value in metadata if key == HEADER and isinstance(value, str))
        return next(filter(None, map(cls.parse, found)), None)

    @classmethod
    def of_environment(cls, environment: Mapping[str, str] = os.environ) -> TraceContext | None:
        """What TRACEPARENT says, as set by whoever runs a command within a trace of theirs."""
        return cls.parse(environment.get("TRACEPARENT", "").strip())

    @property
    def traceparent(self) -> str:
        """The header's value."""
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"

    def child(self) -> TraceContext:
        """A new span of the same trace."""
        return TraceContext(self.trace_id, new_span_id(), self.sampled)


@dataclass(frozen=True)
class _Place:
    context: TraceContext | None
    about: Mapping[str, Fact]


_NOWHERE = _Place(None, {})
_place: ContextVar[_Place] = ContextVar("dock_trace_place", default=_NOWHERE)


def new_trace_id() -> str:
    """32 random hexadecimal digits."""
    return secrets.token_hex(16)


def new_span_id() -> str:
    """16 random hexadecimal digits."""
    return secrets.token_hex(8)


def current() -> TraceContext | None:
    """The span that this thread of control is in; None outside of any."""
    return _place.get().context


def current_trace_id() -> str:
    """Its trace's id, "" outside of any."""
    found = current()
    return found.trace_id if found else ""


def current_traceparent() -> str:
    """The header's value for what this thread of control causes, "" outside of any span."""
    found = current()
    return found.traceparent if found else ""


def current_facts() -> Mapping[str, Fact]:
    """What is worked on here, as `span(about=…)` has it: for logs."""
    return _place.get().about


@contextmanager
def within(context: TraceContext, about: Mapping[str, Fact]) -> Iterator[None]:
    """Be in a span until the block ends, with facts beside those of the spans around it."""
    before = _place.get()
    _place.set(_Place(context, {**before.about, **about}))
    try:
        yield
    finally:
        _place.set(before)  # not by token: a stream's parts may run in contexts of their own
