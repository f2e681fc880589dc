"""A member: one learnware among those that are reused together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from learndock.reuse.errors import InvalidInput

if TYPE_CHECKING:
    from learndock.specification import TableSpecification

Array = NDArray[Any]
Named = tuple[str, "Member"]


class DockWarning(UserWarning):
    """Something went on with less than was asked for, such as a member that failed and was left out."""


class Model(Protocol):
    """What predicts: a learnware in a sandbox, one served by a dock, or any fitted estimator."""

    def predict(self, X: Any) -> Any:
        """Outputs for the rows of `X`: labels (n,) or (n, 1), probabilities (n, classes), or numbers."""


@dataclass
class Member:
    """A model, how much it counts, and what it was trained on.

    `weight` is its share of the mixture (any scale, not negative); `specification` is needed by the job selector only;
    `key` names it in warnings and errors. `label_names` are the names of its labels 0, 1, … `parallel` says that the
    model runs in a process of its own, so that it may be asked while others are.
    """

    model: Model
    weight: float = 1.0
    specification: TableSpecification | None = None
    key: str = ""
    label_names: Sequence[str] = ()
    parallel: bool = False

    def __deepcopy__(self, memo: dict[int, Any]) -> Member:
        # scikit-learn's clone copies parameters deeply; a model is a handle to something that runs, and is shared
        return Member(self.model, self.weight, self.specification, self.key, self.label_names, self.parallel)


def check_members(members: Sequence[Member]) -> list[Named]:
    """The members with a name each; InvalidInput MEMBERS_EMPTY, MEMBER_INVALID or MEMBER_WEIGHT."""
    if members is None or len(members) == 0:
        raise InvalidInput(
            "There are no members to reuse.",
            reason="MEMBERS_EMPTY",
            hint="Give at least one; a search with no hits finds none, so loosen its tags.",
        )
    named = [(_name(each, place), each) for place, each in enumerate(members)]
    for name, each in named:
        if not isinstance(each.weight, int | float | np.number) or not 0 <= each.weight < np.inf:
            raise InvalidInput(
                f"Member {name} has the weight {each.weight}; weights are finite and not negative.",
                reason="MEMBER_WEIGHT",
                details={"key": name},
            )
    return named


def shares(weights: Sequence[float] | Array) -> Array:
    """Weights that sum to one; equal ones where all are zero."""
    array: Array = np.asarray(weights, dtype=np.float64)
    if array.size and array.max() > 0:
        array = array / array.max()  # the sum of huge weights is no number
    total = array.sum()
    return array / total if total > 0 else np.full(len(array), 1 / len(array))


def _name(member: object, place: int) -> str:
    if not isinstance(member, Member) or not hasattr(member.model, "predict"):
        raise InvalidInput(
            f"Member {place} is a {type(member).__name__}, not a Member with a model that can predict.",
            reason="MEMBER_INVALID",
            hint="Wrap it: Member(model, key='its name').",
            details={"place": place},
        )
    return member.key or f"#{place}"
