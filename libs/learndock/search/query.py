"""One search, over shelves that no longer change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from learndock.search.answer import Hit, Mixture, SearchResult
from learndock.search.distance import squared_mmd
from learndock.search.island import Island
from learndock.search.mixture import Mixer
from learndock.search.peer import peer_scores
from learndock.search.scan import Cancelled, stop_if
from learndock.search.shelf import Comparison, Entry, Shelf
from learndock.semantic import SemanticSpecification, semantic_match
from learndock.specification import TableSpecification

Places = npt.NDArray[np.intp]

MARGIN = 32
"""So many more than asked for are evaluated in float64, in case float32 has them in the wrong order."""
SEES_NOTHING = 0.9
"""Above this share of sum beta^2 in ||u||^2 a reduced set's points are strangers to each other."""

PEER_BLIND = (
    "On the columns as they are, the kernel sees no two rows as alike, so the peer's own order says nothing here. "
    "Scores and distances are on the island's scale and hold."
)
BLIND = (
    "Cannot tell: even on the island's scale the kernel sees no overlap between the task's rows, so this order "
    "reflects the size of specifications more than likeness. Try fewer or more telling columns."
)
NOTHING_NEAR = "Nothing here is like the task: no learnware is nearer to it than an empty specification would be."
NOTHING_COMPARABLE = "Nothing was compared: no learnware in the dock fits this query and the task's {width} columns."


@dataclass(frozen=True)
class _Compared:
    """A shelf compared with a task; `places` are those offered, in order of distance."""

    shelf: Shelf
    places: Places
    comparison: Comparison


def search_words(
    entries: Sequence[Entry], query: SemanticSpecification, text: str, limit: int, cancelled: Cancelled | None
) -> SearchResult:
    """Find by tags and words alone."""
    matches = _matches(entries, query, text, cancelled)
    best = sorted(matches.items(), key=lambda match: (-match[1], match[0]))[:limit]
    hits = tuple(Hit(key, score, 0.0, 0.0, 0.0, 0) for key, score in best)
    return SearchResult(hits, None, len(matches), ())


def search_shelves(
    shelves: Mapping[Island, Shelf],
    task: TableSpecification,
    query: SemanticSpecification,
    text: str,
    limit: int,
    mixture: str,
    mixture_size: int,
    notes: Sequence[str],
    cancelled: Cancelled | None,
) -> SearchResult:
    """Find by distance, on each island by its own scale; `mixture_size` 0 asks for no mixture."""
    # The task's rows say its width; what the query says of the input is for searches by words.
    query = replace(query, input_dimension=None)
    each_shelf = (_compare(shelf, task, query, text, limit, cancelled) for shelf in shelves.values())
    found = [each for each in each_shelf if each is not None]
    if not found:
        return SearchResult((), None, 0, (*notes, NOTHING_COMPARABLE.format(width=task.dimension)))
    hits, best = _hits(found, limit)
    mixed = _mix(best, task, mixture, mixture_size, cancelled) if mixture_size else None
    compared = sum(len(each.places) for each in found)
    return SearchResult(
        hits, mixed, compared, (*notes, *_notes(best, task, max(hits[0].score, mixed.score if mixed else 0.0)))
    )


def _matches(
    entries: Sequence[Entry], query: SemanticSpecification, text: str, cancelled: Cancelled | None
) -> dict[str, float]:
    found = {}
    for count, entry in enumerate(entries):
        if count % 256 == 0:
            stop_if(cancelled)
        score = semantic_match(query, text, entry.semantic)
        if score is not None:
            found[entry.key] = score
    return found


def _compare(
    shelf: Shelf,
    task: TableSpecification,
    query: SemanticSpecification,
    text: str,
    limit: int,
    cancelled: Cancelled | None,
) -> _Compared | None:
    """Compare those that fit the query; None where none does."""
    matches = _matches(shelf.entries, query, text, cancelled)
    places = np.array([place for place, entry in enumerate(shelf.entries) if entry.key in matches], dtype=np.intp)
    if len(places) == 0:
        return None
    shelf.prepare(cancelled)
    found = shelf.compare(task, cancelled)
    places = places[np.argsort(found.squared[places], kind="stable")]
    for place in places[: limit + MARGIN]:
        stop_if(cancelled)
        found.squared[place] = squared_mmd(task, shelf.specifications[place], shelf.scale)
        found.peer_squared[place] = squared_mmd(task, shelf.specifications[place])
    return _Compared(shelf, places[np.argsort(found.squared[places], kind="stable")], found)


def _hits(found: Sequence[_Compared], limit: int) -> tuple[tuple[Hit, ...], _Compared]:
    """The best hits of all islands, and the island of the first."""
    peer = np.concatenate([each.comparison.peer_squared[each.places] for each in found])
    scores = peer_scores(peer)
    ranks = np.empty(len(peer), dtype=np.intp)
    ranks[np.argsort(peer, kind="stable")] = np.arange(1, len(peer) + 1)
    hits: list[tuple[Hit, _Compared]] = []
    start = 0
    for each in found:
        for order, place in enumerate(each.places[:limit]):
            at = start + order
            squared = float(each.comparison.squared[place])
            hit = Hit(
                key=each.shelf.entries[place].key,
                score=share_explained(squared, each.comparison.own),
                distance=float(np.sqrt(squared)),
                peer_distance=float(peer[at]),
                peer_score=float(np.clip(scores[at], 0.0, 1.0)),
                peer_rank=int(ranks[at]),
            )
            hits.append((hit, each))
        start += len(each.places)
    # Within an island both say the same; between islands, whose scales differ, only the score is comparable.
    hits.sort(key=lambda pair: (-pair[0].score, pair[0].distance, pair[0].key))
    return tuple(hit for hit, _ in hits[:limit]), hits[0][1]


def share_explained(squared: float, own: float) -> float:
    """The score: 1 - MMD^2 / ||u||^2, not below 0."""
    return float(min(1.0, max(0.0, 1.0 - squared / own)))


def _mix(best: _Compared, task: TableSpecification, strategy: str, size: int, cancelled: Cancelled | None) -> Mixture:
    mixer = Mixer(best.shelf, best.places, task, best.comparison, cancelled)
    found = mixer.weights(size) if strategy == "weights" else mixer.greedy(size)
    return Mixture(
        keys=tuple(best.shelf.entries[place].key for place in found.places),
        weights=found.weights,
        distance=float(np.sqrt(found.squared)),
        score=share_explained(found.squared, best.comparison.own),
    )


def _notes(best: _Compared, task: TableSpecification, score: float) -> list[str]:
    notes = []
    diagonal = float(task.beta @ task.beta)
    several = len(task.beta) > 1
    if several and diagonal > SEES_NOTHING * best.comparison.own:
        notes.append(BLIND)
    elif several and diagonal > SEES_NOTHING * task.self_norm:
        notes.append(PEER_BLIND)
    if score == 0:
        notes.append(NOTHING_NEAR)
    return notes
