"""Answers searches: the index's findings, joined with the records as they are now."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from dock_db import LearnwareRow
from dock_search.follower import Follower
from dock_search.settings import SearchSettings
from learndock.errors import InvalidInput, Overloaded
from learndock.search import Hit, Mixture, Searcher, Verdict
from learndock.search.verdict import NOTHING_FITS
from learndock.semantic import SemanticSpecification
from learndock.specification import Specification

_STALE = (
    "The database does not answer: this is the index as of revision {}. What was deleted since then may be among it, "
    "and what is odd about single learnwares is not told."
)


@dataclass(frozen=True)
class Question:
    """A task as its owner describes it; `task` is None for a semantic search."""

    task: Specification | None
    query: SemanticSpecification
    text: str = ""
    limit: int = 10
    mixture: str = "greedy"
    mixture_size: int = 5
    min_revision: int = 0


@dataclass(frozen=True)
class Answer:
    """What was found. `mixture` goes with `members`, its records in the same order."""

    hits: list[tuple[LearnwareRow, Hit]]
    mixture: Mixture | None
    members: list[LearnwareRow]
    revision: int
    compared: int
    notes: tuple[str, ...]
    verdict: Verdict | None = None
    stale: bool = False
    """Whether it is from the index alone, because the database did not answer."""


class Finder:
    """Searches one index."""

    def __init__(self, index: Searcher, follower: Follower, settings: SearchSettings) -> None:
        self._records = follower.records
        self._index = index
        self._follower = follower
        self._settings = settings
        self._waiting = threading.BoundedSemaphore(settings.max_waiting)

    def find(self, question: Question, timeout_s: float, cancelled: Callable[[], bool]) -> Answer:
        """The best hits and the mixture. InvalidInput for limits out of range; see also `_wait_for`."""
        question = self._bounded(question)
        if question.min_revision > self._follower.revision:
            self._wait_for(question.min_revision, timeout_s, cancelled)
        revision = self._follower.revision
        result = self._index.search(
            question.task,
            question.query,
            question.text,
            limit=question.limit,
            mixture=question.mixture,
            mixture_size=question.mixture_size,
            cancelled=cancelled,
        )
        keys = [hit.key for hit in result.hits] + list(result.mixture.keys if result.mixture else ())
        seen = self._records.of(keys)
        hits = [(seen.rows[hit.key], hit) for hit in result.hits if hit.key in seen.rows]
        mixture = result.mixture if result.mixture and all(k in seen.rows for k in result.mixture.keys) else None
        if result.verdict is not None and result.verdict.word == NOTHING_FITS:
            mixture = None  # it covers nothing, and would be used
        members = [seen.rows[key] for key in mixture.keys] if mixture else []
        notes = (*result.notes, *seen.notes, *([_STALE.format(revision)] if seen.stale else []))
        return Answer(hits, mixture, members, revision, result.compared, notes, result.verdict, seen.stale)

    @property
    def revision(self) -> int:
        """The newest revision that the index holds."""
        return self._follower.revision

    @property
    def size(self) -> int:
        """Learnwares in the index."""
        return len(self._index)

    def _wait_for(self, revision: int, timeout_s: float, cancelled: Callable[[], bool]) -> None:
        """FailedPrecondition INDEX_BEHIND; Overloaded SEARCHES_WAITING, for who waits keeps a thread from others."""
        if not self._waiting.acquire(blocking=False):
            raise Overloaded(
                f"{self._settings.max_waiting} searches wait for newer revisions of the index already.",
                reason="SEARCHES_WAITING",
                hint="Try again in a moment, or search without min_revision.",
                retry_after_s=1.0,
            )
        try:
            self._follower.wait_for(revision, min(timeout_s, self._settings.max_wait_s), cancelled)
        finally:
            self._waiting.release()

    def _bounded(self, question: Question) -> Question:
        limit = question.limit or 10
        size = question.mixture_size or 5
        if not 1 <= limit <= self._settings.max_limit or not 1 <= size <= self._settings.max_mixture_size:
            raise InvalidInput(
                f"limit must be 1 … {self._settings.max_limit} and mixture_size 1 … "
                f"{self._settings.max_mixture_size}, not {limit} and {size}.",
                reason="SEARCH_LIMIT_OUT_OF_RANGE",
            )
        return replace(question, limit=limit, mixture_size=size)
