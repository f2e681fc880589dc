"""Waits for what a process needs and is not there yet, and says what that is."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from learndock.errors import DockError, Overloaded, Unavailable

PAUSE_S = 0.5
SAY_EVERY_S = 5.0
_PASSING = frozenset({"SCHEMA_TOO_OLD", "STORAGE_BUCKET_MISSING"})
"""What an operator puts right without touching this process."""
_log = logging.getLogger(__name__)
_Made = TypeVar("_Made")


class Stopped(Exception):
    """The process was told to end while it waited."""


class Readiness:
    """What is still missing, as health and /readyz tell it; `wait_for` ends with what was waited for, or Stopped."""

    def __init__(self, *, pause_s: float = PAUSE_S) -> None:
        self._pause_s = pause_s
        self._missing = "its start"
        self._ready = False

    @property
    def missing(self) -> str:
        """What is waited for, in words; "" once the process is ready."""
        return "" if self._ready else self._missing

    def reached(self) -> None:
        """Everything is there."""
        self._ready = True

    def left(self) -> None:
        """The process is going: it is not ready any more."""
        self._missing, self._ready = "nothing: it is stopping", False

    def wait_for(self, what: str, attempt: Callable[[], _Made], stopping: threading.Event) -> _Made:
        """Call `attempt` until it raises nothing that passes by itself; give what it gives."""
        said, waited = 0.0, False
        while not stopping.is_set():
            try:
                made = attempt()
            except DockError as error:
                if not passes(error):
                    raise
                self._missing = f"{what}: {error.message}"
                if not waited or time.monotonic() - said >= SAY_EVERY_S:
                    said, waited = time.monotonic(), True
                    _log.warning("waiting for %s: %s", what, error, extra={"reason": error.reason})
            else:
                if waited:
                    _log.info("%s is there", what)
                return made
            stopping.wait(self._pause_s)
        raise Stopped


def passes(error: DockError) -> bool:
    """Whether a process waits for the end of this, instead of ending itself."""
    return isinstance(error, Unavailable | Overloaded) or error.reason in _PASSING
