"""Traces: ids that travel, spans that nest, and nothing in the way where nobody records."""

from __future__ import annotations

import threading

import pytest

from dock_trace import (
    TraceContext,
    begin,
    current,
    current_facts,
    current_trace_id,
    current_traceparent,
    note,
    record_to,
    span,
)

PARENT = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01"


@pytest.fixture
def recorded():
    spans = []
    record_to(spans.append)
    yield spans
    record_to(None)


def test_a_traceparent_is_read_and_written():
    found = TraceContext.parse(PARENT)
    assert found == TraceContext("0af7651916cd43dd8448eb211c80319c", "00f067aa0ba902b7", sampled=True)
    assert found.traceparent == PARENT
    assert TraceContext.parse(PARENT[:-2] + "00").sampled is False


@pytest.mark.parametrize(
    "nonsense",
    [
        "",
        "00-1-2-01",
        PARENT + "\n",
        PARENT.replace("00-0af", "01-0af"),
        PARENT.upper(),
        "00-" + "0" * 32 + "-00f067aa0ba902b7-01",
        "00-0af7651916cd43dd8448eb211c80319c-" + "0" * 16 + "-01",
    ],
)
def test_nonsense_is_no_context(nonsense):
    assert TraceContext.parse(nonsense) is None
    assert TraceContext.of_metadata([("traceparent", nonsense), ("other", b"bytes")]) is None
    assert TraceContext.of_environment({"TRACEPARENT": nonsense.replace("\n", "x")}) is None


def test_spans_nest_and_end_in_order(recorded):
    with span("outer", parent=TraceContext.parse(PARENT)) as outer:
        assert current() == outer.context
        with span("inner") as inner:
            assert current_traceparent() == inner.context.traceparent
        assert current() == outer.context
    assert current() is None
    assert current_trace_id() == current_traceparent() == ""
    assert [each.name for each in recorded] == ["inner", "outer"]
    assert inner.parent == outer.context
    assert outer.parent.traceparent == PARENT
    assert {each.context.trace_id for each in recorded} == {"0af7651916cd43dd8448eb211c80319c"}


def test_without_a_parent_a_trace_begins(recorded):
    with span("one"), span("of it"):
        pass
    with span("another"):
        pass
    assert recorded[0].context.trace_id == recorded[1].context.trace_id != recorded[2].context.trace_id


def test_what_is_raised_is_noted_by_name_alone_and_passed_on(recorded):
    with pytest.raises(ValueError, match="secret"), span("work"):
        raise ValueError("secret")
    assert recorded[0].error == "ValueError"
    assert "secret" not in repr(recorded[0])
    assert current() is None


def test_facts_are_those_of_all_spans_around(recorded):
    with span("outer", about={"learnware": "00000001"}), span("inner", about={"version": 2}) as inner:
        assert current_facts() == {"learnware": "00000001", "version": 2}
        assert inner.attributes == {"dock.version": 2}
    assert current_facts() == {}


def test_another_thread_is_in_no_span_of_this_one():
    seen = []
    with span("here"):
        thread = threading.Thread(target=lambda: seen.append(current()))
        thread.start()
        thread.join()
    assert seen == [None]


def test_a_span_ends_once_and_a_discarded_one_never_was(recorded):
    life = begin("long")
    life.end()
    life.end()
    with span("nothing") as nothing:
        nothing.discard()
    assert [each.name for each in recorded] == ["long"]


def test_a_note_is_a_child_that_took_its_time(recorded):
    with span("check") as check:
        note("step", 1.5, error="failed")
    step = recorded[0]
    assert step.parent == check.context
    assert step.ended - step.began >= 1_500_000_000
    assert step.error == "failed"


def test_a_generator_that_is_left_leaves_its_span_whole(recorded):
    def stream():
        with span("stream"):
            yield 1
            yield 2

    going = stream()
    next(going)
    going.close()
    assert [(each.name, each.error) for each in recorded] == [("stream", "")]
