"""How a process is told to end: the first signal asks, the second one insists."""

from __future__ import annotations

import _thread
import os
import signal
import threading


def stop_on_signals() -> threading.Event:
    """An event that SIGINT and SIGTERM set; the second of them ends the process at once."""
    stopping = threading.Event()
    asked: list[int] = []

    def stop(number: int, _frame: object) -> None:
        if asked:
            os._exit(130)
        asked.append(number)
        # Not here: this thread may be within a wait for that very event and hold its lock, and would wait for itself.
        _thread.start_new_thread(stopping.set, ())

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    return stopping


def wait(event: threading.Event) -> None:
    """Wait for an event in slices, so that signals get their turn."""
    while not event.wait(3600):
        pass
