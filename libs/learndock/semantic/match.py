"""Semantic search: what a query's words rule out, and how well a text fits a name and a description."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from learndock.semantic.specification import SemanticSpecification

NAME_WEIGHT = 1.0
DESCRIPTION_WEIGHT = 0.8
SIMILAR = 0.6
"""Words less alike than this (Dice coefficient of trigrams) do not count as the same word misspelt."""

_WORD = re.compile(r"\w+")


def semantic_match(query: SemanticSpecification, text: str, candidate: SemanticSpecification) -> float | None:
    """Say how well a candidate fits a query's tags and words: 0 to 1, or None where it is ruled out.

    A tag that the query leaves unsaid rules nothing out. Of scenarios one in common is enough. `text` (or,
    where it is empty, the query's own name) is compared word by word, misspellings allowed; a candidate
    with none of its words is ruled out, and with no text the answer is 1.
    """
    if not _tags_fit(query, candidate) or not _shapes_fit(query, candidate):
        return None
    wanted = _words(text or query.name)
    if not wanted:
        return 1.0
    score = _score(wanted, candidate)
    return score if score > 0 else None


def _tags_fit(query: SemanticSpecification, candidate: SemanticSpecification) -> bool:
    pairs = (
        (query.data_type, candidate.data_type),
        (query.task_type, candidate.task_type),
        (query.library, candidate.library),
        (query.license, candidate.license),
        # Clients send Model "Others" with every query, so it asks for nothing.
        ("" if query.model == "Others" else query.model, candidate.model),
    )
    if any(wanted and wanted != found for wanted, found in pairs):
        return False
    return not query.scenarios or not set(query.scenarios).isdisjoint(candidate.scenarios)


def _shapes_fit(query: SemanticSpecification, candidate: SemanticSpecification) -> bool:
    pairs = (
        (query.input_dimension, candidate.input_dimension),
        (query.output_dimension, candidate.output_dimension),
    )
    return all(wanted is None or found is None or wanted == found for wanted, found in pairs)


def _score(wanted: tuple[str, ...], candidate: SemanticSpecification) -> float:
    name, description = _words(candidate.name), _words(candidate.description)
    total = 0.0
    for word in wanted:
        total += max(NAME_WEIGHT * _best(word, name), DESCRIPTION_WEIGHT * _best(word, description))
    return min(1.0, total / len(wanted))


def _best(word: str, words: tuple[str, ...]) -> float:
    return max((_alike(word, other) for other in words), default=0.0)


def _alike(a: str, b: str) -> float:
    if a == b:
        return 1.0
    if len(a) >= 3 and b.startswith(a):
        return 0.9
    if len(a) >= (2 if not a.isascii() else 4) and a in b:
        return 0.8
    left, right = _trigrams(a), _trigrams(b)
    dice = 2 * len(left & right) / (len(left) + len(right))
    return dice if dice >= SIMILAR else 0.0


@lru_cache(maxsize=8192)
def _words(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_WORD.findall(unicodedata.normalize("NFKC", text).casefold())))


@lru_cache(maxsize=65536)
def _trigrams(word: str) -> frozenset[str]:
    padded = f"  {word} "
    return frozenset(padded[i : i + 3] for i in range(len(padded) - 2))
