"""Rules that a model's outputs keep; the same ones while it is checked and later. Arrays in, CheckFailed out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from learndock.check.report import CheckFailed, CheckWarned
from learndock.semantic import SemanticSpecification

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class OutputRules:
    """What every output of a model must be, by its semantic specification and the output_shape it declares.

    The checks and every later prediction apply these same rules. `outputs` is Output.Dimension; `shape` is that of a
    row, None where the model leaves it open.
    """

    task: str
    outputs: int | None
    shape: Sequence[int | None] | None

    @classmethod
    def of(cls, semantic: SemanticSpecification, shape: Sequence[int | None] | None) -> OutputRules:
        """The rules of a model."""
        return cls(semantic.task_type, semantic.output_dimension, shape)

    @property
    def counted(self) -> bool:
        """Whether its task says how many columns there are."""
        return self.outputs is not None and self.task in ("Classification", "Regression")

    def check(self, outputs: Array, rows: int, *, finite: bool = True) -> None:
        """All of them; CheckFailed names the rule that is broken. NaN and infinity pass unless `finite`."""
        check_rows(outputs, rows)
        self.check_shape(outputs)
        if finite:
            check_finite(outputs)
        self.check_columns(outputs)

    def check_shape(self, outputs: Array) -> None:
        """Each row as declared. CheckFailed OUTPUT_SHAPE."""
        if self.shape is not None:
            check_shape(outputs, self.shape)
        elif self.task in ("Classification", "Regression"):
            raise CheckFailed(
                "OUTPUT_SHAPE", "The model declares no output_shape.", "Set output_shape in its constructor."
            )

    def check_columns(self, outputs: Array) -> None:
        """Labels, or as many columns as Output.Dimension says. CheckFailed LABELS_OUT_OF_RANGE, OUTPUT_DIMENSION."""
        if not self.counted or self.outputs is None:
            return
        columns = (self.shape or (1,))[0]
        if self.task == "Classification" and columns == 1:
            check_labels(outputs, self.outputs)
        elif columns != self.outputs:
            raise CheckFailed(
                "OUTPUT_DIMENSION",
                f"The model gives {columns} columns, but Output.Dimension says {self.outputs}.",
                "Correct output_shape or Output.Dimension.",
            )


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
