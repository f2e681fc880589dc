"""What a search gives back."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Hit:
    """One learnware that was found.

    `score` is 0 to 1, for a task 1 - MMD^2 / ||u||^2 on the island's scale: the share of the task's embedding u that
    the learnware's accounts for; 0 says no nearer than nothing at all. For words it is how well they fit.
    `distance` is the MMD on the island's scale. `peer_distance` is the peer's own number, MMD^2 of the columns as
    they are; `peer_score` and `peer_rank` (from 1) are what the peer makes of it. Without a task all but `score` are 0.
    """

    key: str
    score: float
    distance: float
    peer_distance: float
    peer_score: float
    peer_rank: int


@dataclass(frozen=True)
class Mixture:
    """Learnwares of one island that together are like the task; heaviest first, the weights sum to 1.

    `distance` and `score` are those of the weighted embedding, as for a `Hit`. At least as near as the best of its
    island alone.
    """

    keys: tuple[str, ...]
    weights: tuple[float, ...]
    distance: float
    score: float


@dataclass(frozen=True)
class SearchResult:
    """Hits, best first, and a mixture, None where there is nothing to mix.

    `compared` is how many learnwares were looked at after the filter; `notes` are sentences that the user should read.
    """

    hits: tuple[Hit, ...]
    mixture: Mixture | None
    compared: int
    notes: tuple[str, ...]
