"""How a process is told to end: the first signal asks, the second one insists."""

from __future__ import annotations

import os
import signal
import threading


def stop_on_signals() -> threading.Event:
    """An event that SIGINT and SIGTERM set; the second of them ends the process at once."""
    stopping = threading.Event()

    def stop(_number: int, _frame: object) -> None:
        if stopping.is_set():
            os._exit(130)
        stopping.set()

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    return stopping


def wait(event: threading.Event) -> None:
    """Wait for an event in slices, so that signals get their turn."""
    while not event.wait(3600):
        pass
