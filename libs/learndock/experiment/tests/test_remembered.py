"""A remembered model answers for the rows that it was asked for, and for no others."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learndock.errors import InvalidInput
from learndock.experiment.remembered import Remembered


class Sums:
    def predict(self, X):
        return np.stack([X.sum(axis=1), X[:, 0]], axis=1)


@settings(derandomize=True, max_examples=60, deadline=None)
@given(st.integers(1, 60), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_any_rows_in_any_order_have_the_model_s_own_answers(n, d, seed):
    rng = np.random.default_rng(seed)
    rows = rng.integers(-2, 3, size=(n, d)) / 2.0
    asked = rows[rng.integers(0, n, size=2 * n)]
    np.testing.assert_array_equal(Remembered(Sums(), rows).predict(asked), Sums().predict(asked))


def test_both_zeros_are_one():
    rows = np.array([[0.0, 1.0], [2.0, 3.0]])
    np.testing.assert_array_equal(Remembered(Sums(), rows).predict(np.array([[-0.0, 1.0]])), [[1.0, 0.0]])


@pytest.mark.parametrize("rows", [np.array([[1.0, 9.0]]), np.array([[1.0]]), np.array([1.0, 2.0])])
def test_other_rows_are_refused(rows):
    with pytest.raises(InvalidInput) as refused:
        Remembered(Sums(), np.array([[1.0, 2.0], [0.5, 3.0]])).predict(rows)
    assert refused.value.reason == "ROWS_UNKNOWN"
