"""Spans: pieces of work with a beginning, an end and a parent. They are kept nowhere unless something records them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from dock_trace.context import Fact, TraceContext, current, new_span_id, new_trace_id, within

Kind = Literal["internal", "server", "client", "producer", "consumer"]
PREFIX = "dock."
"""Of the attributes that facts become."""


@dataclass(eq=False)
class Span:
    """One piece of work. Times are nanoseconds since 1970."""

    name: str
    kind: Kind
    context: TraceContext
    parent: TraceContext | None
    attributes: dict[str, Fact]
    began: int
    ended: int = 0
    error: str = ""
    """What went wrong, as a short word: never a text with names or values in it."""
    _discarded: bool = field(default=False, repr=False)

    def set(self, name: str, value: Fact) -> None:
        """Say something about it."""
        self.attributes[name] = value

    def fail(self, error: str) -> None:
        """It went wrong."""
        self.error = error

    def discard(self) -> None:
        """It turned out to be nothing: do not record it."""
        self._discarded = True

    def end(self) -> None:
        """It is over. Only the first time counts."""
        if not self.ended:
            self.ended = time.time_ns()
            if not self._discarded:
                _recorder(self)


Record = Callable[[Span], None]


def _nobody(_span: Span) -> None:
    """Without a recorder spans give ids to logs and calls, and are forgotten."""


_recorder: Record = _nobody


def record_to(recorder: Record | None) -> None:
    """Give every span of this process that ends to `recorder`, which must neither wait nor raise; None to nobody."""
    global _recorder  # noqa: PLW0603 - like the log's handlers: a process has one
    _recorder = recorder or _nobody


def begin(
    name: str,
    *,
    kind: Kind = "internal",
    parent: TraceContext | None = None,
    attributes: Mapping[str, Fact] | None = None,
    about: Mapping[str, Fact] | None = None,
) -> Span:
    """A span that its `end` ends; its parent is the current one unless another is given. See `span`."""
    above = parent or current()
    context = above.child() if above else TraceContext(new_trace_id(), new_span_id())
    facts = {PREFIX + key: value for key, value in (about or {}).items()}
    return Span(name, kind, context, above, {**facts, **(attributes or {})}, time.time_ns())


@contextmanager
def span(
    name: str,
    *,
    kind: Kind = "internal",
    parent: TraceContext | None = None,
    attributes: Mapping[str, Fact] | None = None,
    about: Mapping[str, Fact] | None = None,
) -> Iterator[Span]:
    """A span around a block; what the block raises is noted by the name of its type and passed on.

    `about` says what is worked on (target, learnware, version): it goes into attributes and into the log of all that
    is done within.
    """
    begun = begin(name, kind=kind, parent=parent, attributes=attributes, about=about)
    try:
        with within(begun.context, about or {}):
            yield begun
    except GeneratorExit:
        raise
    except BaseException as error:
        if not begun.error:
            begun.fail(getattr(error, "reason", "") or type(error).__name__)
        raise
    finally:
        begun.end()


def note(name: str, seconds: float, *, attributes: Mapping[str, Fact] | None = None, error: str = "") -> None:
    """A child of the current span that ends now and began `seconds` ago."""
    begun = begin(name, attributes=attributes)
    begun.began -= round(max(0.0, seconds) * 1e9)
    begun.error = error
    begun.end()
