"""Server interceptors made of one context manager each, for calls of all four arities."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

import grpc

_THREADS = "experimental_thread_pool"
"""Where gRPC looks for a behaviour's own threads; a gRPC that does not would run it on the server's."""


@dataclass(frozen=True)
class Method:
    """Which method of which service is called."""

    service: str
    """Full name, such as dockapi.search.v1.SearchService."""
    name: str
    streams: bool = False
    """Whether the answer is a stream, which holds its thread until it ends."""

    @property
    def target(self) -> str:
        """The part of the dock: `search` of dockapi.search.v1.SearchService."""
        parts = self.service.split(".")
        return parts[-3] if len(parts) >= 3 else self.service

    @classmethod
    def parse(cls, path: str) -> Method:
        """From the path of a call, /service/name."""
        service, _, name = path.strip("/").rpartition("/")
        return cls(service, name)


Around = Callable[[Method, grpc.ServicerContext], AbstractContextManager[None]]


class Surround(grpc.ServerInterceptor):
    """Runs every call of `services` inside `around(method, context)`; other services are left as they are."""

    def __init__(self, around: Around, services: Collection[str]) -> None:
        self._around = around
        self._services = frozenset(services)

    def intercept_service(self, continuation: Callable[[Any], Any], handler_call_details: Any) -> Any:
        """Wrap the handler that the call goes to."""
        handler = continuation(handler_call_details)
        method = Method.parse(handler_call_details.method)
        if handler is None or method.service not in self._services:
            return handler
        return _wrap(handler, replace(method, streams=handler.response_streaming), self._around)


def _wrap(handler: Any, method: Method, around: Around) -> Any:
    behaviour = handler.unary_unary or handler.unary_stream or handler.stream_unary or handler.stream_stream

    def one(request: Any, context: grpc.ServicerContext) -> Any:
        with around(method, context):
            return behaviour(request, context)

    def many(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        with around(method, context):
            yield from behaviour(request, context)

    return handler_like(handler, one, many, threads=threads_of(behaviour))


def threads_of(behaviour: object) -> ThreadPoolExecutor | None:
    """The threads that a handler's behaviour runs on instead of the server's."""
    found: ThreadPoolExecutor | None = getattr(behaviour, _THREADS, None)
    return found


def handler_like(
    handler: Any,
    one: Callable[[Any, grpc.ServicerContext], Any],
    many: Callable[[Any, grpc.ServicerContext], Iterator[Any]],
    *,
    threads: ThreadPoolExecutor | None = None,
) -> Any:
    """A handler of the same arity and messages that runs `one`, or `many` where it answers with a stream.

    `threads` are those it runs on instead of the server's.
    """
    make = {
        (False, False): grpc.unary_unary_rpc_method_handler,
        (False, True): grpc.unary_stream_rpc_method_handler,
        (True, False): grpc.stream_unary_rpc_method_handler,
        (True, True): grpc.stream_stream_rpc_method_handler,
    }[handler.request_streaming, handler.response_streaming]

    def call(request: Any, context: grpc.ServicerContext) -> Any:
        return (many if handler.response_streaming else one)(request, context)

    if threads is not None:
        setattr(call, _THREADS, threads)
    return make(call, handler.request_deserializer, handler.response_serializer)
