"""What a user asks a search, as a dock takes it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dockapi.search.v1 import search_pb2
from learndock.errors import InvalidInput
from learndock.semantic import SemanticSpecification

if TYPE_CHECKING:
    from learndock.specification import Specification

_MIXTURES = {
    "none": search_pb2.MIXTURE_STRATEGY_NONE,
    "greedy": search_pb2.MIXTURE_STRATEGY_GREEDY,
    "weights": search_pb2.MIXTURE_STRATEGY_WEIGHTS,
}


def strategy(mixture: str) -> search_pb2.MixtureStrategy:
    """The way to mix of that name. InvalidInput MIXTURE_UNKNOWN."""
    if mixture not in _MIXTURES:
        raise InvalidInput(f"mixture={mixture!r} is none of {', '.join(_MIXTURES)}.", reason="MIXTURE_UNKNOWN")
    return _MIXTURES[mixture]


def filter_text(
    query: SemanticSpecification | Mapping[str, Any] | str | None,
    data_type: str,
    task_type: str,
    output_dimension: int | None,
    tags: Iterable[str],
) -> str:
    """The semantic filter of a search as JSON; what is given beside `query` wins over it."""
    if not isinstance(query, SemanticSpecification):
        query = SemanticSpecification.from_json(query or {}, query=True)
    scenarios = (tags,) if isinstance(tags, str) else tuple(tags)
    asked = replace(
        query,
        data_type=data_type or query.data_type,
        task_type=task_type or query.task_type,
        output_dimension=query.output_dimension if output_dimension is None else output_dimension,
        scenarios=scenarios or query.scenarios,
    )
    return json.dumps(asked.to_json(), ensure_ascii=False)


def specified(task: Any) -> Specification:
    """The specification of a task; data (n, d) are specified here."""
    from learndock.specification import Specification, specify  # noqa: PLC0415 - numerical code, when needed

    return task if isinstance(task, Specification) else specify(task)
