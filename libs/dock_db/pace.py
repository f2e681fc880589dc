"""How many events go to the bus together."""

from __future__ import annotations

SLOW_S = 1.0


class Pace:
    """Many while the bus is quick, fewer while it is slow or refuses, down to one at a time.

    A bus that is behind shall not be given again and again what it has not come to confirm, and what a crash publishes
    again stays little.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.size = most
        """Of the next publishing."""

    def note(self, seconds: float, *, whole: bool) -> None:
        """A publishing took so long; `whole`: the bus confirmed all of it."""
        if not whole or seconds > SLOW_S:
            self.size = max(1, self.size // 2)
        else:
            self.size = min(self._most, 2 * self.size)
