"""Failpoints in a drawn order, until each has killed: what was not met is tried again, and named in the end."""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Mapping, Sequence

TRIES = 3
_ONE_LEADS = "reconciler"
"""Only one process of all passes these, so only one service is armed with them at a time."""


class Deck:
    """Deals each service its failpoints, one for each round; seed after seed, in another order each time."""

    def __init__(self, points: Mapping[str, Sequence[str]]) -> None:
        self._points = points
        self._waiting: dict[str, deque[str]] = {target: deque() for target in points}
        self._missed: Counter[tuple[str, str]] = Counter()
        self._met: Counter[tuple[str, str]] = Counter()

    def deal(self, rng: random.Random) -> dict[str, str]:
        """A failpoint for each service."""
        hand: dict[str, str] = {}
        for target, waiting in self._waiting.items():
            if not waiting:
                names = list(self._points[target])
                rng.shuffle(names)
                waiting.extend(names)
            for _ in range(len(waiting)):
                name = waiting.popleft()
                if not name.startswith(_ONE_LEADS) or not any(other.startswith(_ONE_LEADS) for other in hand.values()):
                    hand[target] = name
                    break
                waiting.append(name)
        return hand

    def met(self, target: str, name: str) -> None:
        """It killed."""
        self._met[target, name] += 1

    def missed(self, target: str, name: str) -> None:
        """Nobody passed it: it is dealt again, last of all, unless it was missed too often."""
        self._missed[target, name] += 1
        if self._missed[target, name] < TRIES:
            self._waiting[target].append(name)

    @property
    def covered(self) -> tuple[int, int]:
        """How many have killed, and how many there are."""
        return len(self._met), sum(map(len, self._points.values()))

    @property
    def never(self) -> list[str]:
        """Which were dealt and never killed."""
        return [f"{target} at {name}" for target, name in self._missed if not self._met[target, name]]
