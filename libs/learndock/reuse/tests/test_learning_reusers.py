"""Ensemble pruning and feature augmentation: those that learn from labelled rows."""

from itertools import combinations

import numpy as np
import pytest

from learndock.errors import FailedPrecondition, InvalidInput
from learndock.reuse import AveragingReuser, DockWarning, EnsemblePruningReuser, FeatureAugmentationReuser, Member

from .conftest import member, refuses

LEARNING = [EnsemblePruningReuser, FeatureAugmentationReuser]


def truth(X: np.ndarray) -> np.ndarray:
    return (X[:, 0] > 0) + (X[:, 1] > 0).astype(int)


def probabilities(X: np.ndarray) -> np.ndarray:
    return np.eye(3)[truth(X)] * 0.8 + 0.2 / 3


@pytest.fixture
def classifiers() -> list:
    return [
        member(lambda X: (truth(X) + 1) % 3, "wrong"),
        member(truth, "right"),
        member(lambda X: np.zeros(len(X)), "lazy"),
        member(probabilities, "unsure"),
    ]


@pytest.fixture
def regressors() -> list:
    return [
        member(lambda X: X[:, 0] + 1, "high"),
        member(lambda X: X[:, :1] - 1, "low"),
        member(lambda X: -9 * X[:, 0], "wrong"),
    ]


@pytest.mark.parametrize("kind", LEARNING)
def test_classification_learns_whom_to_trust(kind: type, classifiers: list, rows: np.ndarray) -> None:
    reuser = kind(classifiers, n_classes=3)
    assert reuser.fit(rows[:40], truth(rows[:40])) is reuser
    assert reuser.score(rows[40:], truth(rows[40:])) >= 0.95
    assert np.allclose(reuser.predict_proba(rows).sum(axis=1), 1)
    assert reuser.predict_proba(rows).shape == (60, 3)


@pytest.mark.parametrize("kind", LEARNING)
@pytest.mark.parametrize("column", [False, True])
def test_regression_learns_whom_to_trust(kind: type, column: bool, regressors: list, rows: np.ndarray) -> None:
    targets = rows[:, :1] if column else rows[:, 0]
    reuser = kind(regressors, task="regression").fit(rows[:40], targets[:40])
    assert reuser.predict(rows[40:]).shape == (20,)
    assert reuser.score(rows[40:], targets[40:]) > 0.95


def test_pruning_takes_those_whose_errors_cancel(regressors: list, rows: np.ndarray) -> None:
    reuser = EnsemblePruningReuser(regressors, task="regression").fit(rows, rows[:, 0])
    assert reuser.mask_.tolist() == [True, True, False]
    assert np.allclose(reuser.predict(rows), rows[:, 0])


def test_pruning_takes_the_surer_of_two_that_are_right(classifiers: list, rows: np.ndarray) -> None:
    reuser = EnsemblePruningReuser(classifiers, n_classes=3).fit(rows, truth(rows))
    assert reuser.mask_.tolist() == [False, True, False, False]


@pytest.mark.parametrize("kind", LEARNING)
def test_two_outputs(kind: type, rows: np.ndarray) -> None:
    members = [member(lambda X: X[:, :2], "right"), member(lambda X: 5 - X[:, :2], "wrong")]
    reuser = kind(members, task="regression").fit(rows[:40], rows[:40, :2])
    assert reuser.predict(rows[40:]).shape == (20, 2)
    assert reuser.score(rows[40:], rows[40:, :2]) > 0.95


@pytest.mark.parametrize("kind", LEARNING)
def test_one_labelled_row_and_one_class_are_enough_to_go_on(kind: type, classifiers: list, rows: np.ndarray) -> None:
    for few in (rows[:1], rows[truth(rows) == 1]):
        reuser = kind(classifiers, n_classes=3).fit(few, truth(few))
        assert reuser.predict_proba(rows).shape == (60, 3)
        assert set(reuser.predict(rows)) <= {0, 1, 2}
    single = kind([member(lambda X: X[:, 0], "a")], task="regression").fit(rows[:1], rows[:1, 0])
    assert np.isfinite(single.predict(rows)).all()


@pytest.mark.parametrize("kind", LEARNING)
def test_the_number_of_classes_may_be_unsaid(kind: type, rows: np.ndarray) -> None:
    members = [member(truth, "labels"), member(lambda X: np.full((len(X), 2), 0.5), "two")]
    low = rows[truth(rows) < 2]
    reuser = kind(members).fit(low, truth(low))
    assert len(reuser.predict(rows)) == 60
    beyond = kind([members[1]]).fit(rows, truth(rows))
    assert set(beyond.predict(rows)) <= {0, 1, 2}


@pytest.mark.parametrize("kind", LEARNING)
def test_a_member_that_fails_while_fitting_is_left_out(kind: type, classifiers: list, rows: np.ndarray) -> None:
    reuser = kind([member(refuses(), "bad"), *classifiers], n_classes=3)
    with pytest.warns(DockWarning, match="bad"):
        reuser.fit(rows, truth(rows))
    assert list(reuser.dropped_) == ["bad"]
    assert reuser.score(rows, truth(rows)) >= 0.95
    assert reuser.dropped_ == {}


@pytest.mark.parametrize("kind", LEARNING)
def test_a_member_that_fails_later_is_left_out(kind: type, rows: np.ndarray) -> None:
    asked = []

    def tires(X: np.ndarray) -> np.ndarray:
        asked.append(len(X))
        return refuses()(X) if len(asked) > 1 else X[:, 0] + 1

    members = [member(lambda X: X[:, 0] - 1, "steady"), member(tires, "tires")]
    reuser = kind(members, task="regression").fit(rows, rows[:, 0])
    with pytest.warns(DockWarning, match="tires"):
        predicted = reuser.predict(rows)
    assert np.corrcoef(predicted, rows[:, 0])[0, 1] > 0.99
    assert list(reuser.dropped_) == ["tires"]


