"""The rules that keep rows private hold for whatever table comes, and cost little."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from learndock.errors import InvalidInput
from learndock.specification import PrivacyWarning, specify
from learndock.specification.audit import audit
from learndock.specification.guard import Guard, weigh
from learndock.specification.guard_measures import equal_rows, nearest_rows, support, too_near
from learndock.specification.kernel import gram
from learndock.specification.privacy import rounded
from learndock.specification.reduce import standardise


def mixed(n, seed=0):
    """Three whole-number columns, one of them all but unique to each row, and two of fractions."""
    rng = np.random.default_rng(seed)
    whole = np.column_stack([rng.integers(0, 2, n), rng.integers(18, 90, n), rng.integers(0, 10**6, n)])
    return np.column_stack([whole, rng.normal(size=(n, 2))]).astype(float)


def brute_nearest(z, X):
    return np.sqrt(((z[:, None] - X[None]) ** 2).sum(axis=2))


TABLES = {
    "normal": lambda rng: rng.normal(size=(120, 6)),
    "heavy tails": lambda rng: rng.standard_t(1.5, size=(300, 4)),
    "wide": lambda rng: rng.normal(size=(100, 80)),
    "whole numbers": lambda rng: rng.integers(0, 17, size=(300, 12)).astype(float),
    "one of many": lambda rng: np.eye(12)[rng.integers(12, size=200)],
    "binary": lambda rng: rng.integers(0, 2, size=(150, 5)).astype(float),
    "mixed": lambda rng: mixed(200, int(rng.integers(99))),
    "each twice": lambda rng: np.repeat(rng.normal(size=(60, 3)), 2, axis=0),
    "a line": lambda rng: np.sort(rng.normal(size=(500, 1)), axis=0),
    "two heaps": lambda rng: np.repeat([[0.0, 0.0], [10.0, 10.0]], [300, 100], axis=0),
    "a heap and strays": lambda rng: np.concatenate([np.zeros((100, 2)), rng.normal(size=(30, 2)) * 50]),
    "all equal": lambda _: np.full((40, 3), 7.0),
    "fewest": lambda rng: rng.normal(size=(25, 3)),
}


@pytest.mark.parametrize("most", [True, False], ids=["most points", "by default"])
@pytest.mark.parametrize("name", TABLES)
@pytest.mark.filterwarnings("ignore::learndock.specification.PrivacyWarning")
def test_no_published_point_breaks_a_rule(name, most):
    X = TABLES[name](np.random.default_rng(3))
    found = specify(X, k=min(100, len(X) // 5) if most else None)
    rows = standardise(X)
    z = (found.z - rows.centre) / rows.spread
    assert not too_near(z, rows).any()
    assert support(z, rows, found.gamma).min() >= 5 * (1 - 1e-9)
    assert (equal_rows(z, rows) == -1).all()
    assert found.beta.min() * len(X) >= 5 * (1 - 1e-9)


@pytest.mark.parametrize("width", [2, 8, 40])
def test_an_outlier_leaves_no_point(width):
    rng = np.random.default_rng(width)
    X = rng.normal(size=(400, width))
    X[:3] = 12.0 * np.eye(width)[[0, 1, 0]] * [[1], [1], [-1]]
    with pytest.warns(PrivacyWarning, match="5 rows for each"):
        kept = specify(X, k=80)
    assert brute_nearest(kept.z, X[:3]).min() > 5


def test_a_point_beside_an_outlier_moves_into_company():
    X = np.concatenate([[[40.0, 40.0]], np.random.default_rng(0).normal(size=(399, 2))])
    rows = standardise(X)
    beside = rows.standard[:1] + 0.02 * np.sqrt(2)
    settled = Guard(rows, 0.1).settle(beside)
    assert np.abs(settled - rows.standard[0]).max() > 0.5 * np.abs(rows.standard[0]).max()


def test_a_point_on_a_row_is_moved_to_several_rows():
    X = np.random.default_rng(0).normal(size=(300, 5))
    rows = standardise(X)
    points = np.concatenate([rows.standard[:4], rows.standard[10:20].mean(axis=0)[None]])
    settled = Guard(rows, 0.1).settle(points)
    assert np.array_equal(settled[4], points[4])
    assert brute_nearest(settled[:4], rows.standard).min() > 0.05 * rows.spacing


def test_an_even_point_among_whole_numbers_gives_its_row_away():
    X = mixed(200)
    rows = standardise(X)
    mean = X.mean(axis=0)
    stolen = np.where([False, True, True, False, False], X[17], mean + 0.123)
    common = np.where([True, False, False, False, False], 1.0, mean + 0.123)
    between = mean + 0.123
    z = (np.stack([stolen, common, between]) - rows.centre) / rows.spread
    assert equal_rows(z, rows).tolist() == [17, -1, -1]


def test_a_part_of_the_whole_numbers_is_enough():
    X = np.tile(np.arange(10.0), (60, 1)) + np.arange(60)[:, None] * 10
    X[:, 0] = 1.0
    X[0, 0] = 2.0
    rows = standardise(X)
    point = X.mean(axis=0) + 0.3
    point[:4] = [1.0, X[30, 1], X[30, 2], 10**6]
    assert equal_rows(((point - rows.centre) / rows.spread)[None], rows).tolist() == [30]


def test_distances_are_true_in_few_columns_and_in_many():
    rng = np.random.default_rng(1)
    for width in (2, 30):
        X = rng.normal(size=(9_000, width))
        rows = standardise(X)
        points = np.concatenate([rows.standard[[5, 8_500]] + 1e-7, rng.normal(size=(6, width))])
        first, second, owner = nearest_rows(points, rows)
        true = np.sort(brute_nearest(points, rows.standard), axis=1)
        assert np.allclose(first[:2], true[:2, 0], atol=1e-7)
        assert np.allclose(first, true[:, 0], rtol=1e-3, atol=1e-7)
        assert np.allclose(second, true[:, 1], rtol=1e-3, atol=1e-7)
        assert owner[:2].tolist() == [5, 8_500]


def test_support_counts_rows():
    rows = standardise(np.concatenate([np.zeros((7, 1)), np.full((93, 1), 1000.0)]))
    assert support(rows.standard[:1], rows, 100.0)[0] == pytest.approx(7)


def test_light_points_go_and_the_others_weigh_five_rows():
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(size=(199, 2)), [[30.0, 30.0]]])
    points = np.concatenate([rng.normal(size=(20, 2)), [[30.0, 30.0]]])
    kept, beta = weigh(points, gram(points, points, 0.1), gram(points, X, 0.1).mean(axis=1), 200)
    assert kept.max() < 10
    assert beta.sum() == pytest.approx(1)
    assert beta.min() >= 5 / 200 - 1e-12


def test_as_many_points_as_five_rows_allow_weigh_alike():
    points = np.random.default_rng(0).normal(size=(10, 2))
    _, beta = weigh(points, np.eye(10), np.linspace(0.09, 0.11, 10), 50)
    assert beta == pytest.approx(np.full(10, 0.1))


def test_few_rows_are_refused_unless_asked_for():
    X = np.random.default_rng(0).normal(size=(24, 3))
    with pytest.raises(InvalidInput) as caught:
        specify(X)
    assert caught.value.reason == "SPECIFICATION_FEW_ROWS"
    assert '"off"' in caught.value.hint
    assert specify(X, privacy="off").num_points == 24


def test_many_points_are_refused_some_are_warned_of_and_few_are_not():
    X = np.random.default_rng(0).normal(size=(100, 3))
    with pytest.raises(InvalidInput) as caught:
        specify(X, k=21)
    assert caught.value.reason == "SPECIFICATION_MANY_POINTS"
    assert len(specify(X, k=40, privacy="off").z) > 20
    with pytest.warns(PrivacyWarning):
        specify(X, k=20)
    assert len(specify(X, k=5).z) == 5
    assert len(specify(X[:30]).z) <= 5


def test_privacy_is_one_of_two_words():
    with pytest.raises(InvalidInput) as caught:
        specify(np.zeros((30, 2)), privacy="none")
    assert caught.value.reason == "SPECIFICATION_PRIVACY"


@pytest.mark.parametrize(
    ("n", "told"), [(25, 25), (99, 99), (101, 100), (105, 110), (1257, 1300), (199_999, 200_000), (996, 1000), (1, 1)]
)
def test_the_number_of_rows_is_told_to_two_digits(n, told):
    assert rounded(n) == told


def test_written_are_two_digits_and_off_is_exact():
    X = np.random.default_rng(0).normal(size=(1_234, 2))
    assert (specify(X).num_points, specify(X, privacy="off").num_points) == (1_200, 1_234)


def test_the_rules_cost_little():
    rng = np.random.default_rng(2)
    X = 2 * rng.normal(size=(6, 8))[rng.integers(6, size=800)] + rng.normal(size=(800, 8))
    rows = standardise(X)

    def squared_mmd(found):
        z = (found.z - rows.centre) / rows.spread
        inner = float(found.beta @ gram(z, z, 0.1) @ found.beta)
        cross = float(found.beta @ gram(z, rows.standard, 0.1).mean(axis=1))
        return inner - 2 * cross + float(gram(rows.standard, rows.standard, 0.1).mean())

    assert squared_mmd(specify(X)) <= 1.05 * squared_mmd(specify(X, privacy="off"))


CELLS = st.one_of(st.integers(-3, 3).map(float), st.sampled_from([0.0, 1e-9, 1e6, -40.0]), st.floats(-5, 5, width=32))


@settings(derandomize=True, max_examples=80, deadline=None)
@given(arrays(np.float64, st.tuples(st.integers(25, 40), st.integers(1, 4)), elements=CELLS))
def test_no_table_makes_a_point_break_a_rule(X):
    found = specify(X)
    rows = standardise(X)
    z = (found.z - rows.centre) / rows.spread
    assert not too_near(z, rows).any()
    assert support(z, rows, found.gamma).min() >= 5 * (1 - 1e-6)
    assert (equal_rows(z, rows) == -1).all()
    assert found.beta.min() * len(X) >= 5 * (1 - 1e-9)


@pytest.mark.parametrize(
    ("rows", "gamma"),
    [
        (np.random.default_rng(0).normal(size=(60, 3)), 1e6),
        (np.vstack([np.random.default_rng(0).normal(size=(99, 2)), [[1e9, 1e9]]]), 0.1),
    ],
)
def test_where_no_point_keeps_the_rules_the_mean_is_the_only_one_and_the_audit_says_so(rows, gamma):
    made = specify(rows, gamma=gamma)
    assert made.z == pytest.approx(rows.mean(axis=0)[None], abs=1e-6)
    assert audit(made, rows).verdict == "refuse"
