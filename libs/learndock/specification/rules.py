"""What a table specification may be; a specification that breaks a rule is refused, never mended."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from learndock.errors import InvalidInput

Array = npt.NDArray[np.float64]

TYPES = ("RKMETableSpecification", "RKMEStatSpecification")
"""Names under which files carry a table specification; the second is the old one."""
MAX_BYTES = 48 << 20
MAX_POINTS = 10_000
MAX_NUMBERS = 1_310_720
MAX_LISTS = 2 * MAX_POINTS + 1_000
MAX_DEPTH = 6
MAX_MAGNITUDE = 1e12
"""Larger features lose all their digits in a squared distance."""
MAX_GAMMA = 1e6
BETA_FLOOR = -1e-6
MASS_TOLERANCE = 1e-3

_BRACKET = re.compile(r"[\[\]{}]")


def refuse(message: str, **details: object) -> NoReturn:
    """Refuse a specification: InvalidInput SPECIFICATION_INVALID."""
    raise InvalidInput(
        message,
        reason="SPECIFICATION_INVALID",
        hint="Make the specification again with learndock.specify().",
        details=details,
    )


def numbers(value: Any, field: str, ndim: int) -> Array:
    """Read an array of finite numbers with `ndim` axes, read-only and owned by nobody else."""
    try:
        found = np.array(value)
    except (ValueError, TypeError):
        refuse(f"{field} is not a regular array of numbers.", field=field)
    if found.dtype.kind not in "iuf":
        refuse(f"{field} holds something other than numbers.", field=field)
    if found.ndim != ndim or 0 in found.shape:
        refuse(f"{field} has the shape {found.shape}; {ndim} axes with something in them are needed.", field=field)
    found = found.astype(np.float64)
    if not np.isfinite(found).all():
        refuse(f"{field} holds NaN or infinity.", field=field)
    found.flags.writeable = False
    return found


def check_points(z: Array) -> None:
    """Refuse too many, or points out of any sane range."""
    points, width = z.shape
    if points > MAX_POINTS or z.size > MAX_NUMBERS:
        refuse(f"z has {points} points of width {width}; the limits are {MAX_POINTS} and {MAX_NUMBERS} in all.")
    if np.abs(z).max() > MAX_MAGNITUDE:
        refuse(f"z holds a number beyond {MAX_MAGNITUDE:g}.", field="z")


def check_mass(z: Array, beta: Array) -> None:
    """Refuse weights that are no distribution: with little mass a specification would look near to every task."""
    if len(beta) != len(z):
        refuse(f"beta has {len(beta)} weights for {len(z)} points.", field="beta")
    if beta.min() < BETA_FLOOR:
        refuse(f"beta holds a negative weight ({beta.min():.3g}).", field="beta")
    if abs(beta.sum() - 1.0) > MASS_TOLERANCE:
        refuse(f"beta sums to {beta.sum():.6g}, not to 1.", field="beta")


def check_gamma(value: Any) -> float:
    """Read a kernel width: a finite number above nought."""
    known = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    if not known or not 0 < value <= MAX_GAMMA:
        refuse("gamma is not a number above 0 and within reason.", field="gamma")
    return float(value)


def check_count(value: Any, points: int) -> int:
    """Read the number of rows that a specification stands for; 0 where unsaid."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not _is_whole(value):
        refuse("num_points is not a whole number.", field="num_points")
    count = int(value)
    if count != 0 and not points <= count <= 1 << 62:
        refuse(f"num_points is {count}, with {points} reduced points.", field="num_points")
    return count


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) or (math.isfinite(value) and float(value) == int(value))


def parse_document(value: str | bytes | Mapping[str, Any]) -> Mapping[str, Any]:
    """Read JSON text within the limits; NaN and infinity are no JSON."""
    if isinstance(value, Mapping):
        return value
    if len(value) > MAX_BYTES:
        refuse(f"The specification is larger than {MAX_BYTES} bytes.", limit=MAX_BYTES)
    try:
        text = value.decode("utf-8-sig") if isinstance(value, bytes) else value
        _check_amount(text)
        _check_depth(text)
        document = json.loads(text, parse_constant=_not_json, parse_int=_whole, object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        refuse("The specification is not valid JSON.")
    if not isinstance(document, dict):
        refuse("The specification is not a JSON object.")
    return document


def _check_amount(text: str) -> None:
    # Before anything is made of it: millions of empty lists take hundreds of times their text to hold.
    if text.count("[") + text.count("{") > MAX_LISTS or text.count(",") > MAX_NUMBERS + MAX_LISTS:
        refuse(
            f"The specification has more than {MAX_LISTS} lists or {MAX_NUMBERS} numbers.",
            lists=MAX_LISTS,
            numbers=MAX_NUMBERS,
        )


def _check_depth(text: str) -> None:
    # Brackets inside strings count too: no honest specification has them.
    depth = 0
    for bracket in _BRACKET.finditer(text):
        depth += 1 if bracket.group() in "[{" else -1
        if depth > MAX_DEPTH:
            refuse(f"The specification is nested deeper than {MAX_DEPTH}.", limit=MAX_DEPTH)


def _not_json(word: str) -> NoReturn:
    raise ValueError(word)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is there twice")
    return found


def _whole(digits: str) -> int:
    if len(digits) > 20:
        raise ValueError(digits)
    return int(digits)
