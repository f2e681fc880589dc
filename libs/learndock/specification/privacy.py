"""The rules by which a specification keeps its rows private: how many rows, how far off, for how many they stand."""

from __future__ import annotations

import math
import warnings
from typing import Any, Literal

from learndock.errors import InvalidInput

Privacy = Literal["default", "off"]

FEWEST_ROWS = 25
"""With fewer rows no specification is made unless it is asked for."""
ROWS_PER_POINT = 5
"""Fewer rows for each point (n/K) are refused unless asked for."""
ENOUGH_ROWS_PER_POINT = 20
"""Fewer rows for each point are warned of."""
SUPPORT = 5
"""Rows, at least, that every point stands for."""
TOO_NEAR = 0.05
"""A point nearer to a row than this share of the rows' typical nearest distance is as good as that row."""


class PrivacyWarning(UserWarning):
    """A specification was made that says more of its rows than it should."""


def is_guarded(privacy: Any) -> bool:
    """Read the argument `privacy`. InvalidInput SPECIFICATION_PRIVACY."""
    if privacy not in ("default", "off"):
        raise InvalidInput(
            f"privacy = {str(privacy)[:40]!r} is not known.",
            reason="SPECIFICATION_PRIVACY",
            hint='Leave it out, or say privacy="off".',
        )
    return bool(privacy == "default")


def check_rows(n: int, k: int | None) -> None:
    """Refuse too few rows, or too few for the k points asked for; warn of few for each.

    InvalidInput SPECIFICATION_FEW_ROWS, SPECIFICATION_MANY_POINTS.
    """
    if n < FEWEST_ROWS:
        raise InvalidInput(
            f"A specification of so few rows ({n}) could give single rows away; {FEWEST_ROWS} are needed.",
            reason="SPECIFICATION_FEW_ROWS",
            hint='Give more rows. If nobody could be harmed by these, say privacy="off" (--privacy off).',
        )
    if k is None:
        return
    most = n // ROWS_PER_POINT
    if k > most:
        raise InvalidInput(
            f"{k} points for {n} rows could give single rows away; {most} are the most.",
            reason="SPECIFICATION_MANY_POINTS",
            hint='Leave k out. If nobody could be harmed by these rows, say privacy="off" (--privacy off).',
        )
    if k * ENOUGH_ROWS_PER_POINT > n:
        warnings.warn(
            f"{k} points for {n} rows: {n / k:.0f} rows for each; with {ENOUGH_ROWS_PER_POINT} less is given away.",
            PrivacyWarning,
            stacklevel=3,
        )


def rounded(n: int) -> int:
    """A number of rows to two significant digits: who joins or leaves a table is not to be counted."""
    unit = 10 ** max(0, math.floor(math.log10(n)) - 1) if n > 0 else 1
    return (n + unit // 2) // unit * unit
