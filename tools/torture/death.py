"""kill -9 at every failpoint of a dock, then a look at what is left of what it had promised.

Run it with:  .venv/bin/python tools/torture/death.py [--seeds 20] [--full] [--only NAME]
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from dock_failpoint.names import NAMES  # noqa: E402
from lives import Driver, autopsy, history  # noqa: E402 - below the path it needs
from tests.torture.model import judge  # noqa: E402

ELSEWHERE = {
    *("blob.put.before_rename", "blob.put.after_rename", "signing_key.before_replace"),
    *(name for name in NAMES if name.startswith("blob.bucket.")),
}
"""Not on the way of a dock on one folder; tests/torture and libs/dock_blob have tests of their own for them."""
OFTEN = {"db.commit": 30, "relay": 8, "bus.ack": 8, "checking.step": 4, "checking.claimed": 2, "specification": 2}
"""How often a failpoint is surely passed in a life, by the beginning of its name; others once."""
AGAIN, AGAIN_SEED = 3, 1000
"""How often a failpoint that was not met is tried again, and where the seeds of that begin."""


@dataclass(frozen=True)
class Life:
    """A failpoint, at which of its passes it kills, and whether it did."""

    failpoint: str
    nth: int
    killed: bool
    seconds: float


@dataclass(frozen=True)
class Lane:
    """One dock that went through several deaths, and what is wrong with it at the end."""

    seed: int
    lives: Sequence[Life]
    recovery_s: float
    versions: int
    acknowledged: int
    breaches: Sequence[str]


def mortal() -> list[str]:
    """The failpoints that a running dock passes."""
    return [name for name in NAMES if name not in ELSEWHERE]


def lane(folder: Path, seed: int, failpoints: Sequence[str]) -> Lane:
    """Kill one dock at each failpoint in turn; judge it."""
    rng = random.Random(f"{seed} {failpoints}")  # noqa: S311
    driver = Driver(folder, f"{seed} {folder.name}")
    lives: list[Life] = []
    try:
        driver.begin()
        for failpoint in failpoints:
            most = next((count for start, count in OFTEN.items() if failpoint.startswith(start)), 1)
            nth, start = rng.randint(1, most), time.monotonic()
            lives.append(Life(failpoint, nth, driver.live(failpoint, nth), time.monotonic() - start))
        start = time.monotonic()
        searchable = driver.recover()
        took = time.monotonic() - start
    except Exception as error:  # noqa: BLE001 - the other docks are to live on, and this is what is wrong with this one
        traceback.print_exc()
        return Lane(seed, lives, 0.0, 0, 0, [f"it could not live on: {type(error).__name__}: {error}"])
    finally:
        driver.dock.kill()
    found = autopsy(driver.dock.data, searchable)
    breaches = judge(driver.calls, history(driver.dock.data), found, frozenset(driver.bad))
    acknowledged = sum(call.acknowledged for call in driver.calls)
    print(f"seed {seed}: {sum(each.killed for each in lives)} deaths, {len(breaches)} breaches", flush=True)
    return Lane(seed, lives, took, len(found.states), acknowledged, breaches)


def run(folder: Path, seed: int, failpoints: Sequence[str], lanes: int = 2) -> list[Lane]:
    """Deal the failpoints to `lanes` docks that live side by side."""
    shuffled = list(failpoints)
    random.Random(seed).shuffle(shuffled)  # noqa: S311
    dealt = [shuffled[number::lanes] for number in range(lanes)]
    with ThreadPoolExecutor(lanes) as pool:
        running = [
            pool.submit(lane, folder / f"seed{seed}-{number}", seed, mine) for number, mine in enumerate(dealt) if mine
        ]
        return [each.result() for each in running]


def unmet(ended: Sequence[Lane]) -> list[str]:
    """Failpoints that killed less often than they were to, as often as that."""
    return [life.failpoint for each in ended for life in each.lives if not life.killed]


def again(ended: Sequence[Lane], live: Callable[[int, Sequence[str]], list[Lane]]) -> list[Lane]:
    """Lives anew for those that did not meet their failpoint, a few times; `live` takes a seed and failpoints."""
    more: list[Lane] = []
    left = unmet(ended)
    for number in range(1, AGAIN + 1):
        if not left:
            break
        print(f"not met, and tried again: {', '.join(left)}", flush=True)
        tried = live(AGAIN_SEED + number, left)
        more += tried
        left = unmet(tried)
    return more


def show(ended: Sequence[Lane]) -> None:
    """Print what happened, as Markdown."""
    lives = [life for each in ended for life in each.lives]
    print("\n| failpoint | deaths | lives that ended without | longest life, s |\n|---|---|---|---|")
    for name in sorted({life.failpoint for life in lives}):
        mine = [life for life in lives if life.failpoint == name]
        killed = sum(life.killed for life in mine)
        print(f"| `{name}` | {killed} | {len(mine) - killed} | {max(life.seconds for life in mine):.1f} |")
    deaths = sum(life.killed for life in lives)
    print(
        f"\n{deaths} deaths at {len({life.failpoint for life in lives})} failpoints, {len(ended)} docks, "
        f"{sum(each.versions for each in ended)} learnwares, {sum(each.acknowledged for each in ended)} calls "
        f"acknowledged; longest way back to rest {max(each.recovery_s for each in ended):.1f} s; "
        f"{sum(len(each.breaches) for each in ended)} breaches."
    )
    for each in ended:
        for breach in each.breaches:
            print(f"seed {each.seed}: {breach}")


def prepare() -> None:
    """Environments come from the wheels that set-up fetched."""
    cache = ROOT / ".cache" / "uv"
    if cache.is_dir():
        os.environ.setdefault("UV_CACHE_DIR", str(cache))
        os.environ.setdefault("DOCK_OFFLINE", "true")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=2, help="how often each failpoint kills")
    parser.add_argument("--full", action="store_true", help="20 seeds")
    parser.add_argument("--only", default="", help="failpoints whose name begins so")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--keep", type=Path, help="folder for what is left, to look at")
    asked = parser.parse_args()
    prepare()
    names = [name for name in mortal() if name.startswith(asked.only)]
    seeds = range(asked.first, asked.first + (20 if asked.full else asked.seeds))
    with tempfile.TemporaryDirectory(prefix="death-") as name:
        folder = asked.keep or Path(name)
        ended = [each for seed in seeds for each in run(folder, seed, names)]
        repeated = again(ended, lambda seed, left: run(folder, seed, left))
    show([*ended, *repeated])
    left = sorted(set(unmet(ended)) - {life.failpoint for each in repeated for life in each.lives if life.killed})
    if left:
        print(f"never met, however often it was tried again: {', '.join(left)}")
    return 1 if left or any(each.breaches for each in (*ended, *repeated)) else 0


if __name__ == "__main__":
    sys.exit(main())
