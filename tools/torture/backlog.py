"""Row 14 in its long form: thousands wait behind slow checkers, and every service is looked at meanwhile.

Packages go in by the way that clients have, tiny ones, in parallel. What is measured: the memory of each service
against what it had after the same kind of work and before the backlog, turns by owner, and what the dock says of the
oldest age against what the recorder of transitions knows.

Run it with:  .venv/bin/python tools/torture/backlog.py [--waiting 10000] [--turns 60] [--pushers 4]
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

import load  # noqa: E402
from death import prepare  # noqa: E402
from estate import Estate, until  # noqa: E402
from flow import Flow, all_at_once  # noqa: E402

OWNERS: Mapping[str, float] = {"ann": 0.6, "bob": 0.2, "cem": 0.2}
"""Whose they are: one has three times as many waiting as the others, and no more turns for it."""
SHARE, FLAT, AGE_S = 2.0, 1.10, 3.0
SLOW = "checking.before_verdict=sleep:4"
"""A check of these packages takes some half a second by itself: a tenth of the rate."""
Ages = tuple[float, dict[str, float]]
"""The true one, and by service the one that its metric tells."""
_AGE = re.compile(r'^dock_stage_oldest_age_seconds\{stage="checking"\} ([\d.e+-]+)$', re.MULTILINE)


@dataclass(frozen=True)
class Memory:
    """Resident MiB of one service: at rest before, the most beside the backlog, and how often it was looked at."""

    before: float
    most: float
    looks: int

    @property
    def ratio(self) -> float:
        """How much of what it had before it came to have."""
        return self.most / self.before


class Scale:
    """Weighs every service each second for the length of a with-block."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self.seen: list[dict[str, float]] = []

    @contextmanager
    def watching(self) -> Iterator[None]:
        """As long as the block lasts."""
        done = threading.Event()

        def watch() -> None:
            while not done.wait(1.0):
                self.seen.append(self._estate.memory_mib())

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def memories(self, before: Mapping[str, float]) -> dict[str, Memory]:
        """By service, of those that were there before."""
        looks = {name: [each[name] for each in self.seen if name in each] for name in before}
        return {name: Memory(before[name], max(had), len(had)) for name, had in looks.items() if had}


def fill(flow: Flow, waiting: int, pushers: int) -> float:
    """Push so many of all owners, each owner's by some clients at once; how many a second were accepted."""
    begun = time.monotonic()

    def push(owner: str, packages: Sequence[Path]) -> None:
        with flow.client(owner) as client:
            for package in packages:
                flow.push(client, package)
                package.unlink()

    deeds: list[Callable[[], object]] = []
    for owner, share in OWNERS.items():
        count = max(pushers, int(share * waiting))
        packages = flow.packages(count)
        deeds += [partial(push, owner, packages[number::pushers]) for number in range(pushers)]
    all_at_once(deeds)
    return waiting / (time.monotonic() - begun)


def ages(estate: Estate) -> Ages:
    """How long the oldest is in the stage of checks, by the recorder; and by the metric of each service."""
    oldest = (
        "SELECT extract(epoch FROM clock_timestamp()) - min(first) FROM (SELECT min(at) AS first FROM torture "
        "JOIN learnwares USING (learnware_id, version) WHERE learnwares.state IN ('RECEIVED', 'CHECKING') "
        "GROUP BY learnware_id, version) AS moments"
    )
    told: dict[str, float] = {}
    for member in estate.house.members:
        with urllib.request.urlopen(f"{member.metrics_url}/metrics", timeout=60) as answer:  # noqa: S310 - our own
            found = _AGE.search(answer.read().decode())
        if found:
            told[member.name] = float(found.group(1))
    return float(estate.ask(oldest)[0][0]), told


def turns(flow: Flow, since: int) -> Counter[str]:
    """Checks begun after that transition, by owner."""
    statement = (
        "SELECT owner, count(*) FROM torture JOIN learnwares USING (learnware_id, version) "
        "WHERE serial > %s AND torture.state = 'CHECKING' GROUP BY owner"
    )
    return Counter(dict(flow.estate.ask(statement, since)))


def fairness(shares: Mapping[str, int]) -> float:
    """The most turns of an owner against the fewest."""
    return max(shares.values()) / max(1, min(shares.get(owner, 0) for owner in OWNERS))


def newest(estate: Estate) -> int:
    """The number of the newest transition."""
    return int(estate.ask("SELECT coalesce(max(serial), 0) FROM torture")[0][0])


def play(flow: Flow, waiting: int, wanted: int, pushers: int) -> list[str]:
    """Fill, then let slow checkers take turns; print what was seen, and return what must not be."""
    estate = flow.estate
    _warm_up(flow, pushers)
    before, scale = estate.memory_mib(), Scale(estate)
    with scale.watching():
        rate = fill(flow, waiting, pushers)
        behind = estate.ask("SELECT count(*) FROM learnwares WHERE state IN ('RECEIVED', 'CHECKING')")[0][0]
        since, early = newest(estate), ages(estate)
        until(lambda: sum(turns(flow, since).values()) >= wanted, 20.0 * wanted)
        shares, late = turns(flow, since), ages(estate)
    memories = scale.memories(before)
    print(f"\n{behind} waited; {rate:.1f} pushes a second were accepted, {len(flow.failed)} failed.")
    held = [(name, each.before, each.most, each.ratio, each.looks) for name, each in sorted(memories.items())]
    load.show("Resident memory beside the backlog", ("service", "before, MiB", "most, MiB", "ratio", "looks"), held)
    had = [(owner, f"{share:.0%}", shares[owner]) for owner, share in OWNERS.items()]
    load.show("Turns", ("owner", "of those that wait", "checks begun"), had)
    told = [(when, true_s, min(said.values()), max(said.values())) for when, (true_s, said) in _moments(early, late)]
    load.show("Age of the oldest", ("when", "by the recorder, s", "least that is told, s", "most, s"), told)
    breaches = [
        f"{name} grew to {each.ratio:.2f} of what it had" for name, each in memories.items() if each.ratio > FLAT
    ]
    breaches += misjudged(early) + misjudged(late)
    if fairness(shares) > SHARE:
        breaches.append(f"turns were shared {dict(shares)}")
    return breaches + [f"failed: {each}" for each in flow.failed]


def _moments(early: Ages, late: Ages) -> list[tuple[str, Ages]]:
    return [("all pushed", early), ("after the turns", late)]


def _warm_up(flow: Flow, pushers: int) -> None:
    """What later grows with the first calls has grown; checkers are slow from here on, in the processes that stay."""
    estate = flow.estate
    estate.arm(estate.house.of("checking"), SLOW)
    fill(flow, 12, pushers)
    estate.rest()


def misjudged(found: Ages) -> list[str]:
    """Services whose age of the oldest is not the true one."""
    true_s, told = found
    wrong = {name: age for name, age in told.items() if abs(age - true_s) > AGE_S}
    return [f"the oldest waits {true_s:.1f} s, and told was {wrong}"] if wrong or not told else []


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--waiting", type=int, default=10_000, help="packages behind the checkers")
    parser.add_argument("--turns", type=int, default=60, help="checks that are looked at; at most half of them")
    parser.add_argument("--pushers", type=int, default=4, help="clients of each owner")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    prepare()
    with tempfile.TemporaryDirectory(prefix="backlog-") as name, Estate(Path(name)) as estate:
        flow = Flow(estate, Path(name) / "wares", asked.seed, patience_s=600)
        breaches = play(flow, asked.waiting, min(asked.turns, asked.waiting // 2), asked.pushers)
    print("\n" + "\n".join(breaches or ["All held."]))
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
