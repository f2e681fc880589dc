import numpy as np
import pytest

import learndock as ld
from learndock.errors import InvalidInput
from learndock.reuse import DockWarning, JobSelectorReuser

from .conftest import member, refuses

RNG = np.random.default_rng(3)
ASIDE = np.array([1.0, 0, 0])
LEFT = RNG.normal(size=(40, 3)) - 4 * ASIDE
RIGHT = RNG.normal(size=(40, 3)) + 4 * ASIDE


@pytest.fixture
def halves() -> list:
    """Each is right at home and wrong elsewhere."""
    return [member(lambda X: X[:, 0] * 0 - 1, "left", z=LEFT), member(lambda X: X[:, 0] * 0 + 1, "right", z=RIGHT)]


def test_every_row_goes_to_the_member_that_was_trained_near_it(halves: list) -> None:
    rows = np.concatenate([LEFT[::2], RIGHT[::2]]) + 0.1
    reuser = JobSelectorReuser(halves, task="regression")
    assert reuser.fit() is reuser
    assert np.array_equal(reuser.predict(rows), [-1] * 20 + [1] * 20)
    assert np.array_equal(reuser.select(rows), [0] * 20 + [1] * 20)


def test_predict_fits_by_itself_and_says_the_same_twice(halves: list) -> None:
    rows = RNG.normal(size=(30, 3))
    first, second = (JobSelectorReuser(halves, task="regression", random_state=5).predict(rows) for _ in range(2))
    assert np.array_equal(first, second)


def test_beta_and_weight_decide_between_members_at_the_same_place() -> None:
    members = [
        member(lambda X: np.zeros(len(X)), "light", 0.1, LEFT),
        member(lambda X: np.ones(len(X)), "heavy", 0.9, LEFT),
    ]
    assert JobSelectorReuser(members, n_classes=2).predict(LEFT).mean() > 0.9
    members[1].weight, members[0].weight = 0.1, 0.9
    assert JobSelectorReuser(members, n_classes=2).fit().predict(LEFT).mean() < 0.1


def test_a_single_member_needs_no_specification() -> None:
    reuser = JobSelectorReuser([member(lambda X: np.ones(len(X), dtype=int), "only")], n_classes=3).fit()
    assert np.array_equal(reuser.predict_proba(LEFT), np.tile([0, 1, 0], (40, 1)))


def test_rows_of_a_failed_member_go_to_the_next_best(halves: list) -> None:
    members = [
        halves[0],
        member(refuses(), "right", z=RIGHT),
        member(lambda X: X[:, 0] * 0 + 2, "far", z=RIGHT + 6 * ASIDE),
    ]
    reuser = JobSelectorReuser(members, task="regression").fit()
    with pytest.warns(DockWarning, match="right"):
        predicted = reuser.predict(RIGHT + 3 * ASIDE)
    assert (predicted == 2).mean() > 0.7
    assert list(reuser.dropped_) == ["right"]


def test_missing_or_unlike_specifications(halves: list) -> None:
    with pytest.raises(InvalidInput, match="bare") as caught:
        JobSelectorReuser([*halves, member(lambda X: X[:, 0], "bare")], task="regression").fit()
    assert caught.value.reason == "SPECIFICATION_MISSING"
    with pytest.raises(InvalidInput) as caught:
        JobSelectorReuser([*halves, member(lambda X: X[:, 0], "b", z=LEFT[:, :2])], task="regression").fit()
    assert caught.value.reason == "SPECIFICATION_WIDTH"
    with pytest.raises(InvalidInput) as caught:
        JobSelectorReuser(halves, task="regression").predict(LEFT[:, :2])
    assert caught.value.reason == "DATA_SHAPE"


def test_nearly_as_good_as_knowing_the_true_densities() -> None:
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(5, 3, 20)) * 1.4
    unit = 10.0 ** rng.uniform(-3, 3, 20)
    home = [centres[i, rng.integers(0, 3, 800)] + rng.normal(size=(800, 20)) for i in range(5)]
    owners = rng.integers(0, 5, 1000)
    rows = centres[owners, rng.integers(0, 3, 1000)] + rng.normal(size=(1000, 20))
    far = ((rows[:, None, None] - centres) ** 2).sum(axis=3)
    oracle = (np.exp(-far / 2).sum(axis=2).argmax(axis=1) == owners).mean()
    members = [member(len, str(place), z=ld.specify(each * unit).z) for place, each in enumerate(home)]
    found = (JobSelectorReuser(members, n_classes=2).fit().select(rows * unit) == owners).mean()
    assert found >= oracle - 0.01


def test_members_of_one_domain_end_in_no_time_and_share_the_rows() -> None:
    rng = np.random.default_rng(0)
    members = [member(lambda X: X[:, 0] * 0, str(place), z=rng.normal(size=(50, 3))) for place in range(5)]
    reuser = JobSelectorReuser(members, task="regression").fit()
    rows = rng.normal(size=(500, 3))
    assert (reuser.predict(rows) == 0).all()
    assert len(set(reuser.select(rows))) == 5
    shares = reuser.responsibilities(rows)
    assert np.allclose(shares.sum(axis=1), 1)
    same = [member(lambda X: X[:, 0] * 0, str(place), z=LEFT) for place in range(3)]
    assert np.allclose(JobSelectorReuser(same, task="regression").responsibilities(rows), 1 / 3)


def test_other_members_are_prepared_for_without_a_word(halves: list) -> None:
    reuser = JobSelectorReuser(halves, task="regression")
    assert np.array_equal(reuser.predict(np.array([-4 * ASIDE, 4 * ASIDE])), [-1, 1])
    others = [member(lambda X: X[:, 0] * 0 + 7, "new left", z=LEFT), halves[1]]
    assert np.array_equal(reuser.set_params(members=others).predict(np.array([-4 * ASIDE, 4 * ASIDE])), [7, 1])


@pytest.mark.parametrize("weight", [0.0, 1e-15, 1e-12])
def test_a_point_far_away_of_hardly_any_weight_hides_nothing(halves: list, weight: float) -> None:
    for each in halves:
        z = np.vstack([each.specification.z, np.full((1, 3), 1e12)])
        each.specification = ld.TableSpecification(z, np.append(np.full(40, (1 - weight) / 40), weight))
    right = JobSelectorReuser(halves, task="regression").predict(np.concatenate([LEFT, RIGHT]))
    assert np.mean(right == np.repeat([-1, 1], 40)) > 0.95
