"""Job selection: for every row, the member whose training data looked most like it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learndock.errors import InvalidInput
from learndock.reuse.member import Member, check_members
from learndock.reuse.reuser import Reuser, Task, shares

Array = NDArray[Any]


class JobSelectorReuser(Reuser):
    """A classifier of rows by member, trained on the members' reduced sets; needs no labels.

    Reduced point z of a member counts beta times the member's weight, which is what sampling from the reduced sets
    tends to. Rows of a member that fails go to the next best. Wu et al., Model reuse with reduced kernel mean
    embedding specification, TKDE 2023.
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

    def fit(self, X: Any = None, y: Any = None) -> JobSelectorReuser:  # noqa: ARG002
        """Train the selector; `X` and `y` are not needed. InvalidInput SPECIFICATION_MISSING or SPECIFICATION_WIDTH."""
        self._classifies()
        self.members_ = check_members(self.members)
        self.dropped_: dict[str, str] = {}
        self.selector_ = _train(self.members_, self.random_state) if len(self.members_) > 1 else None
        return self

    def predict(self, X: Any) -> Array:
        """Labels (n,) or numbers (n,) or (n, outputs), each row by the member chosen for it."""
        return self._answer(self._combine(X))

    def predict_proba(self, X: Any) -> Array:
        """Class probabilities (n, classes) of the member chosen for each row."""
        self._needs_classification()
        return self._combine(X)

    def select(self, X: Any) -> Array:
        """Place in `members` of the one chosen for each row (n,)."""
        return np.asarray(self._affinity(X).argmax(axis=1))

    def _combine(self, X: Any) -> Array:
        if not hasattr(self, "members_"):
            self.fit()
        affinity = self._affinity(X)
        answers = self._ask(self.members_, X)
        places = np.array(list(answers))
        chosen = affinity[:, places].argmax(axis=1)
        stacked = np.stack(list(answers.values()))
        return np.asarray(stacked[chosen, np.arange(len(affinity))])

    def _affinity(self, X: Any) -> Array:
        rows = np.asarray(X, dtype=np.float64)
        if self.selector_ is None:
            return np.ones((len(rows), 1))
        width = self.selector_.n_features_in_
        if rows.ndim != 2 or rows.shape[1] != width:
            raise InvalidInput(
                f"The rows have the shape {rows.shape}; the members' specifications have {width} columns.",
                reason="DATA_SHAPE",
                hint="Give the same columns that were searched with.",
            )
        return np.asarray(self.selector_.predict_proba(rows))


def _train(members: Sequence[tuple[str, Member]], random_state: int) -> Any:
    from sklearn.ensemble import ExtraTreesClassifier  # noqa: PLC0415

    points, owners, weights = _reduced_points(members)
    selector = ExtraTreesClassifier(n_estimators=100, min_samples_leaf=2, random_state=random_state)
    return selector.fit(points, owners, sample_weight=weights)


def _reduced_points(members: Sequence[tuple[str, Member]]) -> tuple[Array, Array, Array]:
    specifications = [_specification(name, member) for name, member in members]
    widths = {each.z.shape[1] for each in specifications}
    if len(widths) > 1:
        raise InvalidInput(
            f"The members' specifications have different widths: {sorted(widths)}.",
            reason="SPECIFICATION_WIDTH",
            hint="Reuse learnwares of one input width together.",
        )
    parts = shares([member.weight for _, member in members])
    weights = [part * shares(np.clip(each.beta, 0, None)) for part, each in zip(parts, specifications, strict=True)]
    sizes = [len(each.z) for each in specifications]
    points = np.concatenate([each.z for each in specifications])
    return points, np.repeat(np.arange(len(members)), sizes), np.concatenate(weights)


def _specification(name: str, member: Member) -> Any:
    if member.specification is None:
        raise InvalidInput(
            f"Member {name} has no specification, which the job selector learns from.",
            reason="SPECIFICATION_MISSING",
            hint="Load members from a search, or use AveragingReuser.",
            details={"key": name},
        )
    return member.specification
