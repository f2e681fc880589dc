"""A standby that answers reads as soon as it has come as far as the reader must see."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack

from sqlalchemy import select
from sqlalchemy.orm import Session

from dock_db import tables
from learndock.errors import DockError

_log = logging.getLogger(__name__)
_STEP_S = 0.01
_REST_S = 2.0


class Standby:
    """Gives views that hold a revision, or None where the standby is too far behind or does not answer.

    After such a failure it is left alone for a moment, so that not every read waits for it.
    """

    def __init__(self, read: Callable[[], AbstractContextManager[Session]], *, patience_s: float) -> None:
        self._read = read
        self._patience_s = patience_s
        self._resting_until = 0.0

    def view(self, revision: int, stack: ExitStack) -> Session | None:
        """A session whose one view holds `revision`; it ends with the stack."""
        if time.monotonic() < self._resting_until:
            return None
        end = time.monotonic() + self._patience_s
        try:
            while True:
                with ExitStack() as attempt:
                    session = attempt.enter_context(self._read())
                    if self._revision(session) >= revision:
                        stack.push(attempt.pop_all())
                        return session
                if time.monotonic() >= end:
                    break
                time.sleep(_STEP_S)
            _log.warning("the standby is behind revision %d; the primary answers", revision)
        except DockError as error:
            _log.warning("the standby does not answer; the primary does: %s", error, extra={"reason": error.reason})
        self._resting_until = time.monotonic() + _REST_S
        return None

    def _revision(self, session: Session) -> int:
        return int(session.scalar(select(tables.revision.c.value)) or 0)
