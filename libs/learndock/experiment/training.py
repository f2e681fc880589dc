"""The models of an experiment where nobody says otherwise: an owner's, and that of a person with few labels.

They are scikit-learn's, made and run in this process: rows and code are the experimenter's own.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from learndock.errors import FailedPrecondition
from learndock.experiment.losses import LOSSES, metric_of
from learndock.experiment.scenario import TUNED_FROM, Array, Kind, Trainer

FOLDS = 3


@contextmanager
def one_core() -> Iterator[None]:
    """Train on one core: the same models on any machine, and no threads that wait for each other on a busy one.

    Small boosted trees on two busy cores took ten times as long with two threads. FailedPrecondition EXTRA_MISSING.
    """
    sklearn_module("ensemble")  # whose libraries must be loaded before they can be limited
    with importlib.import_module("threadpoolctl").threadpool_limits(limits=1):
        yield


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
    ensemble = sklearn_module("ensemble")

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
            return sklearn_module("dummy").DummyClassifier(strategy="most_frequent").fit(X, y)
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
    linear = sklearn_module("linear_model")
    if kind == "classification":
        return _standardised(linear.LogisticRegression(max_iter=1000))
    return _standardised(linear.RidgeCV(alphas=np.logspace(-2, 3, 11)))


def _vectors(kind: Kind, _: int) -> Any:
    svm = sklearn_module("svm")
    if kind == "classification":
        return _standardised(svm.SVC(C=10))
    scaler = sklearn_module("preprocessing").StandardScaler()
    inner = _standardised(svm.SVR(C=3))
    return sklearn_module("compose").TransformedTargetRegressor(inner, transformer=scaler)


def _trees(kind: Kind, n: int) -> Any:
    ensemble = sklearn_module("ensemble")
    if kind == "classification":
        return ensemble.ExtraTreesClassifier(n_estimators=100, random_state=0)
    leaf = max(2, min(20, n // 20))
    return ensemble.HistGradientBoostingRegressor(min_samples_leaf=leaf, random_state=0)


def _standardised(estimator: Any) -> Any:
    return sklearn_module("pipeline").make_pipeline(sklearn_module("preprocessing").StandardScaler(), estimator)


def sklearn_module(module: str) -> Any:
    """A module of scikit-learn, imported where something is trained; FailedPrecondition EXTRA_MISSING."""
    try:
        return importlib.import_module(f"sklearn.{module}")
    except ImportError as error:
        raise FailedPrecondition(
            "Experiments train models with scikit-learn, which is missing.",
            reason="EXTRA_MISSING",
            hint="Install it: pip install 'learndock[reuse]'.",
        ) from error
