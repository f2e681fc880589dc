"""scikit-learn's own checks, over every reuser with members that take rows of any width."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from learndock.reuse import (
    AveragingReuser,
    EnsemblePruningReuser,
    FeatureAugmentationReuser,
    JobSelectorReuser,
    Member,
)


class Signs:
    """Labels by the sign of a column."""

    def __init__(self, column: int) -> None:
        self.column = column

    def predict(self, X: np.ndarray) -> np.ndarray:
        return (np.asarray(X, dtype=float)[:, self.column] > 0).astype(int)


class Sum:
    """Numbers; holes count nothing."""

    def __init__(self, factor: float) -> None:
        self.factor = factor

    def predict(self, X: np.ndarray) -> np.ndarray:
        return self.factor * np.nansum(np.asarray(X, dtype=float), axis=1)


CLASSIFIERS = [Member(Signs(0), key="first"), Member(Signs(-1), key="last")]
REGRESSORS = [Member(Sum(1.0), key="once"), Member(Sum(-0.5), key="against")]


def reusers() -> list:
    learning = [EnsemblePruningReuser, FeatureAugmentationReuser]
    classifiers = [kind(CLASSIFIERS) for kind in (AveragingReuser, *learning)]
    regressors = [kind(REGRESSORS, task="regression") for kind in (AveragingReuser, *learning)]
    # The checks change the width of the rows, which a reduced set would fix: one member needs none.
    alone = [JobSelectorReuser(CLASSIFIERS[:1]), JobSelectorReuser(REGRESSORS[:1], task="regression")]
    return [*classifiers, *regressors, *alone]


def expected_failures(reuser) -> dict[str, str]:
    """What is meant to be otherwise."""
    failures = {}
    if reuser.task == "classification":
        failures["check_classifiers_classes"] = "labels are 0 … n_classes-1; names need label_names, in their order"
    if reuser._tables_only:
        failures["check_supervised_y_2d"] = "a column of labels is as good as a row of them: nothing to warn of"
    return failures


with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # scikit-learn is not imported with learndock, so its BaseEstimator is no base
    every_check = parametrize_with_checks(reusers(), expected_failed_checks=expected_failures)


@every_check
@pytest.mark.filterwarnings("ignore")
def test_scikit_learn_finds_nothing_to_mind(estimator, check) -> None:
    check(estimator)
