"""The models of an experiment where nobody says otherwise: an owner's, and that of a person with few labels.

They are scikit-learn's, made and run in this process: rows and code are the experimenter's own.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from learndock.errors import FailedPrecondition
from learndock.experiment.losses import LOSSES, metric_of
from learndock.experiment.scenario import TUNED_FROM, Array, Kind, Trainer

FOLDS = 3


class Probabilities:
    """A fitted classifier that answers with probabilities of every class of the task, (n, n_classes)."""

    def __init__(self, estimator: Any, n_classes: int) -> None:
        self.estimator = estimator
        self.n_classes = n_classes

    def predict(self, X: Array) -> Array:
        """Zeros stand for classes that the owner never saw."""
        answer: Array = np.zeros((len(X), self.n_classes))
        answer[:, np.asarray(self.estimator.classes_, dtype=int)] = self.estimator.predict_proba(X)
        return answer


def owner_trainer(kind: Kind, n_classes: int | None = None) -> Trainer:
    """What an owner with many rows trains: boosted trees on numbers, extremely random trees on classes."""
    ensemble = _sklearn("ensemble")

    def train(X: Array, y: Array) -> Any:
        if kind == "regression":
            return ensemble.HistGradientBoostingRegressor(max_iter=200, random_state=0).fit(X, y)
        trees = ensemble.ExtraTreesClassifier(n_estimators=100, min_samples_leaf=2, random_state=0)
        return Probabilities(trees.fit(X, y), n_classes or int(y.max()) + 1)

    return train


def own_trainer(kind: Kind, metric: str = "") -> Trainer:
    """What a person with these labels alone trains.

    Below TUNED_FROM labels a penalised linear model; above, the best of three kinds (linear, support vectors, trees)
    in three-fold cross validation. Columns are standardised with the labelled rows alone.
    """
    makers = _linear, _vectors, _trees
    loss = LOSSES[metric_of(kind, metric)]

    def train(X: Array, y: Array) -> Any:
        if kind == "classification" and len(np.unique(y)) == 1:
            return _sklearn("dummy").DummyClassifier(strategy="most_frequent").fit(X, y)
        if len(y) < TUNED_FROM:
            return _linear(kind, len(y)).fit(X, y)
        scores = [_cross_validated(make, kind, X, y, loss) for make in makers]
        return makers[int(np.argmin(scores))](kind, len(y)).fit(X, y)

    return train


def _cross_validated(
    make: Callable[[Kind, int], Any], kind: Kind, X: Array, y: Array, loss: Callable[[Array, Array], float]
) -> float:
    total = 0.0
    for held in np.array_split(np.arange(len(y)), FOLDS):
        kept = np.setdiff1d(np.arange(len(y)), held)
        if kind == "classification" and len(np.unique(y[kept])) == 1:
            return np.inf
        total += loss(y[held], make(kind, len(kept)).fit(X[kept], y[kept]).predict(X[held]))
    return total


def _linear(kind: Kind, _: int) -> Any:
    linear = _sklearn("linear_model")
    if kind == "classification":
        return _standardised(linear.LogisticRegression(max_iter=1000))
    return _standardised(linear.RidgeCV(alphas=np.logspace(-2, 3, 11)))


def _vectors(kind: Kind, _: int) -> Any:
    svm = _sklearn("svm")
    if kind == "classification":
        return _standardised(svm.SVC(C=10))
    scaler = _sklearn("preprocessing").StandardScaler()
    inner = _standardised(svm.SVR(C=3))
    return _sklearn("compose").TransformedTargetRegressor(inner, transformer=scaler)


def _trees(kind: Kind, n: int) -> Any:
    ensemble = _sklearn("ensemble")
    if kind == "classification":
        return ensemble.ExtraTreesClassifier(n_estimators=100, random_state=0)
    leaf = max(2, min(20, n // 20))
    return ensemble.HistGradientBoostingRegressor(min_samples_leaf=leaf, random_state=0)


def _standardised(estimator: Any) -> Any:
    return _sklearn("pipeline").make_pipeline(_sklearn("preprocessing").StandardScaler(), estimator)


def _sklearn(module: str) -> Any:
    """A module of scikit-learn, imported where something is trained."""
    try:
        return importlib.import_module(f"sklearn.{module}")
    except ImportError as error:
        raise FailedPrecondition(
            "Experiments train models with scikit-learn, which is missing.",
            reason="EXTRA_MISSING",
            hint="Install it: pip install 'learndock[reuse]'.",
        ) from error
