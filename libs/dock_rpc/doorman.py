"""Turns calls away at the door when too many wait, with a time to come back: a full server answers at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NoReturn, TypeVar

import grpc

from dock_rpc.interception import Method, handler_like
from learndock.errors import Overloaded

_ASIDE_THREADS = 16
_Result = TypeVar("_Result")


class Workers(ThreadPoolExecutor):
    """The threads of a server, which count what runs and waits."""

    def __init__(self, threads: int) -> None:
        super().__init__(threads, thread_name_prefix="rpc")
        self._lock = threading.Lock()
        self._load = 0

    @property
    def load(self) -> int:
        """Calls that run or wait."""
        return self._load

    def submit(self, fn: Callable[..., _Result], /, *args: Any, **kwargs: Any) -> Future[_Result]:
        """As ThreadPoolExecutor does."""
        future = super().submit(fn, *args, **kwargs)
        with self._lock:
            self._load += 1
        future.add_done_callback(self._ended)
        return future

    def _ended(self, _future: Future[Any]) -> None:
        with self._lock:
            self._load -= 1


class Doorman(grpc.ServerInterceptor):
    """Lets a call of `services` in while fewer than `limit` run or wait; others are Overloaded CALLS_WAITING.

    Refusals, and short calls of other services (is it healthy?), have threads of their own, or they would stand in the
    very queue that is too long: a busy server must not be taken for a dead one. Must be the innermost interceptor, so
    that refusals are logged, counted and told as any other error is.
    """

    def __init__(self, workers: Workers, limit: int, services: Collection[str]) -> None:
        self._workers = workers
        self._limit = limit
        self._services = frozenset(services)
        self._aside = ThreadPoolExecutor(_ASIDE_THREADS, thread_name_prefix="rpc-aside")

    def intercept_service(self, continuation: Callable[[Any], Any], handler_call_details: Any) -> Any:
        """Give the call's handler, or one that refuses."""
        handler = continuation(handler_call_details)
        if handler is None:
            return None
        if Method.parse(handler_call_details.method).service not in self._services:
            short = handler.unary_unary
            return handler if short is None else handler_like(handler, short, short, threads=self._aside)
        if self._workers.load < self._limit:
            return handler
        return handler_like(handler, self._refuse, self._refuse_stream, threads=self._aside)

    def _refuse(self, _request: object, _context: grpc.ServicerContext) -> NoReturn:
        raise Overloaded(
            f"{self._limit} calls wait already.",
            reason="CALLS_WAITING",
            hint="Try again in a moment; an operator can raise DOCK_WORKERS.",
            retry_after_s=1.0,
        )

    def _refuse_stream(self, request: object, context: grpc.ServicerContext) -> Iterator[NoReturn]:
        yield self._refuse(request, context)
