import numpy as np
import pytest

from learndock.errors import FailedPrecondition, InvalidInput
from learndock.reuse import AveragingReuser, DockWarning

from .conftest import member, refuses


def always(*probabilities: float):
    return lambda X: np.tile(probabilities, (len(X), 1))


@pytest.fixture
def split() -> list:
    """Two that lean to class 0, one that is sure of class 1."""
    return [member(always(0.6, 0.4), "a"), member(always(0.55, 0.45), "b"), member(always(0.0, 1.0), "c")]


@pytest.mark.parametrize(
    ("mode", "label"), [("vote_by_label", 0), ("vote_by_probability", 1), ("mean", 1), ("auto", 1)]
)
def test_the_modes_differ_where_a_minority_is_sure(split: list, rows: np.ndarray, mode: str, label: int) -> None:
    reuser = AveragingReuser(split, mode=mode, n_classes=2)
    assert reuser.fit() is reuser
    assert (reuser.predict(rows) == label).all()
    assert np.allclose(reuser.predict_proba(rows).sum(axis=1), 1)


def test_weights_count_only_when_asked(split: list, rows: np.ndarray) -> None:
    split[2].weight = 0.0
    assert AveragingReuser(split, n_classes=2).predict(rows)[0] == 1
    assert AveragingReuser(split, n_classes=2, weighted=True).predict(rows)[0] == 0


def test_mean_of_numbers_in_every_shape(rows: np.ndarray) -> None:
    members = [member(lambda X: X[:, 0], "a", 3.0), member(lambda X: X[:, :1] + 2, "b", 1.0)]
    assert np.allclose(AveragingReuser(members, task="regression").fit().predict(rows), rows[:, 0] + 1)
    weighted = AveragingReuser(members, task="regression", weighted=True)
    assert np.allclose(weighted.predict(rows), rows[:, 0] + 0.5)
    wide = AveragingReuser([member(lambda X: X, "a"), member(lambda X: 3 * X, "b")], task="regression")
    assert np.allclose(wide.predict(rows), 2 * rows)


def test_unequal_class_sets(rows: np.ndarray) -> None:
    members = [
        member(always(1.0, 0.0), "two"),
        member(lambda X: np.full(len(X), 3), "labels"),
        member(always(0, 0, 0, 1), "four"),
    ]
    for n_classes in (4, None):
        reuser = AveragingReuser(members, n_classes=n_classes)
        assert np.allclose(reuser.predict_proba(rows)[0], [1 / 3, 0, 0, 2 / 3])
        assert reuser.predict(rows)[0] == 3


def test_a_member_that_fails_is_left_out_and_named(rows: np.ndarray) -> None:
    members = [
        member(lambda X: X[:, 0], "good", 0.2),
        member(refuses("out of memory"), "bad", 0.5),
        member(lambda X: X[:, 0] * np.nan, "nan", 0.3),
    ]
    reuser = AveragingReuser(members, task="regression", weighted=True).fit()
    with pytest.warns(DockWarning) as said:
        assert np.allclose(reuser.predict(rows), rows[:, 0])
    assert [("bad" in str(each.message), "nan" in str(each.message)) for each in said] == [(True, False), (False, True)]
    assert set(reuser.dropped_) == {"bad", "nan"}
    assert "out of memory" in reuser.dropped_["bad"]


def test_all_members_failing_is_an_error_with_every_reason(rows: np.ndarray) -> None:
    reuser = AveragingReuser([member(refuses("one"), "a"), member(refuses("two"), "b")])
    with pytest.raises(FailedPrecondition, match=r"one.*two") as caught:
        reuser.predict(rows)
    assert caught.value.reason == "MEMBERS_ALL_FAILED"


def test_a_member_of_a_wrong_shape_is_left_out_too(rows: np.ndarray) -> None:
    reuser = AveragingReuser([member(always(1, 0), "fine"), member(lambda X: X[:-1, 0], "short")], n_classes=2)
    with pytest.warns(DockWarning, match="short"):
        assert (reuser.predict(rows) == 0).all()
    assert "MEMBER_OUTPUT_SHAPE" in reuser.dropped_["short"]


def test_the_same_wrong_shape_of_all_is_an_error_that_names_the_first(rows: np.ndarray) -> None:
    reuser = AveragingReuser([member(always(0.5, 0.5, 0), key) for key in ("a", "b")], n_classes=2)
    with pytest.raises(InvalidInput, match="Member a gave 3 columns") as caught:
        reuser.predict(rows)
    assert caught.value.reason == "MEMBER_OUTPUT_SHAPE"


def test_members_of_unlike_outputs_are_refused(rows: np.ndarray) -> None:
    reuser = AveragingReuser([member(lambda X: X, "wide"), member(lambda X: X[:, 0], "narrow")], task="regression")
    with pytest.raises(InvalidInput, match="narrow"):
        reuser.predict(rows)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"members": []}, "MEMBERS_EMPTY"),
        ({"members": [object()]}, "MEMBER_INVALID"),
        ({"members": [member(always(1, 0), "a", -1.0)]}, "MEMBER_WEIGHT"),
        ({"members": [member(always(1, 0), "a", float("nan"))]}, "MEMBER_WEIGHT"),
        ({"members": [member(always(1, 0), "a", "much")]}, "MEMBER_WEIGHT"),
        ({"task": "clustering"}, "TASK_UNKNOWN"),
        ({"mode": "median"}, "MODE_UNKNOWN"),
        ({"task": "regression", "mode": "vote_by_label"}, "TASK_WRONG"),
    ],
)
def test_what_is_given_wrong_is_refused_with_a_hint_or_a_reason(given: dict, reason: str) -> None:
    parameters = {"members": [member(always(1, 0), "a")]} | given
    with pytest.raises(InvalidInput) as caught:
        AveragingReuser(**parameters).fit()
    assert caught.value.reason == reason


def test_no_probabilities_for_numbers(rows: np.ndarray) -> None:
    with pytest.raises(InvalidInput) as caught:
        AveragingReuser([member(lambda X: X[:, 0], "a")], task="regression").predict_proba(rows)
    assert caught.value.reason == "TASK_WRONG"
