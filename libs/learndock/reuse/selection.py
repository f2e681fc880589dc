"""Job selection: for every row, the member whose training data looked most like it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learndock.reuse.density import Posterior, ReducedSet
from learndock.reuse.errors import InvalidInput
from learndock.reuse.member import Named
from learndock.reuse.reuser import Reuser
from learndock.reuse.rows import check_table

Array = NDArray[Any]


class JobSelectorReuser(Reuser):
    """Every row is answered by the member it most likely belongs to, by the members' reduced sets; needs no labels.

    The members' shares of the mixture are their weights. Nothing is trained or drawn: `random_state` is there because
    all reusers have it. Rows of a member that fails go to the next best. Wu et al., Model reuse with reduced kernel
    mean embedding specification, TKDE 2023; how the likelihood is estimated is in `learndock.reuse.density`.
    """

    _tables_only = True
    _learns = False

    def fit(self, X: Any = None, y: Any = None) -> JobSelectorReuser:
        """Prepare the selector; `X` and `y` are not needed. InvalidInput SPECIFICATION_MISSING, SPECIFICATION_WIDTH."""
        if X is not None:
            check_table(X)
        self._begin(X, y)
        self._prepared_for = self.members
        self.selector_ = Posterior(_reduced_sets(self.members_)) if len(self.members_) > 1 else None
        if self.selector_ is not None:
            self.n_features_in_ = _width(self.members_[0])
        return self

    def select(self, X: Any) -> Array:
        """Place in `members` of the one chosen for each row (n,)."""
        return np.asarray(self._affinity(X).argmax(axis=1))

    def responsibilities(self, X: Any) -> Array:
        """Probability (n, members) that a row belongs to each member; rows sum to one."""
        logs = self._affinity(X)
        powers = np.exp(logs - logs.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))

    def _combine(self, X: Any) -> Array:
        affinity = self._affinity(X)
        answers = self._ask(self.members_, self._rows(X))
        chosen = affinity[:, np.array(list(answers))].argmax(axis=1)
        stacked = np.stack(list(answers.values()))
        return np.asarray(stacked[chosen, np.arange(len(affinity))])

    def _affinity(self, X: Any) -> Array:
        # There is nothing to learn, so other members than before need no word from the user.
        if getattr(self, "_prepared_for", None) is not self.members:
            self.fit()
        rows = check_table(X)
        self._rows(rows)
        return np.zeros((len(rows), 1)) if self.selector_ is None else self.selector_(rows)


def _reduced_sets(members: Sequence[Named]) -> list[ReducedSet]:
    widths = {_width(named) for named in members}
    if len(widths) > 1:
        raise InvalidInput(
            f"The members' specifications have different widths: {sorted(widths)}.",
            reason="SPECIFICATION_WIDTH",
            hint="Reuse learnwares of one input width together.",
        )
    return [
        ReducedSet(np.asarray(each.z[each.beta > 0], dtype=np.float64), each.beta[each.beta > 0], member.weight)
        for each, (_, member) in ((_specification(named), named) for named in members)
    ]


def _width(named: Named) -> int:
    return int(_specification(named).z.shape[1])


def _specification(named: Named) -> Any:
    name, member = named
    if member.specification is None:
        raise InvalidInput(
            f"Member {name} has no specification, which the job selector learns from.",
            reason="SPECIFICATION_MISSING",
            hint="Load members from a search, or use AveragingReuser.",
            details={"key": name},
        )
    return member.specification
