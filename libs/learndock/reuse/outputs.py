"""What models say, in one form: probabilities (n, classes) or numbers (n, outputs)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from learndock.reuse.errors import InvalidInput

Array = NDArray[Any]
MOST_CLASSES = 10_000
"""Where nobody said how many there are: each takes a column, and what gives years or numbers of things is no class."""
ROUNDING = 1e-3
"""How far rows of probabilities may be from the sum 1 (float16 outputs) before they count as scores."""


def as_table(output: Any, rows: int, key: str) -> Array:
    """A model's raw output as float64 (rows, columns); InvalidInput MEMBER_OUTPUT_SHAPE names the member."""
    array = _as_array(output)
    if array.ndim == 1:
        array = array[:, None]
    if array.dtype.kind not in "fiub" or array.ndim != 2 or len(array) != rows or array.shape[1] == 0:
        raise InvalidInput(
            f"Member {key} gave {array.dtype} of shape {_shape(output)} for {rows} rows; "
            "expected numbers of shape (rows,) or (rows, outputs).",
            reason="MEMBER_OUTPUT_SHAPE",
            hint="Leave this member out, or wrap it in a model that returns that shape.",
            details={"key": key, "shape": _shape(output), "rows": rows},
        )
    return array.astype(np.float64)


def as_probabilities(table: Array, n_classes: int | None, key: str) -> Array:
    """Probabilities (n, classes) from labels, probabilities or scores of one member.

    Labels become one-hot rows, scores go through a softmax, and a member that knows fewer classes gets zeros for the
    others. A single column of fractions is the probability of class 1 of two. InvalidInput MEMBER_OUTPUT_LABELS
    for labels outside 0 … n_classes-1, MEMBER_OUTPUT_SHAPE for more columns than classes.
    """
    if table.shape[1] == 1:
        return _from_column(table[:, 0], n_classes, key)
    if n_classes is not None and table.shape[1] > n_classes:
        raise InvalidInput(
            f"Member {key} gave {table.shape[1]} columns for a task of {n_classes} classes.",
            reason="MEMBER_OUTPUT_SHAPE",
            hint="Leave this member out: it was made for another set of classes.",
            details={"key": key, "columns": table.shape[1], "n_classes": n_classes},
        )
    return widen(_normalised(table), n_classes or table.shape[1])


def widen(probabilities: Array, n_classes: int) -> Array:
    """The same rows with zeros for the classes that are not known to the member."""
    missing = n_classes - probabilities.shape[1]
    return probabilities if missing <= 0 else np.pad(probabilities, ((0, 0), (0, missing)))


def one_hot(labels: Array, n_classes: int) -> Array:
    """Rows of the unit matrix, float64 (n, n_classes)."""
    rows: Array = np.zeros((len(labels), n_classes))
    rows[np.arange(len(labels)), labels.astype(int)] = 1.0
    return rows


def _from_column(column: Array, n_classes: int | None, key: str) -> Array:
    if np.array_equal(column, np.round(column)):
        highest = int(column.max(initial=-1))
        if column.min(initial=0) < 0 or highest >= (n_classes or MOST_CLASSES):
            raise _labels_refused(key, column, n_classes)
        return one_hot(column, n_classes or highest + 1)
    if n_classes in (None, 2) and column.min() >= 0 and column.max() <= 1:
        return np.stack([1 - column, column], axis=1)
    raise _labels_refused(key, column, n_classes)


def _labels_refused(key: str, column: Array, n_classes: int | None) -> InvalidInput:
    classes = f"0 … {(n_classes or MOST_CLASSES) - 1}"
    return InvalidInput(
        f"Member {key} gave values in [{column.min():g}, {column.max():g}]; labels are whole numbers {classes}.",
        reason="MEMBER_OUTPUT_LABELS",
        hint="Leave this member out, or check that it is a classifier for these classes.",
        details={"key": key, "n_classes": n_classes},
    )


def _normalised(table: Array) -> Array:
    sums = table.sum(axis=1)
    # With very many columns the tolerance would reach down to rows of noughts, which are no distribution.
    if table.min(initial=0) >= -ROUNDING and np.all(np.abs(sums - 1) <= min(0.5, ROUNDING * table.shape[1])):
        clipped = np.clip(table, 0, None)
        return np.asarray(clipped / clipped.sum(axis=1, keepdims=True))
    powers = np.exp(table - table.max(axis=1, keepdims=True))
    result: Array = powers / powers.sum(axis=1, keepdims=True)
    return result


def _as_array(output: Any) -> Array:
    try:
        return np.asarray(output)
    except (TypeError, ValueError):  # ragged rows: no array at all
        return np.asarray(output, dtype=object)


def _shape(output: Any) -> tuple[int, ...]:
    return _as_array(output).shape
