"""The rules of an audit: what each measured number means, and which rows show."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from learndock.specification.audit_attack import Attack
from learndock.specification.privacy import (
    ENOUGH_ROWS_PER_POINT,
    FEWEST_ROWS,
    ROWS_PER_POINT,
    SUPPORT,
    TOO_NEAR,
    rounded,
)
from learndock.specification.table import TableSpecification

Array = npt.NDArray[np.float64]

Level = Literal["ok", "warn", "refuse"]
LEVELS: tuple[Level, ...] = ("ok", "warn", "refuse")

AUC_WARN, AUC_REFUSE = 0.55, 0.6
_CHANCE = 0.5
_MOST_NAMED = 20


@dataclass(frozen=True)
class Finding:
    """What a rule says: its level, the worst value measured, a sentence, and the rows that show (numbers from 0)."""

    rule: str
    level: Level
    value: float | None
    text: str
    rows: tuple[int, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Numbers and words only."""
        return {**asdict(self), "rows": list(self.rows)}


def judge(
    specification: TableSpecification,
    n: int,
    *,
    ratio: Array,
    near: npt.NDArray[np.bool_],
    owner: npt.NDArray[np.int64],
    equal: npt.NDArray[np.int64],
    support: Array,
    weight: Array,
    attack: Attack | None,
) -> tuple[Finding, ...]:
    """Findings on the measured numbers of every point (K,) and on the attack, a rule each."""
    return (
        _counts(n, len(specification.z)),
        _support(support, weight, owner),
        _weight(weight),
        _nearest(ratio, near, owner),
        _whole(equal),
        _membership(attack),
        _total(specification.num_points, n),
    )


def _counts(n: int, k: int) -> Finding:
    each = n / k
    few = n < FEWEST_ROWS or each < ROWS_PER_POINT
    level: Level = "refuse" if few else "warn" if each < ENOUGH_ROWS_PER_POINT else "ok"
    text = f"{n} rows for {k} points: {each:.1f} rows for each."
    if n < FEWEST_ROWS:
        text += f" {FEWEST_ROWS} rows are the fewest."
    elif level != "ok":
        text += f" {ENOUGH_ROWS_PER_POINT} are enough, fewer than {ROWS_PER_POINT} are refused."
    return Finding("rows per point", level, each, text)


def _support(support: Array, weight: Array, owner: npt.NDArray[np.int64]) -> Finding:
    low = support < SUPPORT * (1 - 1e-6)
    text = f"Around the loneliest point there are {support.min():.1f} rows (effective); {SUPPORT} are needed."
    if low.any():
        text = f"{low.sum()} of {len(weight)} points stand for too few. " + text
    return Finding("support", "refuse" if low.any() else "ok", float(support.min()), text, _numbers(owner[low]))


def _weight(weight: Array) -> Finding:
    low = weight < SUPPORT * (1 - 1e-6)
    text = f"The lightest point weighs as much as {max(0.0, weight.min()):.1f} rows."
    if low.any():
        text += f" {low.sum()} of {len(weight)} weigh less than {SUPPORT}: they may be outliers."
    return Finding("weight", "warn" if low.any() else "ok", float(weight.min()), text)


def _nearest(ratio: Array, near: npt.NDArray[np.bool_], owner: npt.NDArray[np.int64]) -> Finding:
    least = float(ratio.min())
    if not np.isfinite(least):
        return Finding("nearest row", "ok", None, "All rows are equal.")
    text = f"The nearest row lies at {least:.1%} of the rows' median distance to the next row; {TOO_NEAR:.0%} is least."
    if not near.any():
        if least < TOO_NEAR:
            text += f" Rows nearer than that are each shared by {SUPPORT} or more."
        return Finding("nearest row", "ok", least, text)
    rows = _numbers(owner[near])
    text = f"{near.sum()} of {len(near)} points lie on or beside a row, or in its gap: {_named(rows)}. {text}"
    return Finding("nearest row", "refuse", least, text, rows)


def _whole(equal: npt.NDArray[np.int64]) -> Finding:
    rows = _numbers(equal[equal >= 0])
    if not rows:
        return Finding("whole numbers", "ok", 0.0, "No point has the whole numbers of a row.")
    text = f"{len(rows)} points have whole numbers that fewer than {SUPPORT} rows share: {_named(rows)}."
    return Finding("whole numbers", "refuse", float(len(rows)), text, rows)


def _membership(attack: Attack | None) -> Finding:
    rule = "membership"
    if attack is None:
        return Finding(rule, "warn", None, "Not attacked: give held-out rows, or 50 rows at least to split.")
    told = attack.low > _CHANCE
    level: Level = "ok"
    if told and attack.auc > AUC_WARN:
        level = "refuse" if attack.auc > AUC_REFUSE else "warn"
    text = f"AUC {attack.auc:.3f} (95 %: {attack.low:.3f} to {attack.high:.3f}; .5 is chance)"
    if attack.auc > AUC_WARN and not told:
        text += ", which so few rows can't tell from chance"
    text += (
        " on the held-out rows."
        if attack.kind == "held-out"
        else " on specifications made alike of halves of the rows; give held-out rows to test this very file."
    )
    return Finding(rule, level, attack.auc, text)


def _total(told: int, n: int) -> Finding:
    rule, value = "row count", float(told)
    if told == 0:
        return Finding(rule, "ok", value, "The number of rows is not told.")
    if told == rounded(n):
        return Finding(rule, "ok", value, f"The number of rows is told as {told}, to two digits.")
    if told == n:
        return Finding(rule, "warn", value, f"The number of rows is told exactly, {told}; {rounded(n)} would do.")
    return Finding(rule, "warn", value, f"It says {told} rows and the table has {n}: are they the same?")


def _numbers(rows: Iterable[Any]) -> tuple[int, ...]:
    return tuple(sorted({int(each) for each in rows}))


def _named(rows: tuple[int, ...]) -> str:
    more = f" and {len(rows) - _MOST_NAMED} more" if len(rows) > _MOST_NAMED else ""
    return f"row{'s' if len(rows) > 1 else ''} {', '.join(str(each) for each in rows[:_MOST_NAMED])}{more}"
