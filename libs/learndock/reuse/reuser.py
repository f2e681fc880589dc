"""What all reusers share: scikit-learn's manners, asking the members, and leaving out those that fail."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from learndock.errors import FailedPrecondition, InvalidInput
from learndock.reuse import outputs
from learndock.reuse.member import DockWarning, Member, check_members

Array = NDArray[Any]
Task = Literal["classification", "regression"]


class Reuser:
    """Parameters, members and labels of any reuser; says nothing of how predictions are combined.

    `dropped_` maps the members that the last `fit` or `predict` went on without to why. `column_output_` is whether
    regression outputs have several columns.
    """

    members: Sequence[Member]
    task: Task | str
    n_classes: int | None

    dropped_: dict[str, str]

    @classmethod
    def _parameters(cls) -> list[str]:
        return [name for name in inspect.signature(cls.__init__).parameters if name != "self"]

    def get_params(self, deep: bool = True) -> dict[str, Any]:  # noqa: ARG002
        """The parameters as given; `deep` is there for scikit-learn and changes nothing."""
        return {name: getattr(self, name) for name in self._parameters()}

    def set_params(self, **params: Any) -> Any:
        """Change parameters; the reuser itself. InvalidInput PARAMETER_UNKNOWN names what there is."""
        known = self._parameters()
        for name, value in params.items():
            if name not in known:
                raise InvalidInput(
                    f"{type(self).__name__} has no parameter {name!r}.",
                    reason="PARAMETER_UNKNOWN",
                    hint=f"There are: {', '.join(known)}.",
                )
            setattr(self, name, value)
        return self

    def score(self, X: Any, y: Any) -> float:
        """Accuracy for classification, R² for regression, as scikit-learn's estimators do."""
        truth, predicted = np.asarray(y, dtype=np.float64), np.asarray(self.predict(X), dtype=np.float64)
        predicted = predicted.reshape(truth.shape)
        if self._classifies():
            return float(np.mean(truth == predicted))
        spread = float(np.sum((truth - truth.mean(axis=0)) ** 2))
        return 1.0 - float(np.sum((truth - predicted) ** 2)) / spread if spread else 0.0

    def predict(self, X: Any) -> Array:
        """Labels (n,) or numbers (n,) or (n, outputs) for the rows of `X`."""
        raise NotImplementedError

    def __repr__(self) -> str:
        keys = ", ".join(name for name, _ in check_members(self.members)[:5])
        more = ", …" if len(self.members) > 5 else ""
        return f"{type(self).__name__}([{keys}{more}], task={self.task!r})"

    @property
    def _estimator_type(self) -> str:
        return "classifier" if self._classifies() else "regressor"

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags, RegressorTags, Tags, TargetTags  # noqa: PLC0415

        classifies = self._classifies()
        return Tags(
            estimator_type=self._estimator_type,
            target_tags=TargetTags(required=False),
            classifier_tags=ClassifierTags() if classifies else None,
            regressor_tags=None if classifies else RegressorTags(),
        )

    def _classifies(self) -> bool:
        if self.task not in ("classification", "regression"):
            raise InvalidInput(
                f"Reusers are for classification and regression, not {self.task!r}.",
                reason="TASK_UNKNOWN",
                hint="Use task='classification' or task='regression'.",
            )
        return self.task == "classification"

    def _ask(self, members: Sequence[tuple[str, Member]], X: Any) -> dict[int, Array]:
        """Outputs by place of the members that answer; warns of the others. All of one width."""
        rows = _count_rows(X)
        self.dropped_, answers = {}, {}
        for place, (name, member) in enumerate(members):
            try:
                raw = member.model.predict(X)
            except Exception as error:  # noqa: BLE001 - whatever a stranger's model raises
                self._drop(name, f"{type(error).__name__}: {error}")
                continue
            table = outputs.as_table(raw, rows, name)
            if not np.isfinite(table).all():
                self._drop(name, "its output is not finite")
                continue
            answers[place] = self._read(table, name)
        if not answers:
            raise FailedPrecondition(
                f"No member could predict: {_listed(self.dropped_)}.",
                reason="MEMBERS_ALL_FAILED",
                hint="Check that the rows have the width and types the members were made for.",
                details=self.dropped_,
            )
        return _one_width(answers, [name for name, _ in members], classification=self._classifies())

    def _read(self, table: Array, name: str) -> Array:
        return outputs.as_probabilities(table, self.n_classes, name) if self._classifies() else table

    def _drop(self, name: str, why: str) -> None:
        self.dropped_[name] = why
        warnings.warn(f"Member {name} failed and is left out: {why}", DockWarning, stacklevel=2)

    def _answer(self, combined: Array) -> Array:
        """What `predict` returns, from probabilities or from numbers (n, outputs)."""
        if self._classifies():
            return np.asarray(combined.argmax(axis=1))
        return combined[:, 0] if combined.shape[1] == 1 else combined

    def _needs_classification(self) -> None:
        if not self._classifies():
            raise InvalidInput(
                "Regression has no class probabilities.",
                reason="TASK_WRONG",
                hint="Use predict(), or task='classification'.",
            )


