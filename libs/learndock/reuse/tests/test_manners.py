"""scikit-learn's manners, for every reuser."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.model_selection import GridSearchCV, cross_val_score

from learndock.errors import InvalidInput
from learndock.reuse import (
    AveragingReuser,
    EnsemblePruningReuser,
    FeatureAugmentationReuser,
    JobSelectorReuser,
)

from .conftest import member

ALL = [AveragingReuser, JobSelectorReuser, EnsemblePruningReuser, FeatureAugmentationReuser]
Z = np.random.default_rng(0).normal(size=(20, 3))


@pytest.fixture
def members() -> list:
    return [
        member(lambda X: (X[:, 0] > 0).astype(int), "a", z=Z),
        member(lambda X: (X[:, 1] > 0).astype(int), "b", z=Z + 1),
    ]


@pytest.mark.parametrize("kind", ALL)
def test_clones_share_the_models_and_nothing_learnt(kind: type, members: list, rows: np.ndarray) -> None:
    reuser = kind(members, n_classes=2).fit(rows, (rows[:, 0] > 0).astype(int))
    copy = clone(reuser)
    assert copy.get_params()["n_classes"] == 2
    assert [each.model for each in copy.members] == [each.model for each in members]
    assert not hasattr(copy, "members_")


@pytest.mark.parametrize("kind", ALL)
def test_cross_validation_works(kind: type, members: list, rows: np.ndarray) -> None:
    assert is_classifier(kind(members))
    assert is_regressor(kind(members, task="regression"))
    scores = cross_val_score(kind(members, n_classes=2), rows, (rows[:, 0] > 0).astype(int), cv=3)
    assert ((scores >= 0.4) & (scores <= 1)).all()


def test_grid_search_works(members: list, rows: np.ndarray) -> None:
    search = GridSearchCV(AveragingReuser(members, n_classes=2), {"mode": ["vote_by_label", "mean"]}, cv=2)
    assert search.fit(rows, (rows[:, 0] > 0).astype(int)).best_params_["mode"] in {"vote_by_label", "mean"}


@pytest.mark.parametrize("kind", ALL)
def test_parameters_are_set_by_name_or_refused(kind: type, members: list) -> None:
    reuser = kind(members)
    assert reuser.set_params(task="regression") is reuser
    assert reuser.get_params()["task"] == "regression"
    assert "a, b" in repr(reuser)
    with pytest.raises(InvalidInput, match="n_classes") as caught:
        reuser.set_params(classes=3)
    assert caught.value.reason == "PARAMETER_UNKNOWN"


def test_importing_imports_no_scikit_learn() -> None:
    code = (
        "import sys, learndock.reuse; sys.exit(any(name.split('.')[0] in {'sklearn', 'scipy'} for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
