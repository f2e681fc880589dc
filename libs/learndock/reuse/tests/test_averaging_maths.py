"""What averaging must do whatever the members say."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from learndock.reuse import AveragingReuser

from .conftest import member

CHECKED = settings(derandomize=True, deadline=None, max_examples=50)
WEIGHTS = st.lists(st.floats(0, 1e6), min_size=3, max_size=3)
TABLE = arrays(np.float64, (3, 4, 3), elements=st.floats(-50, 50))
X = np.zeros((4, 1))


def reuser(answers: np.ndarray, weights: list, order: tuple = (0, 1, 2), **parameters) -> AveragingReuser:
    members = [member(lambda _, a=answers[at]: a, str(at), weights[at]) for at in order]
    return AveragingReuser(members, weighted=True, **parameters)


@CHECKED
@given(TABLE, WEIGHTS, st.sampled_from(["mean", "vote_by_label"]), st.permutations((0, 1, 2)))
def test_probabilities_are_a_distribution_and_the_order_of_members_is_nothing(answers, weights, mode, order) -> None:
    shares = reuser(answers, weights, mode=mode).predict_proba(X)
    assert shares.shape == (4, 3)
    assert (shares >= 0).all()
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    np.testing.assert_allclose(reuser(answers, weights, order, mode=mode).predict_proba(X), shares, atol=1e-12)


@CHECKED
@given(TABLE, WEIGHTS, st.floats(1e-3, 1e3))
def test_the_mean_lies_between_and_the_scale_of_weights_is_nothing(answers, weights, factor) -> None:
    mean = reuser(answers, weights, task="regression").predict(X)
    assert (mean >= answers.min(axis=0) - 1e-9).all()
    assert (mean <= answers.max(axis=0) + 1e-9).all()
    again = reuser(answers, [factor * each for each in weights], task="regression").predict(X)
    np.testing.assert_allclose(again, mean, atol=1e-9)


@CHECKED
@given(TABLE, WEIGHTS)
def test_the_mean_is_the_one_by_the_book(answers, weights) -> None:
    total = sum(weights)
    shares = [each / total for each in weights] if total > 0 else [1 / 3] * 3
    slow = [[sum(s * answers[m, row, c] for m, s in enumerate(shares)) for c in range(3)] for row in range(4)]
    np.testing.assert_allclose(reuser(answers, weights, task="regression").predict(X), slow, atol=1e-9)


@CHECKED
@given(st.lists(st.integers(0, 4), min_size=3, max_size=3))
def test_integers_floats_and_probabilities_count_alike(labels) -> None:
    said = [np.full(4, labels[0]), np.full((4, 1), float(labels[1])), np.eye(5)[np.full(4, labels[2])]]
    members = [member(lambda _, a=answer: a, str(at)) for at, answer in enumerate(said)]
    shares = AveragingReuser(members, n_classes=5).predict_proba(X)
    np.testing.assert_allclose(shares[0], np.bincount(labels, minlength=5) / 3)
