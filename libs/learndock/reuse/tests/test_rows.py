"""Rows that no member could take are refused before any is asked; anything else is let through."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array

from learndock.errors import InvalidInput
from learndock.reuse import AveragingReuser, FeatureAugmentationReuser, JobSelectorReuser, Member

from .conftest import Says, member


@pytest.mark.parametrize(
    ("X", "reason"),
    [
        (csr_array(np.eye(3)), "DATA_SPARSE"),
        (np.eye(3) * 1j, "DATA_COMPLEX"),
        (np.zeros(3), "DATA_SHAPE"),
        (np.zeros((0, 3)), "DATA_EMPTY"),
        (np.zeros((3, 0)), "DATA_EMPTY"),
        ([], "DATA_EMPTY"),
    ],
)
def test_what_nobody_takes(X: object, reason: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        AveragingReuser([member(len, "never asked")]).predict(X)
    assert caught.value.reason == reason
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("X", "reason"),
    [
        ([["a", "b"]], "DATA_NOT_NUMERIC"),
        (np.zeros((2, 3, 3)), "DATA_SHAPE"),
        ([[np.nan, 1.0]], "DATA_NOT_FINITE"),
        ([[np.inf, 1.0]], "DATA_NOT_FINITE"),
    ],
)
@pytest.mark.parametrize("kind", [JobSelectorReuser, FeatureAugmentationReuser])
def test_what_is_no_table(kind: type, X: object, reason: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        kind([member(len, "never asked")]).fit(X, [0] * len(X))
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    "X",
    [
        [[1.0, 2.0], [3.0, 4.0]],
        np.zeros((2, 8, 8, 3)),
        ["a text", "and another"],
        [["to", "kens"], ["some", "more", "tokens"]],
        pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}),
        np.array([[np.nan, 1.0], [2.0, 3.0]]),
    ],
    ids=["lists", "images", "texts", "tokens", "frame", "holes"],
)
def test_members_are_given_images_texts_and_tables_as_they_are(X: object) -> None:
    given = []
    reuser = AveragingReuser([Member(Says(lambda rows: given.append(rows) or [0] * len(rows)))])
    assert reuser.fit(X).predict(X).tolist() == [0, 0]
    assert type(given[0]) is (np.ndarray if isinstance(X, list) and isinstance(X[0][0], float) else type(X))


def test_other_columns_than_at_fit_are_refused(rows: np.ndarray) -> None:
    reuser = AveragingReuser([member(lambda X: X[:, 0] > 0, "a")]).fit(rows)
    assert reuser.n_features_in_ == 3
    with pytest.raises(InvalidInput, match="X has 2 features, but AveragingReuser is expecting 3"):
        reuser.predict(rows[:, :2])
    assert len(reuser.fit().predict(rows[:, :2])) == len(rows)
