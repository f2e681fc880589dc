"""What came of a play, as a line, a table in Markdown and JSON."""

from __future__ import annotations

import json
import os
import textwrap
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from flow import Goal

MOST = 12
"""Breaches of a play that are shown; all are in the JSON."""
HEAD = (
    "| row | plays | injected, in the last play | calls done | failed | longest to rest, s | in all, s | breaches |\n"
    "|---|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True)
class Outcome:
    """A play: what was done, what people did beside it, how long until all was at rest, and what must not be."""

    row: str
    seed: int
    size: int
    what: str
    injected: str
    done: dict[str, int]
    failed: int
    converged_s: float
    deleted_still_found_s: float
    seconds: float
    load: float
    goals: Sequence[Goal]
    breaches: Sequence[str]

    def told(self) -> list[str]:
        """Breaches, as many and as long as one can read."""
        more = [f"and {len(self.breaches) - MOST} more"] if len(self.breaches) > MOST else []
        return [*(textwrap.shorten(each, 300) for each in self.breaches[:MOST]), *more]

    def line(self) -> str:
        """The play in one line, with the time and the load of the machine when it ended."""
        told = f"{len(self.breaches)} breaches" if self.breaches else "held"
        return (
            f"{time.strftime('%H:%M:%S')} row {self.row} seed {self.seed} size {self.size}: {told}, "
            f"{self.seconds:.0f} s, at rest after {self.converged_s:.1f} s (load {self.load:.0f}): {self.injected}"
        )


def load_average() -> float:
    """Of the last minute."""
    return os.getloadavg()[0]


def table(outcomes: Sequence[Outcome]) -> str:
    """Rows in their order, each with all its plays; below, goals that were missed and breaches."""
    rows = sorted({each.row for each in outcomes}, key=int)
    lines = [HEAD, *(_row([each for each in outcomes if each.row == row]) for row in rows), ""]
    return "\n".join([*lines, *_beneath(outcomes)])


def _row(plays: Sequence[Outcome]) -> str:
    last = plays[-1]
    done = sum(sum(each.done.values()) for each in plays)
    failed = sum(each.failed for each in plays)
    longest = max(each.converged_s for each in plays)
    seconds = sum(each.seconds for each in plays)
    breaches = sum(len(each.breaches) for each in plays)
    numbers = f"{done:,} | {failed} | {longest:.1f} | {seconds:.0f} | {breaches}"
    return f"| {last.row} | {len(plays)} | {last.injected} | {numbers} |"


def _beneath(outcomes: Iterable[Outcome]) -> Iterator[str]:
    for each in outcomes:
        for goal in each.goals:
            if goal.missed:
                yield f"row {each.row} seed {each.seed}: {goal} (load {each.load:.0f}): late, which is no breach"
        for breach in each.told():
            yield f"row {each.row} seed {each.seed}: BREACH: {breach}"


def write_json(outcomes: Sequence[Outcome], path: Path) -> None:
    """All of it, for programs."""
    path.write_text(json.dumps([asdict(each) for each in outcomes], indent=1) + "\n", encoding="utf-8")
