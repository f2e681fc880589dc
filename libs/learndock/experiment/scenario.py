"""Who takes part in an experiment, and on what terms: owners with rows, people with a task and few labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from numpy.typing import NDArray

from learndock.errors import InvalidInput
from learndock.experiment.losses import metric_of

if TYPE_CHECKING:
    from learndock.reuse import Model

Array = NDArray[Any]
Kind = Literal["classification", "regression"]
Trainer = Callable[[Array, Array], "Model"]
"""Fits a model to rows (n, d) and labels (n,): whole numbers 0 … n_classes-1, or numbers."""

LABELS = (10, 50, 100, 200, 500, 1000, 2000, 5000)
SEEDS = (0, 1, 2, 3, 4)
TUNED_FROM = 40
"""Labels from which cross validation decides: between reusers, and for the task owner's own model."""


def rule_for_few_labels(n_labels: int) -> str:
    """The reuser to trust, decided before any experiment; "" where the labels decide, by cross validation.

    Few labels say little about the members, while their reduced sets say who saw rows like this one: job selector.
    """
    return "job selector" if n_labels < TUNED_FROM else ""


@dataclass(frozen=True)
class Owner:
    """Somebody with rows X (n, d) and labels y (n,), who publishes a model of them and never the rows.

    `train` says how the model is made; unsaid it is `training.owner_trainer` of the scenario's kind. `family` is what
    tasks are kept apart from, unsaid the name: owners of parts of one table are one family.
    """

    name: str
    X: Array
    y: Array
    train: Trainer | None = None
    family: str = ""


@dataclass(frozen=True)
class TaskOwner:
    """Somebody with a task: rows without labels to search with, labels for a few rows, and what is held out.

    With n labels it is the first n of `X_labelled` that are known. `apart_from` names families of owners that must
    not help, such as the one whose rows the task's are.
    """

    name: str
    X_unlabelled: Array
    X_labelled: Array
    y_labelled: Array
    X_test: Array
    y_test: Array
    apart_from: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Scenario:
    """An experiment: `tasks` gives the people with a task for a seed, each compared at 0 labels and at every `labels`.

    `owners` may be empty where members come from another market, such as a dock. `own` trains what a task owner would
    without reuse (unsaid: `training.own_trainer`); `trust` names the reuser to trust by number of labels, "" for cross
    validation on them. `metric` is one of `losses.LOSSES`, unsaid "error" or "rmse". `notes` go into the report.
    """

    name: str
    kind: Kind
    tasks: Callable[[int], Sequence[TaskOwner]]
    owners: Sequence[Owner] = ()
    n_classes: int | None = None
    metric: str = ""
    labels: Sequence[int] = LABELS
    seeds: Sequence[int] = SEEDS
    own: Trainer | None = None
    trust: Callable[[int], str] = rule_for_few_labels
    notes: Sequence[str] = field(default=())

    def __post_init__(self) -> None:
        metric_of(self.kind, self.metric)
        labels = list(self.labels)
        if not labels or labels != sorted(set(labels)) or labels[0] < 1 or not self.seeds:
            raise InvalidInput(
                f"The numbers of labels are {labels} and the seeds {list(self.seeds)}.",
                reason="EXPERIMENT_LABELS",
                hint="Give rising numbers of labels from 1, such as 10, 50, 200, and at least one seed.",
            )
        if (self.kind == "classification") != (self.n_classes is not None):
            raise InvalidInput(
                f"A scenario of {self.kind} has n_classes={self.n_classes}.",
                reason="EXPERIMENT_CLASSES",
                hint="Say n_classes for classification, and for classification alone.",
            )
