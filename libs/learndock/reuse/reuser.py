"""What all reusers share: members, labels and their names, asking, and leaving out those that fail."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from learndock.reuse import labels, outputs
from learndock.reuse.asking import Answers, ask
from learndock.reuse.errors import InvalidInput
from learndock.reuse.manners import OfClassification, Parameters, tags
from learndock.reuse.member import DockWarning, Member, Named, check_members
from learndock.reuse.rows import check_rows, count_columns, count_rows

Array = NDArray[Any]
Task = Literal["classification", "regression"]


class Reuser(Parameters):
    """Parameters, members and labels of any reuser; says nothing of how predictions are combined.

    `dropped_` maps the members that the last `fit` or `predict` went on without to why. `label_names_` are the names
    of the labels (() where there are none), `classes_` the labels themselves where they are known, `n_features_in_`
    the width of the rows where `fit` was given some. As a context manager it closes its members at the end.
    """

    dropped_: dict[str, str]
    _needs_labels: ClassVar[bool] = False
    _tables_only: ClassVar[bool] = False
    _learns: ClassVar[bool] = True

    def __init__(
        self,
        members: Sequence[Member],
        *,
        task: Task | str = "classification",
        n_classes: int | None = None,
        random_state: int = 0,
        label_names: Sequence[str] | None = None,
    ) -> None:
        self.members = members
        self.task = task
        self.n_classes = n_classes
        self.random_state = random_state
        self.label_names = label_names

    def predict(self, X: Any) -> Array:
        """Labels (n,) or numbers (n,) or (n, outputs) for the rows of `X`."""
        return self._answer(self._combine(X))

    @OfClassification
    def predict_proba(self, X: Any) -> Array:
        """Class probabilities (n, classes); shares of the votes where labels are voted on."""
        return self._combine(X)

    @OfClassification
    def predict_names(self, X: Any) -> Array:
        """The names (n,) of the labels that `predict` gives. InvalidInput LABEL_NAMES_MISSING."""
        return labels.named(self.predict(X), self._names(check_members(self.members)))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Accuracy for classification, R² for regression, as scikit-learn's estimators do."""
        predicted = np.asarray(self.predict(X), dtype=np.float64).reshape(len(y), -1)
        truth = self._truth(y, len(y)).reshape(len(y), -1)
        weights = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        if self._classifies():
            return float(np.average((truth == predicted).all(axis=1), weights=weights))
        middle = np.average(truth, axis=0, weights=weights)
        spread = float(np.sum(weights[:, None] * (truth - middle) ** 2))
        return 1.0 - float(np.sum(weights[:, None] * (truth - predicted) ** 2)) / spread if spread else 0.0

    def close(self) -> None:
        """End the members' models, where they run in sandboxes of their own. Idempotent."""
        end = getattr(self.members, "close", None)
        if end is not None:
            end()

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def __repr__(self) -> str:
        keys = ", ".join(name for name, _ in check_members(self.members)[:5])
        more = ", …" if len(self.members) > 5 else ""
        return f"{type(self).__name__}([{keys}{more}], task={self.task!r})"

    @property
    def _estimator_type(self) -> str:
        return "classifier" if self._classifies() else "regressor"

    def __sklearn_tags__(self) -> Any:
        return tags(
            classifies=self._classifies(),
            needs_labels=self._needs_labels,
            learns=self._learns,
            tables_only=self._tables_only,
        )

    def _combine(self, X: Any) -> Array:
        """Probabilities (n, classes) or numbers (n, outputs)."""
        raise NotImplementedError

    def _begin(self, X: Any, y: Any) -> tuple[Any, Any]:
        """What every `fit` does first: the rows as members are given them, and the labels."""
        self._classifies()
        self.members_ = check_members(self.members)
        self.label_names_ = self._names(self.members_)
        self.dropped_ = {}
        if self._needs_labels:
            labels.require(type(self).__name__, X, y)
        rows = None if X is None else check_rows(X)
        self.__dict__.pop("n_features_in_", None)
        if rows is not None and count_columns(rows) is not None:
            self.n_features_in_ = count_columns(rows)
        truth = None if y is None or rows is None else self._truth(y, count_rows(rows))
        self._set_classes(truth)
        return rows, truth

    def _set_classes(self, truth: Array | None) -> None:
        """How many classes there are at least, once it is known."""
        self.__dict__.pop("classes_", None)
        if not self._classifies():
            return
        known = self._width() or (0 if truth is None else int(truth.max()) + 1)
        if known:
            self.classes_ = np.arange(known)

    def _width(self) -> int | None:
        """The number of classes where it was said."""
        return self.n_classes or (len(self.label_names) if self.label_names is not None else None)

    def _truth(self, y: Any, rows: int) -> Array:
        if not self._classifies():
            return labels.check_targets(y, rows)
        return labels.check_labels(y, rows, self._names(check_members(self.members)), self._width())

    def _names(self, members: Sequence[Named]) -> tuple[str, ...]:
        return labels.common_names(members, self.label_names) if self._classifies() else ()

    def _rows(self, X: Any) -> Any:
        """Rows to predict for, as members are given them. InvalidInput DATA_SHAPE for another width than at `fit`."""
        rows = check_rows(X)
        wanted, width = getattr(self, "n_features_in_", None), count_columns(rows)
        if wanted is not None and width is not None and width != wanted:
            raise InvalidInput(
                f"X has {width} features, but {type(self).__name__} is expecting {wanted} features as input.",
                reason="DATA_SHAPE",
                hint="Give the same columns as to fit, in the same order.",
            )
        return rows

    def _ask(self, members: Sequence[Named], X: Any) -> dict[int, Array]:
        """Outputs by place of the members that answer, all of one width; warns of the others."""
        names = self._names(members)
        answers = ask(members, X, lambda table, named: self._read(table, named, names))
        self.dropped_ = answers.reasons
        for name, why in self.dropped_.items():
            warnings.warn(
                f"Member {name} failed and is left out, the others share its weight: {why}", DockWarning, stacklevel=5
            )
        least = max(self._least(), len(names)) if self._classifies() else None
        return _one_width(answers, [name for name, _ in members], least)

    def _read(self, table: Array, named: Named, names: tuple[str, ...]) -> Array:
        if not self._classifies():
            return table
        name, member = named
        at = labels.places(member, names)
        if at is None:
            return outputs.as_probabilities(table, self._width(), name)
        own = outputs.as_probabilities(table, len(at), name)
        return labels.moved(own, at, max(len(names), self._width() or 0))

    def _least(self) -> int:
        return self._width() or len(getattr(self, "classes_", ()))

    def _answer(self, combined: Array) -> Array:
        """What `predict` returns, from probabilities or from numbers (n, outputs)."""
        if self._classifies():
            return np.asarray(combined.argmax(axis=1))
        return combined[:, 0] if combined.shape[1] == 1 else combined

    def _classifies(self) -> bool:
        if self.task not in ("classification", "regression"):
            raise InvalidInput(
                f"Reusers are for classification and regression, not {self.task!r}.",
                reason="TASK_UNKNOWN",
                hint="Use task='classification' or task='regression'.",
            )
        return self.task == "classification"


def _one_width(answers: Answers, names: Sequence[str], classes: int | None) -> dict[int, Array]:
    tables = answers.tables
    width = max(table.shape[1] for table in tables.values())
    if classes is not None:
        return {place: outputs.widen(table, max(width, classes)) for place, table in tables.items()}
    for place, table in tables.items():
        if table.shape[1] != width:
            raise InvalidInput(
                f"Member {names[place]} gives {table.shape[1]} outputs per row, another gives {width}.",
                reason="MEMBER_OUTPUT_SHAPE",
                hint="Reuse learnwares of one output domain together.",
                details={"key": names[place]},
            )
    return tables
