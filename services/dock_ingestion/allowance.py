"""How many uploads an owner may begin: some at once, then as many as the time brings."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from learndock.errors import Overloaded

AT_ONCE_S = 6.0
_MOST_OWNERS = 10_000


class Allowance:
    """`per_minute` uploads for each owner, a tenth of them at once. Counted in this process and forgotten with it."""

    def __init__(self, per_minute: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._lock = threading.Lock()
        self._spent_until: dict[str, float] = {}  # the moment at which an owner has everything again

    def take(self, owner: str) -> None:
        """Count one upload. Overloaded UPLOADS_TOO_FAST where none is left."""
        now, price = self._clock(), 60.0 / self._per_minute
        with self._lock:
            spent_until = max(self._spent_until.get(owner, now), now) + price
            wait = spent_until - now - max(AT_ONCE_S, price)
            if wait <= 1e-6:
                self._spent_until[owner] = spent_until
                if len(self._spent_until) > _MOST_OWNERS:
                    self._forget(now)
                return
        raise Overloaded(
            f"{owner} begins more than {self._per_minute} uploads a minute.",
            reason="UPLOADS_TOO_FAST",
            hint="Push more slowly; an operator can raise DOCK_INGESTION_MAX_UPLOADS_PER_MINUTE.",
            retry_after_s=max(1.0, wait),
        )

    def _forget(self, now: float) -> None:
        """Owners that have everything again; where there are too many others, all: better generous than large."""
        kept = {owner: until for owner, until in self._spent_until.items() if until > now}
        self._spent_until = kept if len(kept) <= _MOST_OWNERS else {}
