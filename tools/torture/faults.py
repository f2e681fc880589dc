"""The fault matrix on separate services: PostgreSQL, NATS, MinIO and every service is a process of its own.

Plays each row in a drawn order, then more seeds, half of them of row 1, until the time is spent. Ends with a
table, and with exit status 1 where a promise was broken. Ctrl-C ends it with the table of what was played until then.

Run it with:  .venv/bin/python tools/torture/faults.py [--minutes 50] [--full] [--rows 3,9] [--seed 1] [--json FILE]
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from tools.services.missing import ServerMissing  # noqa: E402

from campaign import Campaign, Play  # noqa: E402 - below the path it needs
from death import prepare  # noqa: E402
from deaths import SuddenDeaths  # noqa: E402
from estate import Estate  # noqa: E402
from flow import Flow  # noqa: E402
from fullness import full_disks  # noqa: E402
from messages import delayed, poison, repeated  # noqa: E402
from outages import OUTAGES  # noqa: E402
from outcome import Outcome, load_average, table, write_json  # noqa: E402
from pushes import backlog, same_push  # noqa: E402
from rows import ROWS as OTHERS  # noqa: E402
from rows import Row  # noqa: E402
from sizes import LONG  # noqa: E402
from tests.torture.model import Call, judge  # noqa: E402
from watch import Watch  # noqa: E402

MINUTES = 50.0
AT_REST_S = {"1": 30.0}
"""How soon all should be at rest on a quiet machine when nothing is injected any more, in rows with a goal for it."""
LONGEST_S, LONGEST_FULL_S = 1800.0, 8 * 3600.0
"""A play that takes longer hangs."""

ROWS: dict[str, Row] = {
    "1": SuddenDeaths(),
    **OTHERS,
    **OUTAGES,
    "7": repeated,
    "8": delayed,
    "13": full_disks,
    "14": backlog,
    "19": poison,
    "28": same_push,
}


@dataclass
class Story:
    """What people of earlier rows were told: a dock has to keep that, too."""

    calls: list[Call] = field(default_factory=list)
    bad: set[str] = field(default_factory=set)


def play(row: str, estate: Estate, story: Story, *, seed: int, size: int = 1) -> Outcome:
    """Play one row on an estate; then look whether everything that was ever promised there holds."""
    begun = time.monotonic()
    flow = Flow(estate, estate.folder / "wares" / f"row{row}-{seed}-{len(story.calls)}", seed)
    estate.mend()
    injected = ROWS[row](flow, size)
    estate.mend()
    story.calls += flow.calls
    story.bad |= flow.bad
    converged_s, left = estate.rest()
    if row in AT_REST_S:
        flow.measure("at rest after", converged_s, AT_REST_S[row])
    found, apart = estate.autopsy()
    breaches = [*flow.breaches, *left, *apart, *judge(story.calls, estate.history(), found, frozenset(story.bad))]
    return Outcome(
        row=row,
        seed=seed,
        size=size,
        what=(ROWS[row].__doc__ or "").partition(": ")[2].partition("\n")[0],
        injected=injected,
        done=dict(sorted(flow.done.items())),
        failed=len(flow.failed),
        converged_s=converged_s,
        deleted_still_found_s=flow.deleted_still_found_s,
        seconds=time.monotonic() - begun,
        load=load_average(),
        goals=flow.goals,
        breaches=breaches,
    )


class Theatre:
    """Plays on an estate of its own. After a play that could not be played to its end there is a new estate."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._built = 0
        self._estate: Estate | None = None
        self._story = Story()

    def play(self, wanted: Play) -> Outcome:
        """Play it, whatever comes: an error of the row itself is a breach."""
        begun = time.monotonic()
        try:
            estate = self._estate or self._build()
            return play(wanted.row, estate, self._story, seed=wanted.seed, size=wanted.size)
        except ServerMissing:
            raise
        except Exception as error:  # noqa: BLE001 - the others are to be played all the same
            traceback.print_exc()
            self.close()
            told = f"it could not be played to its end: {type(error).__name__}: {error}"
            took = time.monotonic() - begun
            return Outcome(
                *(wanted.row, wanted.seed, wanted.size, "", "", {}, 0, 0.0, 0.0, took, load_average(), [], [told])
            )

    def _build(self) -> Estate:
        self._built += 1
        self._story = Story()
        self._estate = Estate(self._folder / f"estate{self._built}")
        return self._estate.start()

    def close(self) -> None:
        """Kill everything."""
        if self._estate is not None:
            self._estate.close()
            self._estate = None


def run(campaign: Campaign, theatre: Theatre, outcomes: list[Outcome], watch: Watch, json_file: Path | None) -> None:
    """Play a campaign; what came of each play is in `outcomes`, also where this is cut short."""
    for wanted in campaign.plays():
        with watch.over(f"row {wanted.row} seed {wanted.seed}"):
            outcomes.append(theatre.play(wanted))
        print(outcomes[-1].line(), *outcomes[-1].told(), sep="\n    ", flush=True)
        if json_file is not None:
            write_json(outcomes, json_file)


def main(words: Sequence[str] | None = None) -> int:
    """Play what is asked for; 1 where something was broken, 130 where it was cut short."""
    asked = _asked(words)
    prepare()
    rows = asked.rows.split(",")
    if unknown := set(rows) - ROWS.keys():
        raise SystemExit(f"There is no row {', '.join(sorted(unknown))}; there are {', '.join(ROWS)}.")
    budget_s = asked.minutes * 60 if asked.minutes else None
    campaign = Campaign(rows, seed=asked.seed, size=asked.size, budget_s=budget_s)
    if asked.full:
        campaign = Campaign.full(rows, seed=asked.seed)
    outcomes: list[Outcome] = []
    folder = asked.keep or Path(tempfile.mkdtemp(prefix="faults-"))
    os.environ["XDG_CONFIG_HOME"] = str(folder)
    theatre, cut = Theatre(folder), False
    watch = Watch(LONGEST_FULL_S if asked.full else LONGEST_S, folder / "hanging.txt")
    watch.begin(theatre.close)
    try:
        run(campaign, theatre, outcomes, watch, asked.json)
    except KeyboardInterrupt:
        cut = True
        print("Cut short; what was played until then:", flush=True)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # now it ends by itself
        print("\n" + table(outcomes), flush=True)
        theatre.close()
        if not asked.keep:
            shutil.rmtree(folder, ignore_errors=True)
    broken = any(each.breaches for each in outcomes)
    return 1 if broken or watch.hung else 130 if cut else 0


def _asked(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", default=",".join(ROWS), help="which, with commas between")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="how long; 0 for each row once")
    parser.add_argument("--seed", type=int, default=0, help="draws the order and all that is drawn in the rows")
    parser.add_argument("--size", type=int, default=LONG, help="how much of each row: 1 as the tests have it")
    parser.add_argument("--full", action="store_true", help="each row once with all that is asked of it: hours")
    parser.add_argument("--json", type=Path, help="file for all figures, written anew after each play")
    parser.add_argument("--keep", type=Path, help="folder for what is left, to look at")
    return parser.parse_args(words)


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)  # people whose dock is gone may wait for it for a while; nobody waits for them
