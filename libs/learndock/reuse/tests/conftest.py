"""Real little models: functions of the rows, and specifications by hand."""

from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from learndock.reuse import Member


@dataclass
class Says:
    """A model that answers by a function of the rows."""

    answer: Callable[[np.ndarray], Any]

    def predict(self, X: np.ndarray) -> Any:
        return self.answer(X)


def member(answer: Callable[[np.ndarray], Any], key: str, weight: float = 1.0, z: Any = None) -> Member:
    specification = None if z is None else SimpleNamespace(z=np.asarray(z), beta=np.full(len(z), 1 / len(z)))
    return Member(Says(answer), weight, specification, key)


def refuses(message: str = "these rows are not for me") -> Callable[[np.ndarray], Any]:
    def answer(_: np.ndarray) -> Any:
        raise RuntimeError(message)

    return answer


@pytest.fixture
def rows() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(60, 3))
