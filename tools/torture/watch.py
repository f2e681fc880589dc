"""Whoever watches over something long that nobody looks at: what hangs is ended, and so is what somebody cuts short."""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

UNWINDS_S = 30.0


class Watch:
    """Turns SIGINT, SIGTERM, and a piece of work that takes too long into one KeyboardInterrupt.

    Where the main thread does not come to an end `UNWINDS_S` after that, the process ends all the same.

    Args:
        longest_s: how long a piece of work may take.
        stacks: file for what every thread was at when one took longer.

    """

    def __init__(self, longest_s: float, stacks: Path) -> None:
        self._longest_s = longest_s
        self._stacks = stacks
        self._cut = False
        self.hung = ""

    def begin(self, last: Callable[[], object]) -> None:
        """From now on. `last` is done where nothing else helps, before the process ends."""
        self._last = last
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._interrupt)

    @contextmanager
    def over(self, what: str) -> Iterator[None]:
        """Watch over a piece of work."""
        timer = threading.Timer(self._longest_s, self._hangs, [what])
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _hangs(self, what: str) -> None:
        self.hung = what
        with self._stacks.open("w", encoding="utf-8") as file:
            faulthandler.dump_traceback(file)
        print(f"{what} hangs:\n{self._stacks.read_text(encoding='utf-8')}", file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGTERM)

    def _interrupt(self, _number: int, _frame: FrameType | None) -> None:
        if self._cut:
            return
        self._cut = True
        timer = threading.Timer(UNWINDS_S, self._end)
        timer.daemon = True
        timer.start()
        raise KeyboardInterrupt

    def _end(self) -> None:
        try:
            self._last()
        finally:
            os._exit(1 if self.hung else 130)
