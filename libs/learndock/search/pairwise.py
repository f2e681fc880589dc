"""Search by any specification's own distance, one learnware after the other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from learndock.errors import DockError, InvalidInput, Unavailable
from learndock.search.answer import Hit, SearchResult
from learndock.search.scan import stop_if
from learndock.semantic import SemanticSpecification, semantic_match
from learndock.specification import Comparable, Specification

_Entry = tuple[str, SemanticSpecification, Specification]


class PairwiseSearcher:
    """A searcher for specifications that know their distance (`Comparable`) and no more.

    Learnwares of the task's type and width are compared. `score` is m / (m + distance), m the median distance of
    this search: 1 at no distance, 1/2 at the usual one. No mixture is made: for that an embedding is needed.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[str, _Entry] = {}

    def add(self, key: str, semantic: SemanticSpecification, specification: Specification | None) -> None:
        """Put a learnware in; one without a specification is not found here."""
        with self._lock:
            self._entries.pop(key, None)
            if specification is not None:
                self._entries[key] = (key, semantic, specification)

    def remove(self, key: str) -> None:
        """Take a learnware out; one that is not there is out already."""
        with self._lock:
            self._entries.pop(key, None)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: object) -> bool:
        return key in self._entries

    def search(
        self,
        task: Specification | None,
        query: SemanticSpecification,
        text: str = "",
        *,
        limit: int = 10,
        mixture: str = "greedy",  # noqa: ARG002 - said to be left out
        mixture_size: int = 5,  # noqa: ARG002
        cancelled: Callable[[], bool] | None = None,
    ) -> SearchResult:
        """The nearest first. InvalidInput SEARCH_LIMIT_OUT_OF_RANGE; Unavailable PLUGIN_BROKEN.

        DeadlineExceeded SEARCH_CANCELLED between learnwares.
        """
        if limit < 1:
            raise InvalidInput(f"limit is at least 1, not {limit}.", reason="SEARCH_LIMIT_OUT_OF_RANGE")
        if not isinstance(task, Comparable):
            raise _no_distance(task, "it has no distance()")
        # The task says its width; what the query says of the input is for searches by words.
        query = replace(query, input_dimension=None)
        with self._lock:
            entries = sorted(self._entries.values(), key=lambda entry: entry[0])
        found = []
        for key, semantic, specification in entries:
            stop_if(cancelled)
            if (specification.type, specification.dimension) != (task.type, task.dimension):
                continue
            if semantic_match(query, text, semantic) is not None:
                found.append((_distance(task, specification), key))
        notes = (f"Compared by the own distance of {task.type}; no mixture is made of that.",)
        return SearchResult(_hits(sorted(found), limit), None, len(found), notes)


def _distance(task: Comparable, other: Specification) -> float:
    try:
        found = float(task.distance(other))
    except DockError:
        raise
    except Exception as error:
        raise _no_distance(task, f"its distance() raised {type(error).__name__}: {str(error)[:200]}") from error
    if not np.isfinite(found) or found < 0:
        raise _no_distance(task, f"its distance() gave {found}")
    return found


def _no_distance(task: Specification | None, why: str) -> Unavailable:
    name = "nothing" if task is None else task.type
    return Unavailable(
        f"{name} cannot be searched by: {why}.",
        reason="PLUGIN_BROKEN",
        hint="A specification type needs distance(other): finite and not negative.",
    )


def _hits(found: list[tuple[float, str]], limit: int) -> tuple[Hit, ...]:
    usual = float(np.median([distance for distance, _ in found])) if found else 0.0
    return tuple(Hit(key, _score(distance, usual), distance, 0.0, 0.0, 0) for distance, key in found[:limit])


def _score(distance: float, usual: float) -> float:
    return 1.0 if distance == 0 else usual / (usual + distance)
