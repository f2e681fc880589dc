"""MMD is a metric up to rounding, and the batched scan agrees with a plain double loop."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learndock.errors import DeadlineExceeded, InvalidInput
from learndock.search import island_scale, mmd, peer_scores
from learndock.search.scan import Stack
from learndock.specification import TableSpecification

SETTINGS = settings(derandomize=True, deadline=None, max_examples=40)


def specification(seed, spread=1.0, points=6, width=3, gamma=0.1, shift=0.0):
    rng = np.random.default_rng(seed)
    beta = rng.random(points)
    return TableSpecification(shift + spread * rng.normal(size=(points, width)), beta / beta.sum(), gamma)


def naive_inner(a, b, scale=1.0):
    total = 0.0
    for x, p in zip(a.z / scale, a.beta, strict=True):
        for y, q in zip(b.z / scale, b.beta, strict=True):
            total += p * q * np.exp(-a.gamma * ((x - y) ** 2).sum())
    return total


def naive_mmd(a, b, scale=1.0):
    squared = naive_inner(a, a, scale) + naive_inner(b, b, scale) - 2 * naive_inner(a, b, scale)
    return np.sqrt(max(0.0, squared))


seeds = st.integers(0, 10_000)
spreads = st.sampled_from([1e-3, 1.0, 30.0])


@SETTINGS
@given(seeds, seeds, spreads)
def test_it_is_what_the_definition_says(a, b, spread):
    x, y = specification(a, spread), specification(b, spread)
    assert mmd(x, y) == pytest.approx(naive_mmd(x, y), abs=1e-7)
    scale = np.array([0.5, 2.0, 1e-2])
    assert mmd(x, y, scale) == pytest.approx(naive_mmd(x, y, scale), abs=1e-7)


@SETTINGS
@given(seeds, seeds, seeds, spreads)
def test_it_is_a_metric_up_to_rounding(a, b, c, spread):
    x, y, z = (specification(seed, spread) for seed in (a, b, c))
    assert mmd(x, x) <= 1e-7
    assert mmd(x, y) >= 0
    assert mmd(x, y) == mmd(y, x)
    assert mmd(x, z) <= mmd(x, y) + mmd(y, z) + 1e-7


@SETTINGS
@given(seeds, seeds)
def test_the_order_of_points_changes_nothing(a, b):
    x, y = specification(a), specification(b)
    order = np.random.default_rng(a).permutation(len(x.z))
    assert mmd(TableSpecification(x.z[order], x.beta[order]), y) == pytest.approx(mmd(x, y), abs=1e-7)


@SETTINGS
@given(st.integers(1, 8), seeds, st.sampled_from([0.1, 1.0, 100.0, 1e5]), st.booleans())
def test_the_scan_agrees_with_the_double_loop(count, seed, spread, scaled):
    # Sizes differ, and so do the magnitudes: 1e5 is beyond what float32 can do.
    members = [specification(seed + i, spread, points=1 + (seed + 3 * i) % 9, shift=spread * i) for i in range(count)]
    task = specification(seed + 99, spread)
    scale = island_scale(members) if scaled else None
    found = Stack(members, scale).inner_products(task)
    expected = [naive_inner(task, each, 1.0 if scale is None else scale) for each in members]
    assert np.allclose(found, expected, rtol=1e-3, atol=1e-6)


def test_large_columns_are_scanned_in_double():
    assert Stack([specification(0)]).dtype == np.float32
    assert Stack([specification(0, spread=1e4)]).dtype == np.float64


def test_a_scan_can_be_called_off():
    with pytest.raises(DeadlineExceeded) as caught:
        Stack([specification(0)]).inner_products(specification(1), lambda: True)
    assert caught.value.reason == "SEARCH_CANCELLED"


@pytest.mark.parametrize(
    ("other", "scale", "reason"),
    [
        (specification(1, width=4), None, "SPECIFICATION_WIDTH"),
        (specification(1, gamma=0.2), None, "SPECIFICATION_GAMMA"),
        (specification(1), np.ones(2), "SCALE_INVALID"),
        (specification(1), np.zeros(3), "SCALE_INVALID"),
        (specification(1), np.full(3, np.nan), "SCALE_INVALID"),
    ],
)
def test_what_cannot_be_compared_is_refused(other, scale, reason):
    with pytest.raises(InvalidInput) as caught:
        mmd(specification(0), other, scale)
    assert caught.value.reason == reason


def test_the_scale_is_the_spread_of_all_points_together():
    members = [specification(seed, spread=3.0, shift=seed) for seed in range(5)]
    mean = np.mean([each.beta @ each.z for each in members], axis=0)
    pooled = np.mean([each.beta @ (each.z - mean) ** 2 for each in members], axis=0)
    # Rounded to eight steps for every doubling, so that a newcomer seldom changes it.
    assert np.allclose(np.log2(island_scale(members)), np.log2(np.sqrt(pooled)), atol=1 / 16)
    steps = 8 * np.log2(island_scale(members))
    assert np.allclose(steps, np.round(steps))
    assert np.allclose(island_scale(members[::-1]), island_scale(members))


def test_a_column_that_never_varies_has_the_scale_one():
    z = np.column_stack([np.arange(4.0), np.full(4, 1e6)])
    assert island_scale([TableSpecification(z, np.full(4, 0.25))] * 3)[1] == 1.0


def test_a_scale_needs_one_width():
    for members in ([], [specification(0), specification(1, width=4)]):
        with pytest.raises(InvalidInput, match="one width"):
            island_scale(members)


def test_the_peers_score_by_hand():
    # min .05 is above the reference min(.01, .1 mean), and (.2 - .05) / (.2 - .01) is less than .92.
    far = peer_scores(np.array([0.05, 0.1, 0.2]))
    assert far == pytest.approx([0.92, 0.7, 0.0])
    near = peer_scores(np.array([0.001, 0.1, 0.18, 0.2]))
    assert near == pytest.approx([1.0, 0.7, np.sqrt(0.02 / 0.199), 0.0])
    between = peer_scores(np.array([0.12, 1.0, 2.0]))
    assert between == pytest.approx([1.88 / 1.896, 0.7, 0.0])
    assert peer_scores(np.array([0.3, 0.3])).tolist() == [1.0, 1.0]
    assert peer_scores(np.array([])).tolist() == []
