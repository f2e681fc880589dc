"""Search: which learnwares, alone or mixed, were trained on rows like a task's."""

from __future__ import annotations

from learndock.search.answer import Hit, Mixture, SearchResult, Verdict
from learndock.search.distance import mmd
from learndock.search.index import Index
from learndock.search.island import Island, island_of, island_scale
from learndock.search.pairwise import PairwiseSearcher
from learndock.search.peer import peer_scores
from learndock.search.searcher import ExactSearcher, Searcher

__all__ = [
    "ExactSearcher",
    "Hit",
    "Index",
    "Island",
    "Mixture",
    "PairwiseSearcher",
    "SearchResult",
    "Searcher",
    "Verdict",
    "island_of",
    "island_scale",
    "mmd",
    "peer_scores",
]
