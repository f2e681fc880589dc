"""How wrong predictions are: one number, 0 at best."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learndock.errors import InvalidInput

Array = NDArray[Any]
Loss = Callable[[Array, Array], float]


def _error(truth: Array, predicted: Array) -> float:
    return float(np.mean(truth != predicted))


def _rmse(truth: Array, predicted: Array) -> float:
    return float(np.sqrt(np.mean((truth - predicted) ** 2)))


def _mae(truth: Array, predicted: Array) -> float:
    return float(np.mean(np.abs(truth - predicted)))


LOSSES: Mapping[str, Loss] = {"error": _error, "rmse": _rmse, "mae": _mae}
WORDS = {"error": "share of wrong labels", "rmse": "root mean squared error", "mae": "mean absolute error"}
"""What each is called in tables and pictures."""


def metric_of(kind: str, metric: str = "") -> str:
    """The metric of a kind of task, or the one that is asked for; InvalidInput METRIC_UNKNOWN."""
    fitting = ("error",) if kind == "classification" else ("rmse", "mae")
    chosen = metric or fitting[0]
    if chosen not in fitting:
        raise InvalidInput(
            f"{kind.capitalize()} is not measured by {chosen!r}.",
            reason="METRIC_UNKNOWN",
            hint=f"Use {' or '.join(fitting)}.",
        )
    return chosen
