"""The demo: a dock filled with real models, and two people with a task, data and few labels who search it.

python tools/demo/run.py --data demo-dock
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from comparison import Measured, compare
from house import House
from learndock.client import Dock, Found
from learndock.errors import DockError
from learndock.specification import specify
from people import OwnerModel, TaskData
from report import Discovery, save_plot, show
from scenario import SEEDS, owners, tasks
from stock import pack_all, stock


@dataclass(frozen=True)
class Outcome:
    """Everything the demo measured."""

    measured: list[Measured]
    discoveries: list[Discovery]


def main() -> None:
    """Run the demo and leave a dock folder to play with."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("demo-dock"), help="folder to make the dock in")
    parser.add_argument("--seeds", type=int, default=len(SEEDS), help="how many seeds to average over")
    given = parser.parse_args()
    console = Console(width=None if Console().is_terminal else 80)
    begun = time.monotonic()
    try:
        outcome = play(given.data, SEEDS[: given.seeds], console)
    except DockError as error:
        raise SystemExit(f"{error.message}\n{error.hint}\n({error.reason})") from error
    show(outcome.measured, outcome.discoveries, console)
    plot = save_plot(outcome.measured, given.data / "demo.png")
    console.print(f"\nThe same as a plot: {plot}")
    console.print(f"Done in {time.monotonic() - begun:.0f} s. The dock stays in {given.data}; to go on with it:\n")
    for line in (f"dock up --data {given.data}", "dock list", 'dock search --text "digits"'):
        console.print(f"  .venv/bin/{line}", highlight=False)


def play(data: Path, seeds: tuple[int, ...], console: Console) -> Outcome:
    """Fill the dock, then let the task owners search and reuse, seed by seed."""
    shutil.rmtree(data, ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder, House(data) as dock:
        console.print("[bold]Owners[/] train models on slices of data that scikit-learn ships, and pack them.")
        people = stock(dock, pack_all(owners(0), Path(folder)), console)
        console.print("[bold]Task owners[/] specify their unlabelled rows, search, and reuse what is found.")
        outcome = Outcome([], [])
        for seed in seeds:
            for task in tasks(seed):
                _one(dock, task, seed, people, outcome)
                console.print(f"  seed {seed}: {task.name}", highlight=False)
    return outcome


def _one(dock: Dock, task: TaskData, seed: int, people: Mapping[str, OwnerModel], outcome: Outcome) -> None:
    found = dock.search(specify(task.X_unlabelled), query=task.query)
    outcome.discoveries.append(_discovery(task, seed, found, people))
    with found.load("single", where="dock") as single, found.load("mixture", where="dock") as mixture:
        outcome.measured.extend(compare(task, seed, single[0], mixture))


def _discovery(task: TaskData, seed: int, found: Found, people: Mapping[str, OwnerModel]) -> Discovery:
    assert found.mixture is not None
    return Discovery(
        task=task.name,
        seed=seed,
        compared=found.compared,
        unfit=sum(1 for hit in found.hits if not _fits(hit.record.learnware_id, task, people)),
        single_fits=_fits(found.hits[0].record.learnware_id, task, people),
        mixture_fits=tuple(_fits(member.record.learnware_id, task, people) for member in found.mixture.members),
        mixture_weights=tuple(member.weight for member in found.mixture.members),
    )


def _fits(learnware_id: str, task: TaskData, people: Mapping[str, OwnerModel]) -> bool:
    return people[learnware_id].fits.get(task.name, False)


if __name__ == "__main__":
    main()
