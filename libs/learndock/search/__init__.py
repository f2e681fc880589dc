"""Search: which learnwares, alone or mixed, were trained on rows like a task's."""

from __future__ import annotations

from learndock.search.answer import Hit, Mixture, SearchResult
from learndock.search.distance import mmd
from learndock.search.index import Index
from learndock.search.island import Island, island_of, island_scale
from learndock.search.peer import peer_scores

__all__ = ["Hit", "Index", "Island", "Mixture", "SearchResult", "island_of", "island_scale", "mmd", "peer_scores"]
