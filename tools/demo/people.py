"""Owners and their models, and what is said of them: the nouns of the demo's scenario."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from learndock.experiment.scenario import Array, Kind
from learndock.semantic import SemanticSpecification


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
