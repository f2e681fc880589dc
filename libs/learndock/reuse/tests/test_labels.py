"""Labels have names at the border: given, or as the members say."""

import numpy as np
import pytest

from learndock.errors import InvalidInput
from learndock.reuse import AveragingReuser, EnsemblePruningReuser, FeatureAugmentationReuser, Member

from .conftest import Says

CAT, DOG, COW = "cat", "dog", "cow"


def knows(names: tuple, *probabilities: float) -> Member:
    """A member that says the same of every row, and what its labels are called."""
    return Member(Says(lambda X: np.tile(probabilities, (len(X), 1))), key="-".join(names), label_names=names)


def test_names_come_from_the_members(rows: np.ndarray) -> None:
    reuser = AveragingReuser([knows((CAT, DOG), 0.2, 0.8), knows((), 0.3, 0.7)])
    assert set(reuser.predict_names(rows)) == {DOG}
    assert reuser.fit().label_names_ == (CAT, DOG)


def test_the_same_names_in_another_order_are_put_in_order(rows: np.ndarray) -> None:
    reuser = AveragingReuser([knows((CAT, DOG), 0.9, 0.1), knows((DOG, CAT), 0.3, 0.7)])
    assert np.allclose(reuser.predict_proba(rows)[0], [0.8, 0.2])
    assert set(reuser.predict_names(rows)) == {CAT}


def test_labels_of_members_are_put_in_order_too(rows: np.ndarray) -> None:
    other = Member(Says(lambda X: np.zeros(len(X), dtype=int)), label_names=(DOG, CAT))
    reuser = AveragingReuser([other], label_names=(CAT, DOG, COW))
    assert reuser.predict_proba(rows)[0].tolist() == [0, 1, 0]


def test_unequal_class_sets_meet_in_the_names_given(rows: np.ndarray) -> None:
    members = [knows((DOG, COW), 1.0, 0.0), knows((CAT, COW), 0.5, 0.5)]
    reuser = AveragingReuser(members, label_names=[CAT, DOG, COW]).fit()
    assert np.allclose(reuser.predict_proba(rows)[0], [0.25, 0.5, 0.25])
    assert reuser.classes_.tolist() == [0, 1, 2]
    assert set(reuser.predict_names(rows)) == {DOG}


def test_members_that_do_not_agree_are_read_by_number(rows: np.ndarray) -> None:
    reuser = AveragingReuser([knows((CAT, DOG), 0.9, 0.1), knows((DOG, COW), 0.9, 0.1)])
    assert set(reuser.predict(rows)) == {0}
    with pytest.raises(InvalidInput, match="label_names=") as caught:
        reuser.predict_names(rows)
    assert caught.value.reason == "LABEL_NAMES_MISSING"


def test_a_label_beyond_the_names_is_its_number(rows: np.ndarray) -> None:
    reuser = AveragingReuser([knows((CAT, DOG), 0.0, 0.0, 1.0)])
    assert set(reuser.predict_names(rows)) == {"2"}


@pytest.mark.parametrize("kind", [EnsemblePruningReuser, FeatureAugmentationReuser])
def test_labelled_rows_may_say_names(kind: type, rows: np.ndarray) -> None:
    right = Member(Says(lambda X: (X[:, 0] > 0).astype(int)), label_names=(CAT, DOG))
    said = np.where(rows[:, 0] > 0, DOG, CAT)
    reuser = kind([right]).fit(rows, said)
    assert reuser.score(rows, said) > 0.9
    assert (reuser.predict_names(rows) == said).mean() > 0.9
    with pytest.raises(InvalidInput, match="bird") as caught:
        reuser.fit(rows, ["bird"] * len(rows))
    assert caught.value.reason == "LABELS_UNKNOWN"


def test_names_twice_are_no_names(rows: np.ndarray) -> None:
    with pytest.raises(InvalidInput) as caught:
        AveragingReuser([knows((), 0.5, 0.5)], label_names=[CAT, CAT]).fit()
    assert caught.value.reason == "LABEL_NAMES_TWICE"
    assert AveragingReuser([knows((CAT, CAT), 0.5, 0.5)]).fit().label_names_ == ()


def test_regression_has_no_names() -> None:
    reuser = AveragingReuser([knows((), 1.0)], task="regression")
    assert not hasattr(reuser, "predict_names")
    assert not hasattr(reuser, "predict_proba")
    assert hasattr(reuser.set_params(task="classification"), "predict_proba")


def test_a_label_that_no_row_got_has_a_column_where_it_has_a_name(rows: np.ndarray) -> None:
    member = Member(Says(lambda X: np.zeros(len(X), dtype=int)), label_names=(CAT, DOG))
    assert AveragingReuser([member], mode="vote_by_label").predict_proba(rows)[0].tolist() == [1, 0]
