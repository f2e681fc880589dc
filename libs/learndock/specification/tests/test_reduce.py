"""Reduction: near to the data, no row of it published, and a stated answer for every odd table."""

import numpy as np
import pandas as pd
import pytest

from learndock.errors import InvalidInput
from learndock.search import mmd
from learndock.specification import TableSpecification, default_size, specify
from learndock.specification.kernel import gram


def table(n, d, seed=0):
    rng = np.random.default_rng(seed)
    centres = 2 * rng.normal(size=(8, d))
    X = centres[rng.integers(8, size=n)] + rng.normal(size=(n, d))
    return (X - X.mean(axis=0)) / X.std(axis=0)


def squared_mmd_to_rows(specification, X):
    cross = float(specification.beta @ gram(specification.z, X, 0.1).mean(axis=1))
    return specification.self_norm - 2 * cross + float(gram(X, X, 0.1).mean())


@pytest.mark.parametrize(("d", "goal"), [(10, 0.0005), (50, 0.008)])
def test_it_is_nearer_to_the_data_than_any_number_to_beat(d, goal):
    X = table(10_000, d)
    assert squared_mmd_to_rows(specify(X), X[:3000]) < goal


def test_it_is_nearer_than_as_many_rows():
    X = table(2_000, 6)
    rows = np.random.default_rng(0).choice(len(X), 100, replace=False)
    chosen = float(gram(X[rows], X[rows], 0.1).mean() - 2 * gram(X[rows], X, 0.1).mean() + gram(X, X, 0.1).mean())
    assert squared_mmd_to_rows(specify(X), X) < 0.05 * chosen


@pytest.mark.parametrize("scale", [1.0, 1000.0])
@pytest.mark.parametrize(("n", "d"), [(25, 3), (120, 5), (2_000, 20)])
def test_no_row_is_published(n, d, scale):
    X = table(n, d) * scale
    found = specify(X)
    nearest = np.sqrt(((found.z[:, None] - X[None]) ** 2).sum(axis=2)).min(axis=1)
    among = np.sqrt(((X[:200, None] - X[None]) ** 2).sum(axis=2))
    assert nearest.min() > 0.05 * np.median(np.partition(among, 1, axis=1)[:, 1])


def test_weights_are_a_distribution_and_the_count_is_kept():
    found = specify(table(500, 4))
    assert found.beta.min() > 0
    assert found.beta.sum() == pytest.approx(1, abs=1e-9)
    assert (len(found.z), found.num_points, found.gamma) == (25, 500, 0.1)


def test_the_same_seed_gives_the_same():
    X = table(3_000, 5)
    first, second, other = specify(X), specify(X), specify(X, random_state=1)
    assert np.array_equal(first.z, second.z)
    assert np.array_equal(first.beta, second.beta)
    assert not np.array_equal(first.z, other.z)


def test_units_change_only_units():
    X, units = table(400, 3), np.array([1, 1000, 0.01])
    plain, large = specify(X), specify(X * units + [0, 5e4, 0])
    assert mmd(plain, TableSpecification((large.z - [0, 5e4, 0]) / units, large.beta)) < 0.02


@pytest.mark.parametrize(("n", "size"), [(1, 1), (4, 1), (9, 1), (10, 2), (25, 5), (100, 5), (400, 20), (10**6, 100)])
def test_the_size_suits_the_rows(n, size):
    assert default_size(n) == size


def test_one_row_is_one_point():
    found = specify([[1.0, 2.0, 3.0]], privacy="off")
    assert found.z.tolist() == [[1.0, 2.0, 3.0]]
    assert found.beta.tolist() == [1.0]


def test_more_points_than_rows_become_as_many():
    assert len(specify(table(30, 2), k=100, privacy="off").z) <= 30


def test_equal_rows_become_equal_points():
    found = specify(np.full((60, 3), 7.0))
    assert np.allclose(found.z, 7.0)
    assert found.beta.sum() == pytest.approx(1)


def test_a_row_counts_as_often_as_it_is_there():
    found = specify(np.repeat([[0.0, 0.0], [10.0, 10.0]], [300, 100], axis=0))
    assert found.beta[found.z[:, 0] < 5].sum() == pytest.approx(0.75, abs=0.02)


def test_constant_columns_stay_what_they_are():
    X = table(200, 3)
    X[:, 1] = 4.2
    assert np.allclose(specify(X).z[:, 1], 4.2, atol=1e-6)


def test_frames_lists_and_float32_are_tables_too():
    X = np.round(table(100, 2), 3)
    expected = specify(X)
    assert np.array_equal(specify(pd.DataFrame(X)).z, expected.z)
    assert np.array_equal(specify(X.tolist()).z, expected.z)
    assert mmd(specify(X.astype(np.float32)), expected) < 0.02


def test_progress_ends_at_one():
    told = []
    specify(table(100, 2), progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0


@pytest.mark.parametrize(
    ("X", "reason"),
    [
        ([], "DATA_SHAPE"),
        (np.zeros((0, 3)), "DATA_EMPTY"),
        (np.zeros((3, 0)), "DATA_EMPTY"),
        (np.zeros(5), "DATA_SHAPE"),
        (np.zeros((2, 2, 2)), "DATA_SHAPE"),
        ([[1.0, float("nan")]], "DATA_NOT_FINITE"),
        ([[1.0, float("inf")]], "DATA_NOT_FINITE"),
        ([[1.0, None]], "DATA_NOT_FINITE"),
        ([[1.0, 1.1e12]], "DATA_NOT_FINITE"),
        (np.ma.masked_array([[1.0, 2.0]], [[False, True]]), "DATA_NOT_FINITE"),
        (pd.DataFrame({"x": pd.array([1, None], dtype="Int64")}), "DATA_NOT_FINITE"),
        ([["a", "b"]], "DATA_NOT_NUMERIC"),
        ([["12", "3"]], "DATA_NOT_NUMERIC"),
        (pd.DataFrame({"x": [1.5], "code": ["01067"]}, dtype=object), "DATA_NOT_NUMERIC"),
        ([[1.0, 10**400]], "DATA_NOT_NUMERIC"),
        ([[1.0], [2.0, 3.0]], "DATA_NOT_NUMERIC"),
        (pd.DataFrame({"x": [1], "y": ["red"]}), "DATA_NOT_NUMERIC"),
    ],
)
def test_what_is_no_table_of_numbers_is_refused(X, reason):
    with pytest.raises(InvalidInput) as caught:
        specify(X)
    assert caught.value.reason == reason
    assert caught.value.hint


@pytest.mark.parametrize("k", [0, -1, 10_001, 2.5, "5", True])
def test_an_impossible_size_is_refused(k):
    with pytest.raises(InvalidInput) as caught:
        specify(table(30, 2), k=k)
    assert caught.value.reason == "SPECIFICATION_SIZE"


@pytest.mark.parametrize("seed", [-1, 0.5, None, "0"])
def test_an_impossible_seed_is_refused(seed):
    with pytest.raises(InvalidInput) as caught:
        specify(table(30, 2), random_state=seed)
    assert caught.value.reason == "SPECIFICATION_SEED"
