"""Where the members of an experiment come from: owners in this process, or anything else that can be searched."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol

from learndock.errors import InvalidInput
from learndock.experiment.scenario import Scenario, TaskOwner
from learndock.experiment.training import owner_trainer
from learndock.reuse import Member
from learndock.search import Index
from learndock.semantic import SemanticSpecification
from learndock.specification import specify

MINIMUM = 2
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Found:
    """What a search came up with: the best alone, and a mixture.

    `everyone` holds all that could have been found, for yardsticks; it may be empty. `compared` is how many were
    looked at.
    """

    single: Member
    mixture: Sequence[Member]
    everyone: Sequence[Member] = ()
    compared: int = 0


class Market(Protocol):
    """Finds members for a task; they may be used until the `with` ends."""

    def find(self, task: TaskOwner, seed: int) -> AbstractContextManager[Found]:
        """Search with the task's unlabelled rows."""


class OwnersMarket:
    """The scenario's owners, trained and specified in this process and searched with `learndock.search`.

    Every model is trained once. InvalidInput OWNERS_TOO_FEW or OWNERS_SAME_NAME.
    """

    def __init__(self, scenario: Scenario, tell: Tell | None = None) -> None:
        _check_owners(scenario)
        self._semantic = _semantic(scenario)
        default = owner_trainer(scenario.kind, scenario.n_classes)
        self._members: dict[str, Member] = {}
        self._families = {owner.name: owner.family or owner.name for owner in scenario.owners}
        for owner in scenario.owners:
            model = (owner.train or default)(owner.X, owner.y)
            self._members[owner.name] = Member(model, specification=specify(owner.X), key=owner.name)
            if tell is not None:
                tell(owner.name)

    @contextmanager
    def find(self, task: TaskOwner, seed: int) -> Iterator[Found]:
        """Search among the owners that may help. InvalidInput OWNERS_TOO_FEW where nobody may."""
        offered = [each for name, each in self._members.items() if self._families[name] not in task.apart_from]
        if not offered:
            raise _too_few(f"Nobody is left to help {task.name}.")
        index = Index()
        for each in offered:
            index.add(each.key, self._semantic, each.specification)
        wanted = specify(task.X_unlabelled, random_state=seed)
        result = index.search(wanted, self._semantic, limit=len(offered))
        best = self._members[result.hits[0].key]
        mixture = [best]
        if result.mixture is not None:
            shares = zip(result.mixture.keys, result.mixture.weights, strict=True)
            mixture = [self._weighted(key, weight) for key, weight in shares]
        yield Found(best, mixture, offered, len(offered))

    def _weighted(self, key: str, weight: float) -> Member:
        member = self._members[key]
        return Member(member.model, weight, member.specification, key)


def _semantic(scenario: Scenario) -> SemanticSpecification:
    return SemanticSpecification(
        data_type="Table",
        task_type=scenario.kind.title(),
        input_dimension=scenario.owners[0].X.shape[1],
        output_dimension=scenario.n_classes or 1,
    )


def _check_owners(scenario: Scenario) -> None:
    if len(scenario.owners) < MINIMUM:
        raise _too_few(f"{scenario.name} has {len(scenario.owners)} owner.")
    names = [owner.name for owner in scenario.owners]
    if len(set(names)) < len(names):
        raise InvalidInput(
            f"{scenario.name} has several owners of one name.",
            reason="OWNERS_SAME_NAME",
            hint="Give every owner a name of its own.",
        )


def _too_few(message: str) -> InvalidInput:
    return InvalidInput(
        message, reason="OWNERS_TOO_FEW", hint="An experiment needs two owners at least, each with a table of its own."
    )
