"""Averaging: every member answers, and the answers are averaged or counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learndock.reuse import outputs
from learndock.reuse.errors import InvalidInput
from learndock.reuse.member import Member, check_members, shares
from learndock.reuse.reuser import Reuser, Task

Array = NDArray[Any]
MODES = ("auto", "mean", "vote_by_label", "vote_by_probability")


class AveragingReuser(Reuser):
    """Mean of the members' outputs; needs no labels.

    `mode`: `mean` of numbers (regression), `vote_by_label` (one vote per member), `vote_by_probability` (mean of class
    probabilities). For classification `mean` is `vote_by_probability`; `auto` is `mean`. `weighted` uses the members'
    weights, otherwise all count the same. Nothing is drawn: `random_state` is there because all reusers have it.
    Zhou, Ensemble Methods, 2012.
    """

    _learns = False

    def __init__(
        self,
        members: Sequence[Member],
        *,
        task: Task | str = "classification",
        mode: str = "auto",
        n_classes: int | None = None,
        weighted: bool = False,
        random_state: int = 0,
        label_names: Sequence[str] | None = None,
    ) -> None:
        self.members = members
        self.task = task
        self.mode = mode
        self.n_classes = n_classes
        self.weighted = weighted
        self.random_state = random_state
        self.label_names = label_names

    def fit(self, X: Any = None, y: Any = None) -> AveragingReuser:
        """Check the parameters; there is nothing to learn. Labels tell how many classes there are, no more."""
        self._check_mode()
        self._begin(X, y)
        return self

    def _combine(self, X: Any) -> Array:
        self._check_mode()
        members = check_members(self.members)
        answers = self._ask(members, self._rows(X))
        weights = shares([members[place][1].weight if self.weighted else 1.0 for place in answers])
        votes = [self._vote(answer) for answer in answers.values()]
        return np.asarray(np.tensordot(weights, np.stack(votes), axes=1))

    def _vote(self, answer: Array) -> Array:
        if self.mode == "vote_by_label":
            return outputs.one_hot(answer.argmax(axis=1), answer.shape[1])
        return answer

    def _check_mode(self) -> None:
        if self.mode not in MODES:
            raise InvalidInput(
                f"There is no way of averaging called {self.mode!r}.",
                reason="MODE_UNKNOWN",
                hint=f"Use one of {', '.join(MODES)}.",
            )
        if not self._classifies() and self.mode.startswith("vote"):
            raise InvalidInput(
                f"Numbers cannot be put to the vote (mode={self.mode!r} with task='regression').",
                reason="TASK_WRONG",
                hint="Use mode='mean'.",
            )
