"""Specifications that lie to be found: refused, ranked behind the honest ones, or flagged."""

from __future__ import annotations

import numpy as np
import pytest

from learndock.errors import InvalidInput
from learndock.search import Index, island_scale, mmd
from learndock.search.suspicion import suspicions
from learndock.semantic import SemanticSpecification
from learndock.specification import TableSpecification, specify

pytestmark = pytest.mark.security
ANY = SemanticSpecification()
WIDTH, DOMAINS = 6, 12


def rows(domain, seed, n=300):
    centre = np.random.default_rng(domain).normal(size=WIDTH) * 2
    return centre + np.random.default_rng([domain, seed]).normal(size=(n, WIDTH))


@pytest.fixture(scope="module")
def honest():
    return {f"honest-{domain}": specify(rows(domain, 0)) for domain in range(DOMAINS)}


@pytest.fixture(scope="module")
def tasks():
    return [(f"honest-{domain}", specify(rows(domain, seed))) for domain in range(DOMAINS) for seed in (1, 2)]


def everybody(honest):
    return np.concatenate([each.z for each in honest.values()])


def liars(honest):
    """Thirty that the rules take: few points, many, wide, narrow, pooled, copied, huge counts of rows."""
    pool = everybody(honest)
    mean, spread = pool.mean(axis=0), pool.std(axis=0)
    rng = np.random.default_rng(7)
    found = {
        "one-point-at-the-mean": np.atleast_2d(mean),
        "one-point-at-the-median": np.atleast_2d(np.median(pool, axis=0)),
    }
    for factor in (0, 0.01, 0.1, 0.5, 1, 2, 5, 100):
        found[f"cloud-of-{factor}-spreads"] = mean + factor * spread * rng.normal(size=(100, WIDTH))
    for count in (2, 5, 20, 100, 1_000):
        found[f"pooled-{count}"] = rng.permutation(pool)[:count]
    for factor in (0.2, 0.5, 0.9, 1.1):
        found[f"pooled-and-shrunk-{factor}"] = mean + factor * (rng.permutation(pool)[:100] - mean)
    for size in (1e3, 1e6, 1e11):
        found[f"far-away-{size:g}"] = np.vstack([mean, np.full((1, WIDTH), size)])
    for order, point in enumerate(rng.permutation(pool)[:6]):
        found[f"one-point-of-another-{order}"] = np.atleast_2d(point)
    found["corners"] = mean + spread * np.array(np.meshgrid(*[[-1.0, 1.0]] * WIDTH)).reshape(WIDTH, -1).T
    found["duplicated-points"] = np.repeat(rng.permutation(pool)[:3], 300, axis=0)
    return {name: TableSpecification(z, np.full(len(z), 1 / len(z)), num_points=10_000) for name, z in found.items()}


def index_of(*parts):
    found = Index()
    semantic = SemanticSpecification(data_type="Table", task_type="Classification", input_dimension=WIDTH)
    for part in parts:
        for key, specification in part.items():
            found.add(key, semantic, specification)
    return found


@pytest.mark.parametrize(
    "changes",
    [
        {"beta": np.zeros(100)},
        {"beta": np.full(100, 0.001)},
        {"beta": np.full(100, 0.02)},
        {"beta": np.array([1.5, *[-0.5 / 99] * 99])},
        {"gamma": 0.0},
        {"gamma": -0.1},
        {"gamma": float("inf")},
        {"z": np.full((100, WIDTH), np.nan)},
        {"z": np.full((100, WIDTH), 1e300)},
        {"num_points": 10},
    ],
)
def test_what_wins_in_the_peer_is_no_specification_here(changes, honest):
    good = {"z": rows(0, 5, 100), "beta": np.full(100, 0.01), "gamma": 0.1, "num_points": 300}
    with pytest.raises(InvalidInput) as caught:
        TableSpecification(**{**good, **changes})
    assert caught.value.reason == "SPECIFICATION_INVALID"


