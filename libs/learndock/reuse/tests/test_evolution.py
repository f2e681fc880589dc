from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from learndock.reuse.evolution import best_front, crowding, evolve, rank


def knapsack(masks: np.ndarray) -> np.ndarray:
    """Two things to make small that pull apart."""
    cost, gain = np.array([3, 1, 4, 1, 5, 9, 2, 6]), np.array([2, 7, 1, 8, 2, 8, 1, 8])
    return np.stack([masks @ cost, -(masks @ gain)], axis=1).astype(float)


def everything(size: int) -> np.ndarray:
    return np.array([mask for mask in product([False, True], repeat=size) if any(mask)])


def test_finds_the_true_front() -> None:
    masks = everything(8)
    values = knapsack(masks)
    truth = {tuple(each) for each in values[rank(values) == 0]}
    front = evolve(knapsack, 8, rng=np.random.default_rng(0))
    assert {tuple(each) for each in front.values} <= truth
    assert len({tuple(each) for each in front.values}) >= 0.8 * len(truth)


def test_the_seed_decides_and_no_subset_is_empty_or_twice() -> None:
    first, second = (evolve(knapsack, 8, rng=np.random.default_rng(4)) for _ in range(2))
    assert np.array_equal(first.masks, second.masks)
    assert first.masks.any(axis=1).all()
    assert len(np.unique(first.masks, axis=0)) == len(first.masks)


def test_one_thing_only() -> None:
    front = evolve(lambda masks: masks.sum(axis=1, keepdims=True).astype(float), 1, rng=np.random.default_rng(0))
    assert front.masks.tolist() == [[True]]


@settings(derandomize=True, deadline=None, max_examples=40)
@given(arrays(np.int64, (12, 3), elements=st.integers(0, 3)))
def test_rank_is_one_more_than_the_worst_that_dominates(values: np.ndarray) -> None:
    ranks = rank(values)
    for one, own in zip(values, ranks, strict=True):
        above = [ranks[i] for i, other in enumerate(values) if (other <= one).all() and (other < one).any()]
        assert own == (max(above) + 1 if above else 0)


def test_the_ends_have_all_the_room() -> None:
    room = crowding(np.array([[0.0, 3], [1, 2], [3, 0], [2, 1]]))
    assert np.isinf(room[[0, 2]]).all()
    assert np.isfinite(room[[1, 3]]).all()
    assert (crowding(np.zeros((3, 2))) >= 0).all()


@pytest.mark.parametrize("seed", range(4))
def test_evolution_comes_to_what_trying_everything_finds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, 60)
    answers = np.stack([np.where(rng.random(60) < p, labels, rng.integers(0, 3, 60)) for p in rng.uniform(0.3, 0.8, 8)])
    votes = np.eye(3)[answers]

    def judge(masks: np.ndarray) -> np.ndarray:
        mean = np.tensordot(masks / masks.sum(axis=1, keepdims=True), votes, axes=1)
        return np.stack([(mean.argmax(axis=2) != labels).mean(axis=1), masks.sum(axis=1)], axis=1)

    true = best_front(judge, 8, rng=rng)
    assert np.array_equal(true.values[np.lexsort(true.values.T[::-1])[0]], best_of(judge(everything(8))))
    found = evolve(judge, 8, rng=rng)
    assert best_of(found.values)[0] <= best_of(true.values)[0] + 1 / 60


def best_of(values: np.ndarray) -> np.ndarray:
    """The least error, then the smallest."""
    return min(values.tolist())


def test_the_true_front_of_few_things_needs_no_luck() -> None:
    fronts = [best_front(knapsack, 8, rng=np.random.default_rng(seed)) for seed in (0, 1)]
    assert np.array_equal(fronts[0].masks, fronts[1].masks)
    assert len(fronts[0].masks) == (rank(knapsack(everything(8))) == 0).sum()
