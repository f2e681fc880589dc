"""The fault matrix on separate services: PostgreSQL, NATS, MinIO and every service is a process of its own.

Run it with:  .venv/bin/python tools/torture/faults.py [--full] [--rows 3,9] [--seed 1] [--size 3]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from death import prepare  # noqa: E402
from deaths import sudden_deaths  # noqa: E402 - below the path it needs
from estate import Estate  # noqa: E402
from flow import Flow  # noqa: E402
from messages import delayed, poison, repeated  # noqa: E402
from pushes import backlog, same_push  # noqa: E402
from rows import ROWS as OTHERS  # noqa: E402
from rows import Row  # noqa: E402
from tests.torture.model import Call, judge  # noqa: E402

ROWS: dict[str, Row] = {
    "1": sudden_deaths,
    **OTHERS,
    "7": repeated,
    "8": delayed,
    "14": backlog,
    "19": poison,
    "28": same_push,
}
LONG, FULL = 3, 20


@dataclass
class Story:
    """What people of earlier rows were told: a dock has to keep that, too."""

    calls: list[Call] = field(default_factory=list)
    bad: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Outcome:
    """A row: what was done, what people did beside it, how long until all was at rest, and what must not be."""

    row: str
    what: str
    injected: str
    done: str
    failed: int
    converged_s: float
    deleted_still_found_s: float
    seconds: float
    breaches: Sequence[str]


def play(row: str, estate: Estate, story: Story, *, seed: int, size: int = 1) -> Outcome:
    """Play one row on an estate; then look whether everything that was ever promised there holds."""
    begun = time.monotonic()
    flow = Flow(estate, estate.folder / "wares" / f"row{row}-{seed}-{len(story.calls)}", seed)
    estate.mend()
    try:
        injected = ROWS[row](flow, size)
    finally:
        estate.mend()
    story.calls += flow.calls
    story.bad |= flow.bad
    converged_s, left = estate.rest()
    found, apart = estate.autopsy()
    breaches = [*flow.breaches, *left, *apart, *judge(story.calls, estate.history(), found, frozenset(story.bad))]
    what = (ROWS[row].__doc__ or "").partition(": ")[2].partition("\n")[0]
    done = ", ".join(f"{count} {kind}" for kind, count in sorted(flow.done.items()))
    return Outcome(
        row,
        what,
        injected,
        done,
        len(flow.failed),
        converged_s,
        flow.deleted_still_found_s,
        time.monotonic() - begun,
        breaches,
    )


def show(outcomes: Iterable[Outcome]) -> bool:
    """Print a table in Markdown; whether everything held."""
    print("\n| row | injected | calls done | calls failed | converged after, s | in all, s | breaches |")
    print("|---|---|---|---|---|---|---|")
    played = list(outcomes)
    for each in played:
        numbers = f"{each.failed} | {each.converged_s:.1f} | {each.seconds:.0f} | {len(each.breaches)}"
        print(f"| {each.row} | {each.injected} | {each.done} | {numbers} |")
    for each in played:
        for breach in each.breaches:
            print(f"row {each.row}: {breach}")
    return not any(each.breaches for each in played)


def main() -> int:
    """Play the rows that are asked for, in order."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", default=",".join(ROWS), help="which, with commas between")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--size", type=int, default=LONG, help="how much of each: 1 as the tests have it")
    parser.add_argument("--full", action="store_true", help=f"size {FULL}: hours")
    parser.add_argument("--keep", type=Path, help="folder for what is left, to look at")
    asked = parser.parse_args()
    prepare()
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        os.environ["XDG_CONFIG_HOME"] = name
        with Estate(asked.keep or Path(name) / "estate") as estate:
            story = Story()
            for row in asked.rows.split(","):
                size = FULL if asked.full else asked.size
                outcomes.append(play(row, estate, story, seed=asked.seed, size=size))
                print(f"row {row}: {len(outcomes[-1].breaches)} breaches, {outcomes[-1].seconds:.0f} s", flush=True)
                print(*outcomes[-1].breaches, sep="\n", end="\n" * bool(outcomes[-1].breaches), flush=True)
    return 0 if show(outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
