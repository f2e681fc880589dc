"""Owners and their models, people and their tasks: the nouns of the demo's scenario."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from numpy.typing import NDArray

from learndock.semantic import SemanticSpecification

Array = NDArray[Any]
Kind = Literal["classification", "regression"]


@dataclass(frozen=True)
class OwnerModel:
    """A fitted model that somebody publishes.

    `semantic` is the semantic specification in its JSON form; `fits` says for each task whether the model was trained
    on (part of) the task's distribution. `fits` is for judging what is found and is never published.
    """

    name: str
    semantic: dict[str, Any]
    X_train: Array
    y_train: Array
    estimator: Any
    fits: Mapping[str, bool]


@dataclass(frozen=True)
class TaskData:
    """What a person with a task has: many rows, 200 of them labelled in that order, and what is held out.

    The specification to search with is that of `X_unlabelled`, which holds the labelled rows and none of the test rows.
    """

    name: str
    kind: Kind
    n_classes: int | None
    X_unlabelled: Array
    X_labelled: Array
    y_labelled: Array
    X_test: Array
    y_test: Array
    query: dict[str, Any]


def describe(
    kind: Kind, name: str, description: str, scenario: str, columns: list[str], outputs: list[str]
) -> dict[str, Any]:
    """The semantic specification of a table model, in its JSON form."""
    specification = SemanticSpecification(
        data_type="Table",
        task_type=kind.title(),
        library="Scikit-learn",
        scenarios=(scenario,),
        license="Apache-2.0",
        name=name,
        description=description,
        input_dimension=len(columns),
        input_description=dict(enumerate(columns)),
        output_dimension=len(outputs),
        output_description=dict(enumerate(outputs)),
    )
    return specification.to_json()


def ask(kind: Kind, width: int, outputs: int) -> dict[str, Any]:
    """A query for table models of a width and an output domain, in its JSON form."""
    return SemanticSpecification(
        data_type="Table", task_type=kind.title(), input_dimension=width, output_dimension=outputs
    ).to_json()
