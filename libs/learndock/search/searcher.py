"""Searcher: what finds learnwares for a task; ours, or a plug-in's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from learndock.search.answer import SearchResult
from learndock.search.index import Index
from learndock.search.pairwise import PairwiseSearcher
from learndock.semantic import SemanticSpecification
from learndock.specification import Specification, TableSpecification


class Searcher(Protocol):
    """Learnwares by key, found by likeness or by words.

    Thread-safe: searches run while others add and remove. The dock makes one without arguments, fills it from its
    database and asks it alone.
    """

    def add(self, key: str, semantic: SemanticSpecification, specification: Specification | None) -> None:
        """Put a learnware in, or in the place of the one with its key. Without a specification only words find it."""
        ...

    def remove(self, key: str) -> None:
        """Take a learnware out; one that is not there is out already."""
        ...

    def __len__(self) -> int: ...

    def __contains__(self, key: object) -> bool: ...

    def search(
        self,
        task: Specification | None,
        query: SemanticSpecification,
        text: str = "",
        *,
        limit: int = 10,
        mixture: str = "greedy",
        mixture_size: int = 5,
        cancelled: Callable[[], bool] | None = None,
    ) -> SearchResult:
        """The learnwares nearest to a task among those that fit the query; see `learndock.search.Index.search`."""
        ...


class ExactSearcher:
    """The dock's own: `Index` for tables and for words, `PairwiseSearcher` for every other specification type."""

    def __init__(self) -> None:
        self._tables = Index()
        self._others = PairwiseSearcher()

    def add(self, key: str, semantic: SemanticSpecification, specification: Specification | None) -> None:
        """Put a learnware in; words find it whatever its specification is."""
        if specification is None or isinstance(specification, TableSpecification):
            self._others.remove(key)
            self._tables.add(key, semantic, specification)
        else:
            self._others.add(key, semantic, specification)
            self._tables.add(key, semantic, None)

    def remove(self, key: str) -> None:
        """Take a learnware out; one that is not there is out already."""
        self._others.remove(key)
        self._tables.remove(key)

    def panel(self, key: str, size: int) -> list[tuple[str, TableSpecification]]:
        """Some tables of the island where `key` stands; see `Index.panel`."""
        return self._tables.panel(key, size)

    def __len__(self) -> int:
        return len(self._tables)

    def __contains__(self, key: object) -> bool:
        return key in self._tables

    def search(
        self,
        task: Specification | None,
        query: SemanticSpecification,
        text: str = "",
        *,
        limit: int = 10,
        mixture: str = "greedy",
        mixture_size: int = 5,
        cancelled: Callable[[], bool] | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> SearchResult:
        """Search among the learnwares whose specification is of the task's type; tables tell their `progress`."""
        if task is None or isinstance(task, TableSpecification):
            return self._tables.search(
                task,
                query,
                text,
                limit=limit,
                mixture=mixture,
                mixture_size=mixture_size,
                cancelled=cancelled,
                progress=progress,
            )
        return self._others.search(
            task, query, text, limit=limit, mixture=mixture, mixture_size=mixture_size, cancelled=cancelled
        )
