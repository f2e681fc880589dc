"""SemanticSpecification: the typed form of what the peer's docks exchange as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from learndock.semantic.parse import parse_fields
from learndock.semantic.values import KINDS


@dataclass(frozen=True)
class SemanticSpecification:
    """What a learnware is for; of a query, what is wanted ("" / () / None where unsaid).

    `input_description` and `output_description` map a column's index to its words, as
    `describe_columns` gives them.
    """

    data_type: str = ""
    task_type: str = ""
    library: str = ""
    scenarios: tuple[str, ...] = ()
    license: str = ""
    name: str = ""
    description: str = ""
    model: str = "Others"
    input_dimension: int | None = None
    input_description: Mapping[int, str] = field(default_factory=dict)
    output_dimension: int | None = None
    output_description: Mapping[int, str] = field(default_factory=dict)

    @classmethod
    def from_json(cls, value: str | Mapping[str, Any], *, query: bool = False) -> SemanticSpecification:
        """Read the peer's form; `query` allows anything to be unsaid.

        InvalidInput SEMANTIC_INVALID with details `field` and, for words from a list, `allowed`.
        """
        return cls(**parse_fields(value, query=query))

    def to_json(self) -> dict[str, Any]:
        """Give the peer's form. `Model` is always in it: newer clients call a table without one invalid."""
        words = {
            "Data": self.data_type,
            "Task": self.task_type,
            "Model": self.model,
            "Library": self.library,
            "License": self.license,
        }
        document: dict[str, Any] = {
            key: {"Type": KINDS[key], "Values": [word] if word else []} for key, word in words.items()
        }
        document["Scenario"] = {"Type": KINDS["Scenario"], "Values": list(self.scenarios)}
        document["Name"] = {"Type": "String", "Values": self.name}
        document["Description"] = {"Type": "String", "Values": self.description}
        document |= _side("Input", self.input_dimension, self.input_description)
        document |= _side("Output", self.output_dimension, self.output_description)
        return document


def _side(key: str, dimension: int | None, description: Mapping[int, str]) -> dict[str, Any]:
    if dimension is None and not description:
        return {}
    side: dict[str, Any] = {} if dimension is None else {"Dimension": dimension}
    return {key: side | {"Description": {str(index): text for index, text in sorted(description.items())}}}
