"""Going on after a cut: tries again while the dock may come back, and says when that is over."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from learndock.errors import DockError, Overloaded, Unavailable

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 2.0
PASSING = frozenset({"UPLOAD_CHUNK_DAMAGED", "UPLOAD_INCOMPLETE", "UPLOAD_OFFSET_GAP"})
"""Reasons of errors that end when the push starts over from what the dock has."""


class Patience:
    """Counts time without progress. `seconds` is how long one bears it.

    A dock that was never reached is not waited for: the user learns at once that it is down.
    """

    def __init__(
        self,
        seconds: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._seconds = seconds
        self._clock = clock
        self._sleep = sleep
        self._was_reached = False
        self._start_anew()

    def progress(self) -> None:
        """Something went on: start counting anew."""
        self.reached()
        self._start_anew()

    def reached(self) -> None:
        """The dock answered, though nothing went on yet."""
        self._was_reached = True

    def wait_turn(self, error: Overloaded) -> None:
        """Pause for as long as a busy dock says; that it has no place just now does not count against it."""
        self._sleep((error.retry_after_s or FIRST_PAUSE_S) * random.uniform(0.8, 1.2))  # noqa: S311 - spreads clients
        self.progress()

    def _start_anew(self) -> None:
        self._since = self._clock()
        self._pause_s = FIRST_PAUSE_S

    def bear(self, error: DockError) -> None:
        """Pause before another try; raise `error` where trying again does not help or patience is over."""
        pause = max(self._pause_s, error.retry_after_s or 0.0)
        over = self._clock() - self._since + pause > self._seconds
        if over or not self._was_reached or not _passing(error):
            raise error
        self._sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311 - spreads clients, hides nothing
        self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)


def _passing(error: DockError) -> bool:
    return isinstance(error, Unavailable | Overloaded) or error.reason in PASSING
