"""Something that is read for scrapes: kept for a moment, and never waited for longer than a bound."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from learndock.errors import DockError

_log = logging.getLogger(__name__)
Read = TypeVar("Read")


class Bounded(Generic[Read]):
    """Reads on a thread of its own, one at a time, so that whoever asks is not held by a server that hangs."""

    def __init__(self, what: str, read: Callable[[], Read], *, keep_s: float = 2.0, patience_s: float = 2.0) -> None:
        self._what = what
        self._read = read
        self._keep_s = keep_s
        self._patience_s = patience_s
        self._changed = threading.Condition()
        self._reading = False
        self._found: Read | None = None
        self._found_at = -keep_s

    def get(self) -> Read | None:
        """What was read within the last `keep_s`, or is within `patience_s` from now; None otherwise."""
        with self._changed:
            if self._fresh:
                return self._found
            if not self._reading:
                self._reading = True
                self._found = None
                threading.Thread(target=self._run, name=f"figures of {self._what}", daemon=True).start()
            self._changed.wait_for(lambda: not self._reading, self._patience_s)
            return self._found if self._fresh else None

    @property
    def _fresh(self) -> bool:
        return self._found is not None and time.monotonic() - self._found_at <= self._keep_s

    def _run(self) -> None:
        found: Read | None = None
        try:
            found = self._read()
        except DockError as error:
            _log.info("%s tells no figures: %s", self._what, error.message, extra={"reason": error.reason})
        except Exception:  # noqa: BLE001 - a scrape says so by the absence of the figures
            _log.exception("%s could not be asked for figures", self._what)
        with self._changed:
            self._found, self._found_at = found, time.monotonic()
            self._reading = False
            self._changed.notify_all()
