"""Errors raised in a servicer arrive as the same errors, over a real socket, in all four arities."""

from __future__ import annotations

import logging
import time

import grpc
import pytest

from dock_rpc.channel import channel
from dock_rpc.server import build_server
from learndock.errors import (
    KINDS,
    DeadlineExceeded,
    DockError,
    FailedPrecondition,
    Internal,
    InvalidInput,
    Overloaded,
    Unavailable,
)


def rich(cls: type[DockError]) -> DockError:
    return cls(
        "Der Zug ist weg: 列車は出た.",
        reason="TRAIN_GONE",
        hint="Take the next one.",
        details={"platform": 7, "ü": "ö"},
        retry_after_s=1.5,
    )


def same(left: DockError, right: DockError) -> bool:
    keys = ("message", "reason", "hint", "details", "retry_after_s")
    return type(left) is type(right) and all(getattr(left, key) == getattr(right, key) for key in keys)


class Echo:
    """A service of raw bytes with a method of each arity; `fault` is raised after `after` responses."""

    def __init__(self) -> None:
        self.fault: BaseException | None = None
        self.after = 0
        self.delay_s = 0.0
        self.calls = 0

    def one(self, _request: bytes, _context: grpc.ServicerContext) -> bytes:
        self.calls += 1
        return self._answer()

    def many(self, _request: bytes, _context: grpc.ServicerContext):
        self.calls += 1
        for _ in range(self.after):
            yield b"item"
        yield self._answer()

    def in_one(self, requests, context: grpc.ServicerContext) -> bytes:
        for _ in requests:
            pass
        return self.one(b"", context)

    def in_many(self, requests, context: grpc.ServicerContext):
        for _ in requests:
            pass
        yield from self.many(b"", context)

    def _answer(self) -> bytes:
        time.sleep(self.delay_s)
        if self.fault is not None:
            raise self.fault
        return b"answer"


SERVICE = "dockapi.echo.v1.EchoService"


def add_echo(echo: Echo, server: grpc.Server) -> None:
    handlers = {
        "One": grpc.unary_unary_rpc_method_handler(echo.one),
        "Many": grpc.unary_stream_rpc_method_handler(echo.many),
        "InOne": grpc.stream_unary_rpc_method_handler(echo.in_one),
        "InMany": grpc.stream_stream_rpc_method_handler(echo.in_many),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))


def call(link: grpc.Channel, method: str, **options):
    path = f"/{SERVICE}/{method}"
    if method == "One":
        return [link.unary_unary(path)(b"", **options)]
    if method == "Many":
        return link.unary_stream(path)(b"", **options)
    if method == "InOne":
        return [link.stream_unary(path)(iter([b"", b""]), **options)]
    return link.stream_stream(path)(iter([b"", b""]), **options)


ARITIES = ["One", "Many", "InOne", "InMany"]


@pytest.fixture(scope="module")
def house():
    echo = Echo()
    with (
        build_server([(SERVICE, add_echo, echo)], address="127.0.0.1:0") as server,
        channel(f"127.0.0.1:{server.port}") as link,
    ):
        yield echo, link


@pytest.fixture
def echo(house):
    echo, _ = house
    echo.fault, echo.after, echo.calls, echo.delay_s = None, 0, 0, 0.0
    return echo


@pytest.fixture
def link(house):
    return house[1]


@pytest.mark.parametrize("arity", ARITIES)
def test_answers_pass_untouched(echo, link, arity):
    assert list(call(link, arity)) == [b"answer"]


@pytest.mark.parametrize("arity", ARITIES)
@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"internal", "unavailable"}))
def test_every_class_arrives_equal(echo, link, arity, kind):
    echo.fault = rich(KINDS[kind])
    with pytest.raises(DockError) as caught:
        list(call(link, arity))
    assert same(caught.value, echo.fault)


@pytest.mark.parametrize("arity", ["Many", "InMany"])
def test_items_before_an_error_in_a_stream_arrive_first(echo, link, arity):
    echo.fault, echo.after = rich(FailedPrecondition), 3
    stream = call(link, arity)
    assert [next(stream) for _ in range(3)] == [b"item"] * 3
    with pytest.raises(FailedPrecondition) as caught:
        next(stream)
    assert same(caught.value, echo.fault)


@pytest.mark.parametrize("arity", ARITIES)
def test_unknown_exceptions_tell_a_trace_id_and_nothing_else(echo, link, arity, caplog):
    echo.fault = ValueError("the password is hunter2")
    with caplog.at_level(logging.ERROR, logger="dock_rpc"), pytest.raises(Internal) as caught:
        list(call(link, arity))
    error = caught.value
    assert error.reason == "INTERNAL"
    assert len(error.details["trace_id"]) == 32
    assert error.details["trace_id"] in error.message
    assert "hunter2" not in str(error) + str(error.details)
    assert "hunter2" in caplog.text
    assert "Traceback" in caplog.text


def test_internal_errors_of_ours_are_opaque_too(echo, link):
    echo.fault = Internal("row 7 of table x", reason="ROW_GONE")
    with pytest.raises(Internal) as caught:
        call(link, "One")
    assert caught.value.reason == "INTERNAL"
    assert "row 7" not in str(caught.value)


def test_the_callers_trace_id_is_kept(echo, link):
    echo.fault = ValueError("x")
    trace_id = "0123456789abcdef" * 2
    with pytest.raises(Internal) as caught:
        call(link, "One", metadata=(("traceparent", f"00-{trace_id}-0123456789abcdef-01"),))
    assert caught.value.details["trace_id"] == trace_id


def test_long_texts_are_cut_not_lost(echo, link):
    echo.fault = InvalidInput(
        "é" * 50_000, reason="LONG", hint="h" * 50_000, details={f"k{i}": "v" * 900 for i in range(9)}
    )
    with pytest.raises(InvalidInput) as caught:
        call(link, "One")
    assert caught.value.reason == "LONG"
    assert caught.value.message.endswith("é…")
    assert len(caught.value.message) > 500


def test_unavailable_is_tried_again_and_then_told(echo, link):
    echo.fault = rich(Unavailable)
    with pytest.raises(Unavailable) as caught:
        call(link, "One")
    assert same(caught.value, echo.fault)
    assert echo.calls == 5


@pytest.mark.parametrize("cls", [InvalidInput, Overloaded])
def test_other_errors_are_not_tried_again(echo, link, cls):
    echo.fault = rich(cls)
    with pytest.raises(cls):
        call(link, "One")
    assert echo.calls == 1


def test_a_deadline_that_passes_is_said(echo, link):
    echo.delay_s = 0.5
    with pytest.raises(DeadlineExceeded) as caught:
        call(link, "One", timeout=0.1)
    assert caught.value.reason == "DEADLINE_EXCEEDED"


def test_a_method_that_is_not_there(link):
    with pytest.raises(FailedPrecondition) as caught:
        link.unary_unary(f"/{SERVICE}/Nothing")(b"")
    assert caught.value.reason == "METHOD_UNKNOWN"


def test_futures_give_the_same_errors(echo, link):
    echo.fault = rich(InvalidInput)
    future = link.unary_unary(f"/{SERVICE}/One").future(b"")
    assert same(future.exception(timeout=60), echo.fault)
    with pytest.raises(InvalidInput):
        future.result(timeout=60)


def test_a_dock_that_is_down_is_named():
    with channel("127.0.0.1:1") as link, pytest.raises(Unavailable) as caught:
        call(link, "One")
    assert caught.value.reason == "DOCK_UNREACHABLE"
    assert "127.0.0.1:1" in caught.value.message
    assert "dock up" in caught.value.hint
