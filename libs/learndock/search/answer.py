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
    `fits` says whether the task's rows are like those it was trained on: "fits", "fits in part", "does not fit" or
    "cannot tell"; empty without a task.
    """

    key: str
    score: float
    distance: float
    peer_distance: float
    peer_score: float
    peer_rank: int
    fits: str = ""


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
class Verdict:
    """Whether anything here fits the task: the best of the hits and of the mixture.

    `word` is "fits", "fits in part", "nothing fits" or "cannot tell"; `reason` is a sentence for the user. `ratio`
    is the number behind it: MMD^2 over what is tolerated, which is the error of specifications so small plus a tenth
    of MMD^2 to learnwares that cannot fit. Up to 0.6 fits, from 1.2 nothing does. `strangers` is how many such
    learnwares there were; with none the tenth is of MMD^2 to what shares nothing with the task. docs/adr/0009.
    """

    word: str
    reason: str
    ratio: float
    strangers: int


@dataclass(frozen=True)
class SearchResult:
    """Hits, best first, and a mixture, None where there is nothing to mix; the verdict is None without a task.

    `compared` is how many learnwares were looked at after the filter; `notes` are sentences that the user should read.
    """

    hits: tuple[Hit, ...]
    mixture: Mixture | None
    compared: int
    notes: tuple[str, ...]
    verdict: Verdict | None = None