def check_labels(reuser: Reuser, X: Any, y: Any) -> Array:
    """Labels int (n,) or targets float (n, outputs) that belong to the rows of `X`.

    InvalidInput LABELS_MISSING, LABELS_SHAPE, LABELS_NOT_FINITE or LABELS_RANGE.
    """
    if X is None or y is None or len(y) == 0:
        raise InvalidInput(
            f"{type(reuser).__name__} learns from labelled rows, and there are none.",
            reason="LABELS_MISSING",
            hint="Call fit(X, y); with no labels use AveragingReuser or JobSelectorReuser.",
        )
    array = np.asarray(y)
    if array.dtype.kind not in "fiub" or array.ndim > 2 or len(array) != _count_rows(X):
        raise InvalidInput(
            f"y is {array.dtype} of shape {array.shape} for {_count_rows(X)} rows.",
            reason="LABELS_SHAPE",
            hint="Give one number per row; encode class names as 0 … n_classes-1.",
        )
    if not np.isfinite(array).all():
        raise InvalidInput("y has values that are not finite.", reason="LABELS_NOT_FINITE")
    targets = array.reshape(len(array), -1).astype(np.float64)
    return _class_labels(targets, reuser.n_classes) if reuser._classifies() else targets  # noqa: SLF001


def _class_labels(targets: Array, n_classes: int | None) -> Array:
    highest = np.inf if n_classes is None else n_classes - 1
    whole = np.array_equal(targets, np.round(targets))
    if targets.shape[1] != 1 or not whole or targets.min() < 0 or targets.max() > highest:
        classes = "0 and up" if n_classes is None else f"0 … {n_classes - 1}"
        raise InvalidInput(
            f"y lies in [{targets.min():g}, {targets.max():g}]; labels are whole numbers {classes}.",
            reason="LABELS_RANGE",
            hint="Encode the classes as 0 … n_classes-1, as the learnwares found do.",
        )
    return targets[:, 0].astype(np.int64)


def shares(weights: Sequence[float]) -> Array:
    """Weights that sum to one; equal ones where all are zero."""
    array: Array = np.asarray(weights, dtype=np.float64)
    total = array.sum()
    return array / total if total > 0 else np.full(len(array), 1 / len(array))


def _count_rows(X: Any) -> int:
    return int(X.shape[0]) if hasattr(X, "shape") else len(X)


def _one_width(answers: dict[int, Array], names: Sequence[str], *, classification: bool) -> dict[int, Array]:
    width = max(answer.shape[1] for answer in answers.values())
    if classification:
        return {place: outputs.widen(answer, width) for place, answer in answers.items()}
    for place, answer in answers.items():
        if answer.shape[1] != width:
            raise InvalidInput(
                f"Member {names[place]} gives {answer.shape[1]} outputs per row, another gives {width}.",
                reason="MEMBER_OUTPUT_SHAPE",
                hint="Reuse learnwares of one output domain together.",
                details={"key": names[place]},
            )
    return answers


def _listed(dropped: Mapping[str, str]) -> str:
    return "; ".join(f"{name}: {why}" for name, why in dropped.items())
