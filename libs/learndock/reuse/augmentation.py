"""Feature augmentation: a simple model on the user's columns and the members' predictions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learndock.errors import FailedPrecondition, InvalidInput
from learndock.reuse import outputs
from learndock.reuse.member import Member, check_members
from learndock.reuse.reuser import Reuser, Task, check_labels

Array = NDArray[Any]


class FeatureAugmentationReuser(Reuser):
    """Logistic or ridge regression on [X, predictions], trained on labelled rows.

    Columns and predicted numbers are standardised with the labelled rows given to `fit` and no others; predicted
    probabilities stay as they are. A member that fails later is replaced by the mean of the others.
    """

    def __init__(
        self,
        members: Sequence[Member],
        *,
        task: Task | str = "classification",
        n_classes: int | None = None,
        random_state: int = 0,
    ) -> None:
        self.members = members
        self.task = task
        self.n_classes = n_classes
        self.random_state = random_state

    def fit(self, X: Any = None, y: Any = None) -> FeatureAugmentationReuser:
        """Train on rows `X` (n, d) and labels `y`; InvalidInput LABELS_… or DATA_SHAPE where they do not do."""
        self.members_ = check_members(self.members)
        truth = check_labels(self, X, y)
        answers = self._ask(self.members_, X)
        self.members_ = [self.members_[place] for place in answers]
        predicted = np.stack(list(answers.values()))
        self.width_ = predicted.shape[2]
        own = _rows(X)
        self.center_, self.scale_ = _moments(own)
        self.target_ = (np.zeros(1), np.ones(1)) if self._classifies() else _moments(truth)
        self.model_ = _train(self._features(own, predicted), self._scaled(truth), self)
        return self

    def predict(self, X: Any) -> Array:
        """Labels (n,) or numbers (n,) or (n, outputs)."""
        features = self._augmented(X)
        if self._classifies():
            return np.asarray(self.model_.predict(features))
        center, scale = self.target_
        return self._answer(self.model_.predict(features).reshape(len(features), -1) * scale + center)

    def predict_proba(self, X: Any) -> Array:
        """Class probabilities (n, classes); zero for classes that no labelled row had."""
        self._needs_classification()
        known = self.model_.predict_proba(self._augmented(X))
        labels = np.asarray(self.model_.classes_, dtype=int)
        everything = np.zeros((len(known), max(self.width_, int(labels.max()) + 1)))
        everything[:, labels] = known
        return everything

    def _augmented(self, X: Any) -> Array:
        if not hasattr(self, "model_"):
            raise FailedPrecondition(
                "The model on top has not been trained yet.", reason="REUSER_NOT_FITTED", hint="Call fit(X, y) first."
            )
        own = _rows(X)
        if own.shape[1] != len(self.center_):
            raise InvalidInput(
                f"The rows have {own.shape[1]} columns; fit saw {len(self.center_)}.",
                reason="DATA_SHAPE",
                hint="Give the same columns in the same order.",
            )
        answers = self._ask(self.members_, X)
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
    from sklearn.linear_model import LogisticRegression, Ridge  # noqa: PLC0415

    if not reuser._classifies():  # noqa: SLF001
        return Ridge(alpha=1.0).fit(features, truth)
    if len(np.unique(truth)) == 1:
        return _Constant(int(truth[0]))
    return LogisticRegression(max_iter=1000, random_state=reuser.random_state).fit(features, truth)


def _fit_width(said: Array, width: int) -> Array:
    if said.shape[2] > width:  # labels that no member gave while fitting: the model on top has no column for them
        return said[:, :, :width]
    return np.stack([outputs.widen(each, width) for each in said])


def _rows(X: Any) -> Array:
    own: Array = np.asarray(X, dtype=np.float64)
    if own.ndim != 2:
        raise InvalidInput(
            f"X has the shape {own.shape}; rows of numbers (n, d) are needed.",
            reason="DATA_SHAPE",
            hint="Use AveragingReuser for data that are no tables.",
        )
    return own


def _moments(own: Array) -> tuple[Array, Array]:
    spread = own.std(axis=0)
    return own.mean(axis=0), np.where(spread > 0, spread, 1.0)
