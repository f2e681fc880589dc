"""The posterior of the job selector against a slow one, and where reduced sets are strange."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learndock.reuse import density
from learndock.reuse.density import Posterior, ReducedSet, within_spread

CHECKED = settings(derandomize=True, deadline=None, max_examples=25)


def sets(seed: int, members: int = 3, width: int = 2, points: int = 8) -> list[ReducedSet]:
    rng = np.random.default_rng(seed)
    return [
        ReducedSet(
            rng.normal(size=(points, width)) + 2 * rng.normal(size=width), rng.random(points), rng.random() + 0.1
        )
        for _ in range(members)
    ]


def told(posterior: Posterior, X: np.ndarray) -> np.ndarray:
    logs = posterior(X)
    powers = np.exp(logs - logs.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def slowly(found: list[ReducedSet], posterior: Posterior, row: np.ndarray) -> list[float]:
    """w_i mu_i(x)^power for all members, by the book."""
    spread, total = within_spread(found), sum(each.share for each in found)
    values = []
    for each in found:
        density = sum(
            weight / each.weights.sum() * math.exp(-posterior.gamma * (((row - point) / spread) ** 2).sum())
            for point, weight in zip(each.z, each.weights, strict=True)
        )
        values.append(each.share / total * density**posterior.power)
    return [value / sum(values) for value in values]


@CHECKED
@given(st.integers(0, 10_000), st.integers(2, 5), st.integers(1, 4))
def test_it_is_the_closed_form(seed: int, members: int, width: int) -> None:
    found = sets(seed, members, width)
    posterior = Posterior(found)
    rows = np.concatenate([each.z[:2] for each in found]) + 0.05
    expected = [slowly(found, posterior, row) for row in rows]
    np.testing.assert_allclose(told(posterior, rows), expected, atol=1e-9)


@CHECKED
@given(st.integers(0, 10_000), st.permutations(range(4)))
def test_the_order_of_members_and_of_rows_changes_nothing(seed: int, order: list[int]) -> None:
    found = sets(seed, 4)
    rows = np.random.default_rng(seed).normal(size=(20, 2)) * 3
    straight = told(Posterior(found), rows)
    turned = told(Posterior([found[place] for place in order]), rows[::-1])
    np.testing.assert_allclose(turned[::-1], straight[:, order], atol=1e-7)


@CHECKED
@given(st.integers(0, 10_000), st.floats(-6, 6), st.floats(-100, 100))
def test_units_change_nothing(seed: int, exponent: float, shift: float) -> None:
    found = sets(seed)
    rows = np.random.default_rng(seed).normal(size=(20, 2)) * 3
    unit = np.array([10.0**exponent, 1.0])
    other = [ReducedSet((each.z + shift) * unit, each.weights, each.share) for each in found]
    np.testing.assert_allclose(told(Posterior(other), (rows + shift) * unit), told(Posterior(found), rows), atol=1e-5)


@CHECKED
@given(st.integers(0, 10_000), st.floats(1.1, 10))
def test_more_weight_never_makes_less_likely(seed: int, factor: float) -> None:
    found = sets(seed)
    rows = np.random.default_rng(seed).normal(size=(20, 2)) * 3
    posterior = Posterior(found)
    heavier = Posterior([ReducedSet(found[0].z, found[0].weights, factor * found[0].share), *found[1:]])
    if (heavier.gamma, heavier.power) == (posterior.gamma, posterior.power):
        assert (told(heavier, rows)[:, 0] >= told(posterior, rows)[:, 0] - 1e-12).all()


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    posterior = Posterior(sets(1))
    rows = np.random.default_rng(1).normal(size=(50, 2))
    whole = posterior(rows)
    monkeypatch.setattr(density, "_CELLS", 24 * 7)
    np.testing.assert_allclose(posterior(rows), whole, rtol=1e-12)


def test_large_reduced_sets_are_judged_by_some_of_their_points(monkeypatch: pytest.MonkeyPatch) -> None:
    found = sets(2, points=400)
    every = Posterior(found)
    monkeypatch.setattr(density, "JUDGED", 120)
    some = Posterior(found)
    rows = np.concatenate([each.z for each in found])
    assert (some(rows).argmax(axis=1) == every(rows).argmax(axis=1)).mean() > 0.9


ONE = np.zeros((1, 2))
TWO = np.array([[0.0, 0.0], [1.0, 0.0]])


@pytest.mark.parametrize(
    ("points", "row", "chosen"),
    [
        ([ONE, ONE + 3], [2.0, 2.0], 1),  # one point each
        ([ONE, ONE], [2.0, 2.0], 0),  # one and the same point
        ([TWO, TWO], [0.5, 0.0], 0),  # one domain, and a column that never varies
        ([TWO, TWO + np.array([0, 5.0])], [0.5, 4.0], 1),  # a column that varies between members only
        ([np.repeat(TWO, 5, axis=0), TWO + 9], [9.0, 9.0], 1),  # points that lie on one another
        ([TWO, TWO + 9], [1e300, 1e300], 1),  # far off
        ([TWO, TWO + 1e9], [1e9, 1e9], 1),  # members far apart
        ([TWO * 1e-100, TWO * 1e-100 + 1e-99], [1e-99, 1e-99], 1),  # next to nothing
    ],
)
def test_strange_reduced_sets_are_told_apart_where_they_can_be(points: list, row: list, chosen: int) -> None:
    posterior = Posterior([ReducedSet(np.asarray(z), np.ones(len(z)), 0.5) for z in points])
    shares = told(posterior, np.array([row]))
    assert np.isfinite(shares).all()
    assert shares[0].argmax() == chosen


def test_a_member_without_weight_is_never_chosen_and_points_without_weight_count_nothing() -> None:
    left = ReducedSet(TWO, np.ones(2), 0.0)
    right = ReducedSet(TWO + 9, np.array([1.0, 0.0]), 1.0)
    logs = Posterior([left, right])(np.array([[0.0, 0.0], [500.0, -500.0]]))
    assert (logs.argmax(axis=1) == 1).all()
    assert not np.isnan(logs).any()
