"""Reads what users call a table: arrays, lists, DataFrames."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from learndock.errors import InvalidInput
from learndock.specification.rules import MAX_MAGNITUDE


def read_rows(X: Any) -> npt.NDArray[np.float64]:
    """Give a table as float64 (n, d), n and d at least 1, all finite.

    InvalidInput DATA_SHAPE, DATA_EMPTY, DATA_NOT_NUMERIC, DATA_NOT_FINITE (with the first row and column).
    """
    rows = _numeric(X)
    if rows.ndim != 2:
        hint = "Give a single column as X.reshape(-1, 1)." if rows.ndim == 1 else "Give rows of features."
        _refuse(f"The data has the shape {rows.shape}; a table has two axes.", "DATA_SHAPE", hint)
    if 0 in rows.shape:
        _refuse(f"The data has the shape {rows.shape}: there is nothing in it.", "DATA_EMPTY", "Give at least one row.")
    bad = ~(np.abs(rows) <= MAX_MAGNITUDE)
    if bad.any():
        row, column = (int(each) for each in np.argwhere(bad)[0])
        _refuse(
            f"Row {row}, column {column} holds {rows[row, column]:g}; {int(bad.sum())} such numbers in all "
            f"(NaN, infinity, or beyond {MAX_MAGNITUDE:g}).",
            "DATA_NOT_FINITE",
            "Fill or drop these rows as the model's training did.",
        )
    return rows


def _numeric(X: Any) -> npt.NDArray[np.float64]:
    try:
        found = np.asarray(X.to_numpy() if hasattr(X, "to_numpy") else _unmasked(X))
        # Text of digits would pass as numbers; a mean of codes means nothing.
        if found.dtype.kind not in "biufO" or (found.dtype.kind == "O" and _holds_text(found)):
            _refuse_text()
        # One layout in memory: sums in another order would end elsewhere in the last digits.
        return np.ascontiguousarray(found, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        _refuse_text()


def _holds_text(found: npt.NDArray[Any]) -> bool:
    return any(isinstance(each, str | bytes) for each in found.flat)


def _unmasked(X: Any) -> Any:
    # What lies under a mask is nobody's number: it counts as missing.
    return np.ma.filled(X.astype(np.float64), np.nan) if isinstance(X, np.ma.MaskedArray) else X


def _refuse_text() -> NoReturn:
    _refuse(
        "The data is not a regular table of numbers.",
        "DATA_NOT_NUMERIC",
        "Encode text and dates as the model's input does.",
    )


def _refuse(message: str, reason: str, hint: str) -> NoReturn:
    raise InvalidInput(message, reason=reason, hint=hint)
