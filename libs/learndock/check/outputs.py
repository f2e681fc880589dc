"""Rules that a model's outputs keep; the same ones while it is checked and later. Arrays in, CheckFailed out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from learndock.check.report import CheckFailed, CheckWarned

Array = npt.NDArray[Any]


def check_rows(outputs: Array, rows: int) -> None:
    """One row of output per input. CheckFailed OUTPUT_ROWS."""
    if outputs.ndim == 0 or len(outputs) != rows:
        found = "a single number" if outputs.ndim == 0 else f"{len(outputs)} rows"
        raise CheckFailed(
            "OUTPUT_ROWS",
            f"predict was given {rows} inputs and returned {found}.",
            "Return one row for each input, in the same order.",
        )


def check_shape(outputs: Array, declared: Sequence[int | None]) -> None:
    """Each row as the model declares it; one number a row is a column. CheckFailed OUTPUT_SHAPE."""
    found = outputs.shape[1:] or (1,)
    wanted = tuple(declared) or (1,)
    fits = len(found) == len(wanted) and all(w in (None, f) for w, f in zip(wanted, found, strict=True))
    if not fits:
        raise CheckFailed(
            "OUTPUT_SHAPE",
            f"A row of predict's output has shape {found}, but the model's output_shape says {wanted}.",
            "Make output_shape and predict agree.",
        )


def check_finite(outputs: Array) -> None:
    """No NaN, no infinity. CheckFailed OUTPUT_NOT_FINITE."""
    if outputs.dtype.kind == "f" and not np.isfinite(outputs).all():
        bad = int((~np.isfinite(outputs)).reshape(len(outputs), -1).any(axis=1).sum())
        raise CheckFailed(
            "OUTPUT_NOT_FINITE",
            f"predict returned NaN or infinity in {bad} of {len(outputs)} rows.",
            "See where the model divides, takes logarithms or overflows.",
        )


def check_labels(outputs: Array, classes: int) -> None:
    """One column of a classifier holds whole labels from 0 to classes - 1. CheckFailed LABELS_OUT_OF_RANGE."""
    labels = outputs.reshape(-1)
    wrong = labels[~((labels >= 0) & (labels < classes) & (labels == np.floor(labels)))]
    if wrong.size:
        raise CheckFailed(
            "LABELS_OUT_OF_RANGE",
            f"A classifier of {classes} classes with one output column returned the label {wrong[0]}.",
            f"Return whole numbers from 0 to {classes - 1}, or one column of probability for each class.",
        )


def warn_constant(outputs: Array) -> None:
    """CheckWarned where all rows are the same."""
    if len(outputs) > 1 and (outputs == outputs[0]).all():
        raise CheckWarned("The model gives the same answer for all of the specification's points.")