def test_a_gamma_of_ones_own_is_left_out_of_everybody_elses_search(honest, tasks):
    lying = {f"gamma-{gamma:g}": TableSpecification(np.zeros((1, WIDTH)), [1.0], gamma=gamma) for gamma in (1e-9, 1e5)}
    found = index_of(honest, lying).search(tasks[0][1], ANY, limit=100)
    assert {hit.key for hit in found.hits} == set(honest)


def test_there_are_thirty(honest):
    assert len(liars(honest)) >= 30


def test_no_liar_comes_before_the_honest_match_and_the_honest_keep_their_order(honest, tasks):
    before, after = index_of(honest), index_of(honest, liars(honest))
    for match, task in tasks:
        first = after.search(task, ANY, limit=100, mixture="none")
        assert first.hits[0].key == match, [hit.key for hit in first.hits[:3]]
        assert all(np.isfinite(hit.distance) and hit.distance >= 0 for hit in first.hits)
        kept = [hit.key for hit in first.hits if hit.key in honest]
        alone = before.search(task, ANY, limit=100, mixture="none")
        assert kept[0] == alone.hits[0].key == match


def test_distances_are_never_negative(honest):
    specifications = [*honest.values(), *liars(honest).values()]
    for a in specifications[::5]:
        for b in specifications:
            assert mmd(a, b) >= 0
        assert mmd(a, a) < 1e-6


def panel(honest):
    return list(honest.items())


def reasons(candidate, honest):
    return {each.reason for each in suspicions(candidate, panel(honest))}


def test_honest_ones_raise_no_suspicion(honest):
    for domain in range(DOMAINS):
        others = {key: each for key, each in honest.items() if key != f"honest-{domain}"}
        assert suspicions(honest[f"honest-{domain}"], panel(others)) == []


@pytest.mark.parametrize("n", [25, 60, 100, 400])
@pytest.mark.parametrize("width", [1, WIDTH])
def test_an_honest_small_table_raises_no_suspicion(n, width):
    assert suspicions(specify(rows(0, 0, n)[:, :width]), []) == []


def test_one_that_would_be_first_for_most_is_flagged(honest):
    pooled = specify(everybody(honest))
    assert "FIRST_FOR_MOST" in reasons(pooled, honest)
    middle = TableSpecification(np.atleast_2d(everybody(honest).mean(axis=0)), [1.0], num_points=10_000)
    assert "FEW_EFFECTIVE_POINTS" in reasons(middle, honest)


def test_a_copy_of_anothers_is_flagged_though_its_file_differs(honest):
    original = honest["honest-3"]
    copy = TableSpecification(original.z + 1e-9, original.beta[:], num_points=original.num_points + 1)
    assert "COPY_OF_ANOTHER" in reasons(copy, honest)
    other = specify(rows(3, 8))
    assert "COPY_OF_ANOTHER" not in reasons(other, honest)


def test_a_few_neighbours_are_no_panel(honest):
    pooled = specify(everybody(honest))
    few = dict(list(honest.items())[:5])
    assert "FIRST_FOR_MOST" not in reasons(pooled, few)
    assert suspicions(pooled, []) == []


def test_one_far_away_has_no_more_say_than_its_share(honest):
    usual = island_scale(list(honest.values()))
    far = TableSpecification(np.full((5, WIDTH), 1e11), np.full(5, 0.2), num_points=500)
    assert (island_scale([*honest.values(), far]) / usual < 2.5).all()


def test_near_rows_keep_their_digits_beside_far_ones():
    near, far = np.zeros((1, 3)), np.full((1, 3), 1e11)
    a = TableSpecification(np.vstack([near, far]), [0.5, 0.5], num_points=50)
    b = TableSpecification(np.vstack([near + 1.0, far + 2.0]), [0.5, 0.5], num_points=50)
    expected = 1.0 - 0.5 * (np.exp(-0.1 * 3) + np.exp(-0.1 * 12))
    assert mmd(a, b) ** 2 == pytest.approx(expected, rel=1e-9)
