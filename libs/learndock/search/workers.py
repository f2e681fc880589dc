"""A few threads for one search: numpy lets go of the interpreter in matrix products and in exp."""

from __future__ import annotations

import contextlib
import itertools
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait

from learndock.search.scan import Cancelled, stop_if

Progress = Callable[[float], None]

_MOST = 4
_lock = threading.Lock()
_pool: ThreadPoolExecutor | None = None


def share_out(
    work: Callable[[int], object], count: int, cancelled: Cancelled | None = None, progress: Progress | None = None
) -> None:
    """Do work(0) … work(count - 1), each once, on the caller's thread and as many others as there are cores.

    `cancelled` is asked and `progress` told the share done (0 to 1) between pieces, both by the caller's thread
    alone. When a piece raises, or the search is called off, no further piece is begun, and all have ended on return.
    """
    tickets, done, stopped = itertools.count(), itertools.count(1), threading.Event()

    def take_part(do: Callable[[int], object]) -> None:
        try:
            while not stopped.is_set() and (ticket := next(tickets)) < count:
                do(ticket)
        except BaseException:
            stopped.set()
            raise

    def piece(ticket: int) -> int:
        work(ticket)
        return next(done)

    def own_piece(ticket: int) -> None:
        stop_if(cancelled)
        share = min(1.0, piece(ticket) / count)
        if progress is not None:
            progress(share)

    # A helper that never starts (a busy pool, a process at its end) is only missed: the caller does every piece itself.
    helpers: list[Future[None]] = []
    with contextlib.suppress(RuntimeError):
        helpers.extend(_threads().submit(take_part, piece) for _ in range(min(_cores(), count) - 1))
    try:
        take_part(own_piece)
    finally:
        begun = [helper for helper in helpers if not helper.cancel()]
        wait(begun)
    for helper in begun:
        helper.result()


def _cores() -> int:
    try:
        found = len(os.sched_getaffinity(0))
    except AttributeError:
        found = os.cpu_count() or 1
    return min(_MOST, found)


def _threads() -> ThreadPoolExecutor:
    global _pool  # noqa: PLW0603 - one pool for the process, made at the first search
    with _lock:
        if _pool is None:
            _pool = ThreadPoolExecutor(_MOST - 1, thread_name_prefix="learndock-search")
        return _pool


def _begin_in_child() -> None:
    """A forked child has none of its parent's threads, and must not queue work for them."""
    global _lock, _pool
    _lock, _pool = threading.Lock(), None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_in_child)
