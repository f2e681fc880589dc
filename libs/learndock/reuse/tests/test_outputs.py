import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from learndock.errors import InvalidInput
from learndock.reuse.outputs import as_probabilities, as_table, one_hot, widen

EXAMPLES = settings(derandomize=True, deadline=None, max_examples=40)


@pytest.mark.parametrize(
    "output",
    [
        np.array([0, 2, 1]),
        np.array([[0], [2], [1]]),
        np.array([0.0, 2.0, 1.0]),
        [0, 2, 1],
        one_hot(np.array([0, 2, 1]), 3),
    ],
)
def test_labels_in_every_form_mean_the_same(output: object) -> None:
    assert np.array_equal(as_probabilities(as_table(output, 3, "a"), 3, "a"), np.eye(3)[[0, 2, 1]])


@EXAMPLES
@given(arrays(np.float64, (5, 4), elements=st.floats(-30, 30)))
def test_scores_become_probabilities_with_the_same_winner(scores: np.ndarray) -> None:
    probabilities = as_probabilities(scores, 4, "a")
    assert np.allclose(probabilities.sum(axis=1), 1)
    winners = np.take_along_axis(scores, probabilities.argmax(axis=1)[:, None], axis=1)[:, 0]
    assert np.allclose(winners, scores.max(axis=1))


@EXAMPLES
@given(arrays(np.float64, (5, 4), elements=st.floats(0.01, 1)))
def test_probabilities_stay_as_they_are(weights: np.ndarray) -> None:
    probabilities = weights / weights.sum(axis=1, keepdims=True)
    assert np.allclose(as_probabilities(probabilities, 4, "a"), probabilities)
    assert np.allclose(
        as_probabilities(probabilities.astype(np.float16).astype(float), 4, "a"), probabilities, atol=2e-3
    )


def test_a_member_that_knows_fewer_classes_gives_zero_for_the_others() -> None:
    known = np.array([[0.3, 0.7]])
    assert np.array_equal(as_probabilities(known, 4, "a"), [[0.3, 0.7, 0, 0]])
    assert np.array_equal(widen(known, 2), known)


def test_one_column_of_fractions_is_the_second_of_two_classes() -> None:
    assert np.allclose(as_probabilities(np.array([[0.25], [1.0]]), 2, "a"), [[0.75, 0.25], [0, 1]])


@pytest.mark.parametrize(
    "output",
    [np.zeros((2, 3, 1)), np.zeros(4), np.array(["cat", "dog", "cat"]), [[1], [2, 3], [4]], np.zeros((3, 0)), None, 7],
)
def test_wrong_shapes_name_the_member(output: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        as_table(output, 3, "lw-7")
    assert caught.value.reason == "MEMBER_OUTPUT_SHAPE"
    assert "lw-7" in caught.value.message
    assert caught.value.details["key"] == "lw-7"


@pytest.mark.parametrize("labels", [[-1, 0], [0, 3], [0.5, 1.0]])
def test_labels_that_are_no_labels_of_the_task(labels: list[float]) -> None:
    with pytest.raises(InvalidInput, match="lw-7") as caught:
        as_probabilities(np.array(labels)[:, None], 3, "lw-7")
    assert caught.value.reason == "MEMBER_OUTPUT_LABELS"


def test_more_columns_than_classes() -> None:
    with pytest.raises(InvalidInput, match="lw-7") as caught:
        as_probabilities(np.ones((2, 4)) / 4, 3, "lw-7")
    assert caught.value.reason == "MEMBER_OUTPUT_SHAPE"


def test_rows_of_nought_are_scores_whatever_the_number_of_classes() -> None:
    for classes in (2, 999, 1_000, 5_000):
        assert np.allclose(as_probabilities(np.zeros((2, classes)), None, "a"), 1 / classes)


@pytest.mark.parametrize("label", [10_000.0, 1e9, 1e300])
def test_what_is_no_class_takes_no_memory(label: float) -> None:
    with pytest.raises(InvalidInput, match="lw-7") as caught:
        as_probabilities(np.full((3, 1), label), None, "lw-7")
    assert caught.value.reason == "MEMBER_OUTPUT_LABELS"
    assert as_probabilities(np.full((3, 1), 9_999.0), None, "lw-7").shape == (3, 10_000)
    assert as_probabilities(np.full((3, 1), 10_000.0), 20_000, "lw-7").shape == (3, 20_000)