def test_augmentation_standardises_with_the_labelled_rows_only(regressors: list, rows: np.ndarray) -> None:
    reuser = FeatureAugmentationReuser(regressors, task="regression").fit(rows[:10] * 100 + 7, rows[:10, 0])
    assert np.allclose(reuser.center_, (rows[:10] * 100 + 7).mean(axis=0))
    alone = reuser.predict(rows[40:41])
    assert np.allclose(alone, reuser.predict(rows[40:])[0])


@pytest.mark.parametrize("kind", LEARNING)
@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        (None, "LABELS_MISSING"),
        ([], "LABELS_MISSING"),
        ([0, 1], "LABELS_SHAPE"),
        (["cat"] * 60, "LABELS_SHAPE"),
        ([np.nan] * 60, "LABELS_NOT_FINITE"),
        ([3] * 60, "LABELS_RANGE"),
        ([-1] * 60, "LABELS_RANGE"),
        ([0.5] * 60, "LABELS_RANGE"),
    ],
)
def test_labels_that_do_not_do(kind: type, labels: list, reason: str, classifiers: list, rows: np.ndarray) -> None:
    with pytest.raises(InvalidInput) as caught:
        kind(classifiers, n_classes=3).fit(rows, labels)
    assert caught.value.reason == reason


@pytest.mark.parametrize("kind", LEARNING)
def test_predicting_before_fitting(kind: type, classifiers: list, rows: np.ndarray) -> None:
    with pytest.raises(FailedPrecondition) as caught:
        kind(classifiers, n_classes=3).predict(rows)
    assert caught.value.reason == "REUSER_NOT_FITTED"


def test_augmentation_wants_the_same_columns(regressors: list, rows: np.ndarray) -> None:
    reuser = FeatureAugmentationReuser(regressors, task="regression").fit(rows, rows[:, 0])
    with pytest.raises(InvalidInput) as caught:
        reuser.predict(rows[:, :2])
    assert caught.value.reason == "DATA_SHAPE"


def test_the_best_subset_of_few_members_is_the_best_of_all(rows: np.ndarray) -> None:
    rng = np.random.default_rng(1)
    noise = [rng.normal(size=3) for _ in range(6)]
    members = [member(lambda X, n=n: X[:, 0] + X @ n, str(place)) for place, n in enumerate(noise)]
    reuser = EnsemblePruningReuser(members, task="regression").fit(rows, rows[:, 0])
    errors = {
        keep: np.mean((np.mean([rows @ noise[place] for place in keep], axis=0)) ** 2)
        for size in range(1, 7)
        for keep in combinations(range(6), size)
    }
    assert tuple(np.flatnonzero(reuser.mask_)) == min(errors, key=errors.get)


def test_many_members_are_pruned_by_the_seed_and_better_than_all_together(rows: np.ndarray) -> None:
    rng = np.random.default_rng(2)
    labels = truth(rows)
    wrong = [rng.random(60) < share for share in rng.uniform(0.2, 0.7, 14)]
    members = [
        member(lambda X, w=w: np.where(w, (truth(rows) + 1) % 3, truth(rows)), str(place))
        for place, w in enumerate(wrong)
    ]
    first, second = (EnsemblePruningReuser(members, n_classes=3, random_state=3).fit(rows, labels) for _ in range(2))
    assert np.array_equal(first.mask_, second.mask_)
    together = AveragingReuser(members, n_classes=3)
    single = max(AveragingReuser([each], n_classes=3).score(rows, labels) for each in members)
    assert first.score(rows, labels) >= max(together.score(rows, labels), single)
    assert first.mask_.sum() < 14


def test_the_others_stand_in_where_all_chosen_fail(rows: np.ndarray) -> None:
    asked = []

    def tires(X: np.ndarray) -> np.ndarray:
        asked.append(len(X))
        return refuses("tired")(X) if len(asked) > 1 else X[:, 0]

    members = [member(tires, "chosen"), member(lambda X: X[:, 0] * 0 + 5, "other")]
    reuser = EnsemblePruningReuser(members, task="regression").fit(rows, rows[:, 0])
    assert reuser.mask_.tolist() == [True, False]
    with pytest.warns(DockWarning, match="the others stand in.*tired"):
        assert (reuser.predict(rows) == 5).all()
    assert "tired" in reuser.dropped_["chosen"]
    alone = EnsemblePruningReuser(members[1:], task="regression").fit(rows, rows[:, 0])
    alone.members_ = [("other", member(refuses("gone"), "other"))]
    with pytest.raises(FailedPrecondition, match="gone"):
        alone.predict(rows)


def test_as_many_labelled_rows_as_columns_do_not_spoil_augmented_regression():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=45)

    class Near:
        def __init__(self):
            self.weights = truth + 0.5 * rng.normal(size=45)

        def predict(self, X):
            return np.asarray(X) @ self.weights

    members = [Member(Near()) for _ in range(3)]
    X, test = rng.normal(size=(50, 45)), rng.normal(size=(1000, 45))
    reuser = FeatureAugmentationReuser(members, task="regression").fit(X, X @ truth + 3 * rng.normal(size=50))
    alone = np.sqrt(np.mean((members[0].model.predict(test) - test @ truth) ** 2))
    assert np.sqrt(np.mean((reuser.predict(test) - test @ truth) ** 2)) < alone
