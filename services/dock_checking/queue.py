"""Worker threads that pull checks from the database; events only wake them (guarantees G5 and G6)."""

from __future__ import annotations

import enum
import logging
import threading
import time
from collections.abc import Callable

from dock_checking.examiner import Examiner
from learndock.errors import DockError

_log = logging.getLogger(__name__)


OnAttempt = Callable[[str], None]
"""Called with how an attempt ended: done, fenced, put_off, damaged (the package, in the store) or failed."""


class _End(enum.Enum):
    """How one turn ended."""

    DONE = enum.auto()
    NOTHING = enum.auto()
    FAILED = enum.auto()


class CheckQueue:
    """`parallel` threads, each checking one learnware after the other."""

    def __init__(
        self, examiner: Examiner, *, parallel: int, poll_s: float, on_attempt: OnAttempt = lambda _outcome: None
    ) -> None:
        self._on_attempt = on_attempt
        self._examiner = examiner
        self._poll_s = poll_s
        self._stopping = threading.Event()
        self._wake = threading.Semaphore(0)
        self._threads = [
            threading.Thread(target=self._run, name=f"checker-{number}", daemon=True) for number in range(parallel)
        ]

    def start(self) -> None:
        """Start checking."""
        for thread in self._threads:
            thread.start()

    def drain(self) -> None:
        """Take no more checks; the running ones go on."""
        self._stopping.set()
        for _ in self._threads:
            self._wake.release()

    def stop(self, timeout_s: float = 5.0) -> None:
        """Take no more checks, wait for the running ones, and give back those that do not end in time."""
        self.drain()
        end = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))
        given = self._examiner.give_back()
        if given:
            _log.info("checks were given back for others to make", extra={"checks": given})

    def wake(self) -> None:
        """Something may be waiting."""
        self._wake.release()

    def _run(self) -> None:
        ended = _End.DONE
        while not self._stopping.is_set():
            before, ended = ended, self._one()
            if ended is _End.NOTHING:
                self._wake.acquire(timeout=self._poll_s)
            elif before is ended is _End.FAILED:
                # It looks like the host's fault, for which each that waits would lose a try.
                self._stopping.wait(self._poll_s)

    def _one(self) -> _End:
        try:
            row = self._examiner.next()
            if row is None:
                return _End.NOTHING
            self._on_attempt("done" if self._examiner.check(row) else "fenced")
        except DockError as error:
            damaged = error.reason == "PACKAGE_DAMAGED"
            self._on_attempt("damaged" if damaged else "put_off")
            _log.warning("check put off: %s", error, extra={"reason": error.reason})
            # What is wrong with one package alone must not cost the others a rest.
            return _End.DONE if damaged else _End.FAILED
        except Exception:  # noqa: BLE001 - the thread must live on
            self._on_attempt("failed")
            _log.exception("check failed inside the dock; its lease will run out and it is tried again")
            return _End.FAILED
        return _End.DONE
