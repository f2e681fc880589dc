"""Weights on the simplex against a slow reference."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from learndock.specification.kernel import gram, squared_distances
from learndock.specification.weights import simplex_weights

SETTINGS = settings(derandomize=True, deadline=None, max_examples=40)


def problem(n, seed, spread):
    rng = np.random.default_rng(seed)
    z, rows = spread * rng.normal(size=(n, 3)), rng.normal(size=(200, 3))
    return gram(z, z, 0.1), gram(z, rows, 0.1).mean(axis=1)


def value(K, c, w):
    return w @ K @ w - 2 * c @ w


@SETTINGS
@given(st.integers(1, 8), st.integers(0, 1000), st.sampled_from([0.01, 0.5, 1.0, 5.0]))
def test_as_good_as_a_general_solver(n, seed, spread):
    K, c = problem(n, seed, spread)
    found = simplex_weights(K, c)
    assert found.min() >= 0
    assert found.sum() == pytest.approx(1)
    slow = minimize(
        lambda w: value(K, c, w),
        np.full(n, 1 / n),
        jac=lambda w: 2 * (K @ w - c),
        bounds=[(0, 1)] * n,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1, "jac": np.ones_like},
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 500},
    )
    slow_w = np.maximum(slow.x, 0) / np.maximum(slow.x, 0).sum()
    assert value(K, c, found) <= value(K, c, slow_w) + 1e-9
    assert value(K, c, found) <= min(value(K, c, e) for e in np.eye(n)) + 1e-9


@SETTINGS
@given(st.integers(2, 30), st.integers(0, 1000))
def test_it_meets_the_conditions_of_a_minimum(n, seed):
    K, c = problem(n, seed, 1.0)
    w = simplex_weights(K, c)
    slope = K @ w - c
    assert slope.min() >= slope[w > 0].mean() - 1e-8


def test_twins_and_one_alone_are_no_trouble():
    assert simplex_weights(np.ones((5, 5)), np.full(5, 0.3)).sum() == pytest.approx(1)
    assert simplex_weights(np.array([[0.2]]), np.array([0.1])).tolist() == [1.0]


def test_distances_match_the_plain_form_far_from_nought():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(5, 3)) + 1e6, rng.normal(size=(7, 3)) + 1e6
    plain = ((a[:, None] - b[None]) ** 2).sum(axis=2)
    assert np.allclose(squared_distances(a, b), plain, atol=1e-8)


@pytest.mark.parametrize("seed", range(40))
def test_rounding_of_the_products_never_leads_up(seed):
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(30, 4))
    noise = 1e-6 * rng.normal(size=(30, 30))
    K, c = A @ A.T + noise + noise.T, A @ rng.normal(size=4)
    equal, w = np.full(30, 1 / 30), simplex_weights(K, c)
    assert w.min() >= 0
    assert w.sum() == pytest.approx(1)
    assert w @ K @ w - 2 * w @ c <= equal @ K @ equal - 2 * equal @ c + 1e-9
