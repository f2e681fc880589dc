"""Messages carry their trace over a bus, and those of no trace go as they are."""

from __future__ import annotations

import threading

from dock_bus import Message, Subscription
from dock_bus.inprocess import InProcessBus
from dock_bus.traced import TracedBus
from dock_trace import TraceContext, current, record_to

PARENT = TraceContext("0af7651916cd43dd8448eb211c80319c", "00f067aa0ba902b7")


def deliver(headers):
    bus, arrived, seen = TracedBus(InProcessBus()), threading.Event(), []

    def handle(delivery):
        seen.append((delivery.message, current()))
        arrived.set()

    bus.subscribe(Subscription("checking", ["dock.>"]), handle)
    bus.publish(Message("dock.learnware.received", "one", b"data", headers))
    assert arrived.wait(60)
    bus.close()
    return seen[0]


def test_who_handles_a_message_is_below_who_published_it_below_what_caused_it():
    spans = []
    record_to(spans.append)
    try:
        message, here = deliver({"traceparent": PARENT.traceparent, "other": "kept"})
    finally:
        record_to(None)
    published, processed = sorted(spans, key=lambda each: each.kind, reverse=True)
    assert (published.kind, processed.kind) == ("producer", "consumer")
    assert published.parent == PARENT
    assert processed.parent == published.context
    assert here == processed.context
    assert message.headers == {"traceparent": published.context.traceparent, "other": "kept"}


def test_a_message_of_no_trace_or_of_nonsense_goes_as_it_is():
    for headers in ({}, {"traceparent": "00-1-2-01"}):
        message, here = deliver(headers)
        assert message.headers == headers
        assert here is None
