"""Traces: which work belongs to which, across threads, processes and the database.

It imports nothing but the standard library; whoever sends spans somewhere gives a recorder.
"""

from dock_trace.context import (
    HEADER,
    Fact,
    TraceContext,
    current,
    current_facts,
    current_trace_id,
    current_traceparent,
)
from dock_trace.span import Span, begin, note, record_to, span

__all__ = [
    "HEADER",
    "Fact",
    "Span",
    "TraceContext",
    "begin",
    "current",
    "current_facts",
    "current_trace_id",
    "current_traceparent",
    "note",
    "record_to",
    "span",
]
