"""In which order rows of the fault matrix are played, how large, and when it is enough."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sizes import FULL, LONG, SHORT

FAVOURITE = "1"
"""The row that is drawn half of the time once each was played: it has by far the most that can be drawn."""
_NO_END = float("inf")


@dataclass(frozen=True)
class Play:
    """One play of a row."""

    row: str
    seed: int
    size: int


class Campaign:
    """Each row once, in a drawn order; then more seeds, until the time is spent.

    Args:
        rows: which.
        seed: of the first plays; each round of plays has the next. It draws the order, too.
        budget_s: no play begins that would not end within, as far as earlier ones of its row tell. A row that was not
            played until then is played all the same, as short as tests have it. Without a budget each row is played
            once.
        size: how much of each.

    """

    def __init__(
        self,
        rows: Sequence[str],
        *,
        seed: int = 0,
        budget_s: float | None = None,
        size: int = LONG,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rows = list(rows)
        self._seed = seed
        self._size = size
        self._budget_s = budget_s
        self._clock = clock
        self._rng = random.Random(seed)  # noqa: S311 - draws an order, hides nothing
        self._took: dict[str, float] = {}

    @classmethod
    def full(cls, rows: Sequence[str], *, seed: int = 0) -> Campaign:
        """Each row once, with all that is asked of it: hours."""
        return cls(rows, seed=seed, size=FULL)

    def plays(self) -> Iterator[Play]:
        """What to play next, until nothing more fits. A play is over when the next one is asked for."""
        begun = self._clock()
        order = self._rows.copy()
        self._rng.shuffle(order)
        for row in order:
            spent = self._budget_s is not None and self._clock() - begun >= self._budget_s
            yield from self._timed(Play(row, self._seed, min(SHORT, self._size) if spent else self._size))
        seed = self._seed
        while fitting := self._fitting(begun):
            seed += 1
            yield from self._timed(Play(self._draw(fitting), seed, self._size))

    def _timed(self, play: Play) -> Iterator[Play]:
        begun = self._clock()
        yield play
        if play.size == self._size:
            self._took[play.row] = max(self._took.get(play.row, 0.0), self._clock() - begun)

    def _fitting(self, begun: float) -> list[str]:
        left = -_NO_END if self._budget_s is None else self._budget_s - (self._clock() - begun)
        return [row for row in self._rows if self._took.get(row, _NO_END) <= left]

    def _draw(self, fitting: Sequence[str]) -> str:
        others = [row for row in fitting if row != FAVOURITE]
        if FAVOURITE in fitting and (not others or self._rng.random() < 0.5):
            return FAVOURITE
        return self._rng.choice(others)
