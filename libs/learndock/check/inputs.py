"""Random inputs of the kind a model declares."""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Inputs = npt.NDArray[Any] | Sequence[str]

_OPEN_LENGTH = 32
"""Length of an axis that the model leaves open."""
_IMAGE = (3, _OPEN_LENGTH, _OPEN_LENGTH)


def batch_size(rng: np.random.Generator) -> int:
    """Rows of a probing batch: at least 10, and not the same each time, so that nothing can be keyed to it."""
    return int(rng.integers(10, 24))


def random_inputs(data_type: str, shape: Sequence[int | None] | None, rows: int, rng: np.random.Generator) -> Inputs:
    """Standard normal rows for tables, whole numbers 0 to 254 for images, words for text, zeros and up for the rest."""
    if data_type == "Text":
        return [_sentence(rng) for _ in range(rows)]
    lengths = tuple(length or _OPEN_LENGTH for length in shape) if shape else _IMAGE
    if data_type == "Image":
        return rng.integers(0, 255, size=(rows, *lengths))
    return rng.standard_normal((rows, *lengths))


def among(points: npt.NDArray[np.float64], rows: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Rows (rows, d) on the lines between pairs of points (n, d): where data like the points may lie."""
    shares = rng.uniform(size=(rows, 1))
    mixed: npt.NDArray[np.float64] = shares * points[rng.integers(len(points), size=rows)]
    mixed += (1.0 - shares) * points[rng.integers(len(points), size=rows)]
    return mixed


def _sentence(rng: np.random.Generator) -> str:
    letters = np.array(list(string.ascii_lowercase))
    words = ("".join(rng.choice(letters, rng.integers(2, 9))) for _ in range(int(rng.integers(5, 30))))
    return " ".join(words)
