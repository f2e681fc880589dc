"""The rows that a reuser is given: what no member could take is refused before any is asked."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from learndock.reuse.errors import InvalidInput, NotNumbers

Array = NDArray[Any]


def check_rows(X: Any) -> Any:
    """`X` as the members are given it: arrays and tables as they are, lists of numbers as an array.

    Images (n, …) and texts (a list of strings) pass. InvalidInput DATA_SPARSE, DATA_COMPLEX, DATA_EMPTY, DATA_SHAPE.
    """
    if hasattr(X, "toarray"):
        raise InvalidInput(
            "Sparse data are not supported.", reason="DATA_SPARSE", hint="Learnwares take dense rows: X.toarray()."
        )
    rows = X if hasattr(X, "iloc") else _array(X)
    shape = tuple(getattr(rows, "shape", (len(rows),)))
    if getattr(getattr(rows, "dtype", None), "kind", "") == "c":
        raise InvalidInput("Complex data not supported.", reason="DATA_COMPLEX", hint="Give real and imaginary parts.")
    if len(shape) == 1 and shape[0] and isinstance(rows, np.ndarray) and rows.dtype.kind in "fiub":
        raise InvalidInput(
            f"X has the shape {shape}; rows of numbers (n, d) are needed. Reshape your data.",
            reason="DATA_SHAPE",
            hint="X.reshape(-1, 1) for one column, X.reshape(1, -1) for one row.",
        )
    for axis, kind in enumerate(("sample", "feature")[: len(shape)]):
        if shape[axis] == 0:
            raise InvalidInput(
                f"Found array with 0 {kind}(s) (shape={shape}) while a minimum of 1 is required.",
                reason="DATA_EMPTY",
                hint="Give at least one row and one column.",
            )
    return rows


def check_table(X: Any) -> Array:
    """`X` as float64 (n, d), finite. InvalidInput DATA_SHAPE, DATA_NOT_NUMERIC, DATA_NOT_FINITE and as `check_rows`."""
    rows = check_rows(X)
    try:
        table: Array = np.asarray(rows, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise NotNumbers(
            f"X holds what is no number: {error}.",
            reason="DATA_NOT_NUMERIC",
            hint="Use AveragingReuser for data that are no tables.",
        ) from error
    if table.ndim != 2:
        raise InvalidInput(
            f"X has the shape {table.shape}; rows of numbers (n, d) are needed.",
            reason="DATA_SHAPE",
            hint="Use AveragingReuser for data that are no tables.",
        )
    if not np.isfinite(table).all():
        raise InvalidInput(
            "X contains NaN or infinity.", reason="DATA_NOT_FINITE", hint="Fill or drop such rows first."
        )
    return table


def count_columns(X: Any) -> int | None:
    """The width of a table, None for anything else."""
    shape: tuple[int, ...] = getattr(X, "shape", ())
    return int(shape[1]) if len(shape) == 2 else None


def count_rows(X: Any) -> int:
    """How many rows there are, of arrays, tables and lists."""
    return int(X.shape[0]) if hasattr(X, "shape") else len(X)


def _array(X: Any) -> Any:
    if isinstance(X, np.ndarray):
        return X
    try:
        array = np.asarray(X)
    except ValueError:  # ragged: a list of texts of tokens, say
        return X
    return array if array.ndim > 1 or array.dtype.kind in "fiubc" else X
