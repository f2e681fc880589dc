"""One search, over shelves that no longer change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from learndock.search.answer import Hit, Mixture, SearchResult, Verdict
from learndock.search.island import Island
from learndock.search.mixture import Mixer
from learndock.search.null import Nulls
from learndock.search.peer import peer_scores
from learndock.search.scan import Cancelled, stop_if
from learndock.search.shelf import Comparison, Entry, Shelf
from learndock.search.verdict import (
    CANNOT_TELL,
    DOES_NOT_FIT,
    FITS,
    IN_PART,
    SEES_NOTHING,
    Finding,
    Judge,
    hit_word,
    overall,
)
from learndock.search.workers import Progress
from learndock.semantic import SemanticSpecification, semantic_match
from learndock.specification import TableSpecification

Places = npt.NDArray[np.intp]

MUCH = 0.1
"""From this weight on a member of a fitting mixture is said to fit in part."""
MARGIN = 32
"""So many more than asked for are evaluated in float64, in case float32 has them in the wrong order."""
COMPARING = 0.8
"""Share of a search's progress that comparing is."""
PEER_BLIND = (
    "In their own units no two of the task's rows are alike to the kernel. Score, distance, order and verdict are on "
    "the island's scale, where they are; peer_score and peer_rank say nothing here."
)
NOTHING_COMPARABLE = "Nothing was compared: no learnware in the dock fits this query and the task's {width} columns."


@dataclass(frozen=True)
class _Compared:
    """A shelf compared with a task; `places` are those offered, in order of distance."""

    shelf: Shelf
    places: Places
    comparison: Comparison
    judge: Judge


@dataclass(frozen=True)
class _Ranked:
    """A hit, where it was found, and what is to be said of it."""

    hit: Hit
    compared: _Compared
    finding: Finding


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
    neighbours: Sequence[Shelf],
    nulls: Nulls,
    task: TableSpecification,
    query: SemanticSpecification,
    text: str,
    limit: int,
    mixture: str,
    mixture_size: int,
    notes: Sequence[str],
    cancelled: Cancelled | None,
    progress: Progress | None = None,
) -> SearchResult:
    """Find by distance, on each island by its own scale; `mixture_size` 0 asks for no mixture.

    `neighbours` are all shelves of the task's width and gamma: what is on them may not be offered, but helps to
    judge what may. `progress` is told the share done, 0 to 1.
    """
    # The task's rows say its width; what the query says of the input is for searches by words.
    query = replace(query, input_dimension=None)
    found = []
    told = _in_parts(progress, [len(each) for each in shelves.values()])
    for shelf, tell in zip(shelves.values(), told, strict=True):
        null = nulls.of(shelf, [each for each in neighbours if each is not shelf])
        compared = _compare(shelf, Judge(null, task), task, query, text, limit, cancelled, tell)
        found += [compared] if compared is not None else []
    if not found:
        why = NOTHING_COMPARABLE.format(width=task.dimension)
        return SearchResult((), None, 0, (*notes, why), Verdict(CANNOT_TELL, why, 0.0, 0))
    ranked = _hits(found, limit)
    best = ranked[0].compared
    mixed, finding = _mix(best, task, mixture, mixture_size, cancelled) if mixture_size else (None, None)
    findings = [each.finding for each in ranked] + ([finding] if finding else [])
    if progress is not None:
        progress(1.0)
    return SearchResult(
        hits=tuple(_with_part(each.hit, mixed, finding) for each in ranked),
        mixture=mixed,
        compared=sum(len(each.places) for each in found),
        notes=(*notes, *_notes(task)),
        verdict=overall(findings),
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
    judge: Judge,
    task: TableSpecification,
    query: SemanticSpecification,
    text: str,
    limit: int,
    cancelled: Cancelled | None,
    progress: Progress | None,
) -> _Compared | None:
    """Compare those that fit the query; None where none does."""
    matches = _matches(shelf.entries, query, text, cancelled)
    places = np.array([place for place, entry in enumerate(shelf.entries) if entry.key in matches], dtype=np.intp)
    if len(places) == 0:
        return None
    shelf.prepare(cancelled)
    found = shelf.compare(task, cancelled, progress)
    places = places[np.argsort(found.squared[places], kind="stable")]
    near, rest = places[: limit + MARGIN], places[limit + MARGIN :]
    shelf.evaluate(task, near, found, cancelled)
    # Of many that are as near, those that float32 only saw must not come first.
    near = near[np.argsort(found.squared[near], kind="stable")]
    return _Compared(shelf, np.concatenate([near, rest]), found, judge)


def _in_parts(progress: Progress | None, sizes: Sequence[int]) -> list[Progress | None]:
    """What each shelf tells of its own comparison, as its part of the whole; mixing is the rest of it."""
    if progress is None:
        return [None] * len(sizes)
    told, total = progress, sum(sizes) / COMPARING

    def part(start: int, size: int) -> Progress:
        return lambda share: told((start + share * size) / total)

    return [part(sum(sizes[:order]), size) for order, size in enumerate(sizes)]


def _hits(found: Sequence[_Compared], limit: int) -> list[_Ranked]:
    """The best hits of all islands, best first."""
    peer = np.concatenate([each.comparison.peer_squared[each.places] for each in found])
    scores = peer_scores(peer)
    ranks = np.empty(len(peer), dtype=np.intp)
    ranks[np.argsort(peer, kind="stable")] = np.arange(1, len(peer) + 1)
    hits: list[tuple[Hit, _Compared, int]] = []
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
            hits.append((hit, each, int(place)))
        start += len(each.places)
    # Within an island both say the same; between islands, whose scales differ, only the score is comparable.
    hits.sort(key=lambda each: (-each[0].score, each[0].distance, each[0].key))
    return [_judged(*each) for each in hits[:limit]]


def _judged(hit: Hit, compared: _Compared, place: int) -> _Ranked:
    finding = compared.judge.single(compared.shelf.specifications[place])
    return _Ranked(replace(hit, fits=hit_word(finding)), compared, finding)


def share_explained(squared: float, own: float) -> float:
    """The score: 1 - MMD^2 / ||u||^2, not below 0."""
    return float(min(1.0, max(0.0, 1.0 - squared / own)))


def _with_part(hit: Hit, mixture: Mixture | None, finding: Finding | None) -> Hit:
    """The hit; one that does not fit alone but is much of a mixture that does has a part of the task's rows."""
    if mixture is None or finding is None or finding.word != FITS or hit.fits != DOES_NOT_FIT:
        return hit
    weight = dict(zip(mixture.keys, mixture.weights, strict=True)).get(hit.key, 0.0)
    return replace(hit, fits=IN_PART) if weight >= MUCH else hit


def _mix(
    best: _Compared, task: TableSpecification, strategy: str, size: int, cancelled: Cancelled | None
) -> tuple[Mixture, Finding]:
    mixer = Mixer(best.shelf, best.places, task, best.comparison, cancelled)
    found = mixer.weights(size) if strategy == "weights" else mixer.greedy(size)
    mixture = Mixture(
        keys=tuple(best.shelf.entries[place].key for place in found.places),
        weights=found.weights,
        distance=float(np.sqrt(found.squared)),
        score=share_explained(found.squared, best.comparison.own),
    )
    return mixture, best.judge.mixture([best.shelf.specifications[place] for place in found.places], found.weights)


def _notes(task: TableSpecification) -> list[str]:
    blind = len(task.beta) > 1 and float(task.beta @ task.beta) > SEES_NOTHING * task.self_norm
    return [PEER_BLIND] if blind else []
