"""Whether something costs the others time: windows with it and without it, by turns, and what their ratio may be.

Windows of a pair lie side by side and in an order drawn by lot, so that what else the machine does meets both alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Seconds = NDArray[np.float64]
DRAWS, LEVEL = 2000, 0.95


@dataclass(frozen=True)
class Ratio:
    """A quantile with something over the same without it, and the interval that it is in at `LEVEL`."""

    without: float
    beside: float
    low: float
    high: float

    @property
    def ratio(self) -> float:
        """What was seen."""
        return self.beside / self.without

    def verdict(self, most: float) -> str:
        """Whether the ratio is at most that: `held`, `broken`, or `open` where these samples cannot tell."""
        return "held" if self.high <= most else "broken" if self.low > most else "open"


def compare(without: Sequence[Seconds], beside: Sequence[Seconds], share: float, rng: np.random.Generator) -> Ratio:
    """The ratio of a quantile over all windows; the interval by drawing whole pairs of windows with replacement.

    `without[n]` and `beside[n]` are the samples of pair n, in seconds. Samples of one window hang together (a slow
    moment slows many), so pairs are drawn and not samples.
    """
    plain, harmed = (float(np.quantile(np.concatenate(windows), share)) for windows in (without, beside))
    ratios = np.empty(DRAWS)
    for draw in range(DRAWS):
        chosen = rng.integers(len(without), size=len(without))
        one, other = (np.concatenate([windows[n] for n in chosen]) for windows in (without, beside))
        ratios[draw] = np.quantile(other, share) / np.quantile(one, share)
    low, high = np.quantile(ratios, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Ratio(plain, harmed, float(low), float(high))
