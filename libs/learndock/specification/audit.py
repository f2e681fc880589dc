"""audit: what a specification gives away of the rows it was made of, before it is published. Needs the rows."""

from __future__ import annotations

import hashlib
import json
import textwrap
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from learndock.errors import InvalidInput
from learndock.specification.audit_attack import Attack, attack_halves, attack_with
from learndock.specification.audit_rules import LEVELS, Finding, Level, judge
from learndock.specification.guard_measures import Rows, equal_rows, least_distance, nearest_rows, support, too_near
from learndock.specification.kernel import gram
from learndock.specification.reduce import specify, standardise
from learndock.specification.rows import read_rows
from learndock.specification.table import TableSpecification
from learndock.specification.threads import one_thread

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_MMD_ROWS = 4_000


@dataclass(frozen=True, eq=False)
class Audit:
    """What was measured, and what the rules say of it. Distances are in standard deviations of the columns.

    Per point (K,): `nearest` distance to a row and `nearest_row`, its number; `least`, the distance asked for;
    `support`, effective rows around it; `weight`, the rows its beta stands for. `rows_apart` are distances of some
    rows to their nearest other row, `spacing` their median. `mmd2` is the specification's MMD^2 to the rows,
    `mmd2_off` that of as many points without the rules.
    """

    rows: int
    points: int
    findings: tuple[Finding, ...]
    nearest: Array
    nearest_row: Ints
    least: Array
    support: Array
    weight: Array
    rows_apart: Array
    spacing: float
    attack: Attack | None
    mmd2: float
    mmd2_off: float
    specification_sha256: str

    @property
    def verdict(self) -> Level:
        """The worst of the findings: ok, warn or refuse."""
        return max((each.level for each in self.findings), key=LEVELS.index)

    @property
    def guard_cost(self) -> float:
        """How much the rules cost in MMD^2; below 0 where this specification is the nearer one."""
        return self.mmd2 - self.mmd2_off

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what was found: it may travel with the specification, the rows may not."""
        return hashlib.sha256(json.dumps(self._content(), sort_keys=True).encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """Numbers and words only, with the digest. Row numbers are in it: it is meant for the rows' owner."""
        return {**self._content(), "digest": self.digest}

    def summary(self) -> str:
        """A few lines to read."""
        lines = [f"Audit of {self.points} points for {self.rows} rows: {self.verdict.upper()}"]
        lines += [
            textwrap.fill(f"  {each.level:<6} {each.rule:<14} {each.text}", 79, subsequent_indent=" " * 24)
            for each in self.findings
        ]
        cost = (
            f"  MMD^2 to the rows {self.mmd2:.3g}; as many points without the rules {self.mmd2_off:.3g}: "
            f"the rules cost {self.guard_cost:+.2g}."
        )
        lines.append(textwrap.fill(cost, 79, subsequent_indent="  "))
        return "\n".join(lines)

    __str__ = summary

    def _content(self) -> dict[str, Any]:
        attack = self.attack
        return {
            "verdict": self.verdict,
            "rows": self.rows,
            "points": self.points,
            "findings": [each.to_json() for each in self.findings],
            "nearest": _list(self.nearest),
            "nearest_row": self.nearest_row.tolist(),
            "row_spacing": _short(self.spacing),
            "support": _list(self.support),
            "weight_in_rows": _list(self.weight),
            "membership": attack
            and {
                "on": attack.kind,
                "auc": _short(attack.auc),
                "interval": [_short(attack.low), _short(attack.high)],
            },
            "mmd2": _short(self.mmd2),
            "mmd2_without_rules": _short(self.mmd2_off),
            "guard_cost": _short(self.guard_cost),
            "specification_sha256": self.specification_sha256,
        }


def audit(
    specification: TableSpecification,
    X: Any,
    held_out: Any = None,
    *,
    random_state: int = 0,
    progress: Callable[[float], None] | None = None,
) -> Audit:
    """Measure what a specification gives away of the table X (n, d) it was made of.

    `held_out` (m, d) are rows like those of X that had no part in it: with them the membership attack is made on
    this very specification. Without, X is split in halves several times and the attack made on specifications of
    one half; the finding says which. The same input and `random_state` give the same audit.

    InvalidInput as of `specify`, and DATA_SHAPE where widths differ.
    """
    tell = progress or (lambda _: None)
    raw = _rows_for(specification, X, "The table")
    others = None if held_out is None else _rows_for(specification, held_out, "The held-out table")
    rows = standardise(raw)
    z = (specification.z - rows.centre) / rows.spread
    with one_thread():
        first, second, owner = nearest_rows(z, rows)
        least, near, equal = least_distance(second, rows), too_near(z, rows), equal_rows(z, rows)
        around = support(z, rows, specification.gamma)
        tell(0.2)
        attack = _attack(specification, z, rows, others, random_state, lambda done: tell(0.2 + 0.6 * done))
        mmd2 = _squared_mmd(z, specification, rows)
        off = _without_rules(specification, raw, random_state)
        mmd2_off = _squared_mmd((off.z - rows.centre) / rows.spread, off, rows)
    tell(1.0)
    weight = specification.beta * len(raw)
    findings = judge(
        specification,
        len(raw),
        ratio=first / rows.spacing if rows.spacing > 0 else np.full(len(z), np.inf),
        near=near,
        owner=owner,
        equal=equal,
        support=around,
        weight=weight,
        attack=attack,
    )
    return Audit(
        rows=len(raw),
        points=len(z),
        findings=findings,
        nearest=first,
        nearest_row=owner,
        least=least,
        support=around,
        weight=weight,
        rows_apart=rows.apart,
        spacing=rows.spacing,
        attack=attack,
        mmd2=mmd2,
        mmd2_off=mmd2_off,
        specification_sha256=_sha256(specification),
    )


def _rows_for(specification: TableSpecification, X: Any, what: str) -> Array:
    rows = read_rows(X)
    if rows.shape[1] != specification.dimension:
        raise InvalidInput(
            f"{what} has {rows.shape[1]} columns and the specification {specification.dimension}.",
            reason="DATA_SHAPE",
            hint="Give the columns that the specification was made of, in their order, without the target.",
        )
    return rows


def _attack(
    specification: TableSpecification,
    z: Array,
    rows: Rows,
    others: Array | None,
    random_state: int,
    tell: Callable[[float], None],
) -> Attack | None:
    if others is None:
        return attack_halves(rows.standard, len(z), specification.gamma, random_state, tell)
    return attack_with(z, rows.standard, (others - rows.centre) / rows.spread, random_state)


def _without_rules(specification: TableSpecification, raw: Array, random_state: int) -> TableSpecification:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        k, gamma = len(specification.z), specification.gamma
        return specify(raw, k=k, gamma=gamma, random_state=random_state, privacy="off")


def _squared_mmd(z: Array, specification: TableSpecification, rows: Rows) -> float:
    """MMD^2 of standardised points to the rows, or to some of many."""
    some = rows.standard[:: -(-len(rows.standard) // _MMD_ROWS)]
    beta, gamma = specification.beta, specification.gamma
    itself = float(gram(some, some, gamma).mean())
    cross = float(beta @ gram(z, some, gamma).mean(axis=1))
    return max(0.0, float(beta @ gram(z, z, gamma) @ beta) - 2.0 * cross + itself)


def _sha256(specification: TableSpecification) -> str:
    return hashlib.sha256(json.dumps(specification.to_json(), sort_keys=True).encode()).hexdigest()


def _short(value: float) -> float | None:
    return float(f"{value:.6g}") if np.isfinite(value) else None


def _list(values: Array) -> list[float | None]:
    return [_short(float(each)) for each in values]
