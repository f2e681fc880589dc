"""Feature augmentation: a simple model on the user's columns and the members' predictions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from learndock.errors import Unavailable
from learndock.reuse import outputs
from learndock.reuse.errors import not_fitted
from learndock.reuse.manners import OfClassification
from learndock.reuse.reuser import Reuser
from learndock.reuse.rows import check_table

Array = NDArray[Any]


PENALTIES = tuple(10.0**power for power in range(-2, 6))
"""Of ridge regression; which one is told by leaving out each labelled row in turn."""


FEW = 5
"""With fewer labelled rows nothing can be left out; the penalty is 1 then."""


class FeatureAugmentationReuser(Reuser):
    """Logistic or ridge regression on [X, predictions], trained on labelled rows.

    Columns and predicted numbers are standardised with the labelled rows given to `fit` and no others; predicted
    probabilities stay as they are. A member that fails later is replaced by the mean of the others.
    """

    _needs_labels = True
    _tables_only = True

    def fit(self, X: Any = None, y: Any = None) -> FeatureAugmentationReuser:
        """Train on rows `X` (n, d) and labels `y`; InvalidInput LABELS_… or DATA_… where they do not do."""
        rows, truth = self._begin(X, y)
        own = check_table(rows)
        answers = self._ask(self.members_, rows)
        self.members_ = [self.members_[place] for place in answers]
        predicted = np.stack(list(answers.values()))
        self.width_ = predicted.shape[2]
        self.center_, self.scale_ = _moments(own)
        self.target_ = (np.zeros(1), np.ones(1)) if self._classifies() else _moments(truth)
        self.model_ = _train(self._features(own, predicted), self._scaled(truth), self)
        if self._classifies():
            self.classes_ = np.arange(max(self.width_, int(np.max(self.model_.classes_)) + 1))
        return self

    def _combine(self, X: Any) -> Array:
        features = self._augmented(X)
        if not self._classifies():
            center, scale = self.target_
            return np.asarray(self.model_.predict(features).reshape(len(features), -1) * scale + center)
        everything = np.zeros((len(features), len(self.classes_)))
        everything[:, np.asarray(self.model_.classes_, dtype=int)] = self.model_.predict_proba(features)
        return everything

    @OfClassification
    def predict_proba(self, X: Any) -> Array:
        """Class probabilities (n, classes); zero for classes that no labelled row had."""
        return self._combine(X)

    def _augmented(self, X: Any) -> Array:
        if not hasattr(self, "model_"):
            raise not_fitted(type(self).__name__)
        rows = self._rows(X)
        own = check_table(rows)
        answers = self._ask(self.members_, rows)
        instead: Array = np.asarray(np.mean(list(answers.values()), axis=0))
        predicted = np.stack([answers.get(at, instead) for at in range(len(self.members_))])
        return self._features(own, predicted)

    def _features(self, own: Array, predicted: Array) -> Array:
        said = self._scaled(predicted)
        if self._classifies():
            said = _fit_width(said, self.width_)
        columns = [(own - self.center_) / self.scale_, *said]
        return np.concatenate(columns, axis=1)

    def _scaled(self, numbers: Array) -> Array:
        """Targets and predicted numbers by the labelled targets; labels and probabilities as they are."""
        if self._classifies():
            return numbers
        center, scale = self.target_
        return np.asarray((numbers - center) / scale)


class _Constant:
    """Stands in where the labelled rows show one class only."""

    def __init__(self, label: int) -> None:
        self.classes_ = np.array([label])

    def predict(self, X: Array) -> Array:
        return np.repeat(self.classes_, len(X))

    def predict_proba(self, X: Array) -> Array:
        return np.ones((len(X), 1))


def _train(features: Array, truth: Array, reuser: FeatureAugmentationReuser) -> Any:
    try:
        from sklearn.linear_model import LogisticRegression, Ridge, RidgeCV  # noqa: PLC0415
    except ImportError as error:
        raise Unavailable(
            "Feature augmentation trains with scikit-learn, which is not installed.",
            reason="SCIKIT_LEARN_MISSING",
            hint="pip install 'learndock[reuse]'",
        ) from error

    if not reuser._classifies():  # noqa: SLF001
        # One penalty for all numbers of rows fails where there are about as many rows as columns.
        few = len(features) < FEW
        return (Ridge() if few else RidgeCV(alphas=PENALTIES)).fit(features, truth)
    if len(np.unique(truth)) == 1:
        return _Constant(int(truth[0]))
    return LogisticRegression(max_iter=1000, random_state=reuser.random_state).fit(features, truth)


def _fit_width(said: Array, width: int) -> Array:
    if said.shape[2] > width:  # labels that no member gave while fitting: the model on top has no column for them
        return said[:, :, :width]
    return np.stack([outputs.widen(each, width) for each in said])


def _moments(own: Array) -> tuple[Array, Array]:
    spread = own.std(axis=0)
    return own.mean(axis=0), np.where(spread > 0, spread, 1.0)
