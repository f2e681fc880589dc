"""The attack that an audit makes: from a specification, tell the rows it was made of from others.

The attacker holds a row and takes it for used when it lies near to a published point. AUC is the chance that a row
that was used lies nearer than one that was not: .5 tells nothing, 1 everything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from learndock.specification.kernel import squared_distances
from learndock.specification.privacy import FEWEST_ROWS, ROWS_PER_POINT
from learndock.specification.reduce import specify
from learndock.specification.table import TableSpecification

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

Kind = Literal["held-out", "halves"]

MOST_ROWS = 4_000
"""Rows used, of each side, in one attack."""
SPLITS = 4
DRAWS = 300
"""Samples of the bootstrap."""
_TAIL = 0.025


@dataclass(frozen=True)
class Trial:
    """One attack: the distances to the nearest point of rows that were used and of others, and the rows' numbers."""

    used: Array
    others: Array
    used_rows: Ints
    other_rows: Ints


@dataclass(frozen=True)
class Attack:
    """AUC over all trials with its 95 % interval; `kind` says on whom the attack was made.

    "held-out": on this specification, with rows given that it was not made of. "halves": on specifications made
    in the same way of halves of the rows, which says something of the way and nothing of the file.
    """

    kind: Kind
    auc: float
    low: float
    high: float
    trials: tuple[Trial, ...]

    def curve(self) -> tuple[Array, Array]:
        """False and true positive rates (p,) over all thresholds, of all trials together."""
        used = np.concatenate([each.used for each in self.trials])
        others = np.concatenate([each.others for each in self.trials])
        at = np.unique(np.concatenate([used, others]))
        right = np.searchsorted(np.sort(used), at, side="right") / len(used)
        wrong = np.searchsorted(np.sort(others), at, side="right") / len(others)
        return np.concatenate([[0.0], wrong]), np.concatenate([[0.0], right])


def attack_with(z: Array, rows: Array, held_out: Array, random_state: int) -> Attack:
    """Attack the points z with the rows (n, d) they were made of and others (m, d), all in one unit."""
    rng = np.random.default_rng(random_state)
    used, others = _some(len(rows), rng), _some(len(held_out), rng)
    trial = Trial(_nearest(rows[used], z), _nearest(held_out[others], z), used, others + len(rows))
    return _attack("held-out", [trial], len(rows) + len(held_out), rng)


def attack_halves(
    rows: Array, points: int, gamma: float, random_state: int, tell: Callable[[float], None]
) -> Attack | None:
    """Attack specifications of halves of the rows, with as many rows for each point; None where they are too few."""
    half = len(rows) // 2
    if half < FEWEST_ROWS:
        return None
    k = max(1, round(points * half / len(rows)))
    rng = np.random.default_rng(random_state)
    trials = []
    for split in range(SPLITS):
        order = rng.permutation(len(rows))
        used, others = order[:half], order[half:]
        made = _made_alike(rows[used], k, gamma, split)
        used, others = used[:MOST_ROWS], others[:MOST_ROWS]
        trials.append(Trial(_nearest(rows[used], made.z), _nearest(rows[others], made.z), used, others))
        tell((split + 1) / SPLITS)
    return _attack("halves", trials, len(rows), rng)


def _made_alike(rows: Array, k: int, gamma: float, seed: int) -> TableSpecification:
    """A specification with the rules, as far as they allow so many points; without their warnings."""
    import warnings  # noqa: PLC0415

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        privacy: Literal["default", "off"] = "default" if k * ROWS_PER_POINT <= len(rows) else "off"
        return specify(rows, k=k, gamma=gamma, random_state=seed, privacy=privacy)


def _some(n: int, rng: np.random.Generator) -> Ints:
    return np.arange(n) if n <= MOST_ROWS else np.sort(rng.choice(n, MOST_ROWS, replace=False))


def _nearest(rows: Array, z: Array) -> Array:
    return np.asarray(np.sqrt(squared_distances(z, rows).min(axis=0)))


def _attack(kind: Kind, trials: Sequence[Trial], n: int, rng: np.random.Generator) -> Attack:
    """AUC, and its interval by drawing rows anew: a row counts as often in all trials it is in."""
    parts = [_Ranked(each) for each in trials]
    auc = float(np.mean([part.auc(np.ones(n)) for part in parts]))
    drawn = []
    for _ in range(DRAWS):
        times = np.bincount(rng.integers(n, size=n), minlength=n).astype(np.float64)
        drawn.append(np.mean([part.auc(times) for part in parts]))
    low, high = np.quantile(drawn, [_TAIL, 1 - _TAIL])
    return Attack(kind, auc, float(low), float(high), tuple(trials))


class _Ranked:
    """A trial sorted once, whose AUC is then asked for many weights of its rows."""

    def __init__(self, trial: Trial) -> None:
        self.trial = trial
        _, place = np.unique(np.concatenate([trial.used, trial.others]), return_inverse=True)
        self.used, self.others = place[: len(trial.used)], place[len(trial.used) :]
        self.places = int(place.max()) + 1

    def auc(self, times: Array) -> float:
        used = np.bincount(self.used, times[self.trial.used_rows], self.places)
        others = np.bincount(self.others, times[self.trial.other_rows], self.places)
        total = used.sum() * others.sum()
        if total == 0:
            return 0.5
        farther = others.sum() - np.cumsum(others)
        return float((used * (farther + 0.5 * others)).sum() / total)
