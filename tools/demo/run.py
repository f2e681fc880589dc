"""The demo: a dock filled with real models, and two people with a task, data and few labels who search it.

python tools/demo/run.py --data demo-dock
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from house import House
from learndock.client import Dock
from learndock.errors import DockError
from learndock.experiment import Found, Report, Scenario, TaskOwner, run
from learndock.experiment.picture import draw
from learndock.specification import specify
from people import OwnerModel, ask
from report import show_all
from scenario import SEEDS, owners, scenarios
from stock import pack_all, stock


class DockMarket:
    """Finds members in a running dock, and lets them predict in its sandboxes."""

    def __init__(self, dock: Dock, scenario: Scenario) -> None:
        self._dock = dock
        self._kind, self._outputs = scenario.kind, scenario.n_classes or 1
        self.name, self.verdicts, self.of_strangers = scenario.name, Counter[str](), Counter[str]()

    @contextmanager
    def find(self, task: TaskOwner, seed: int) -> Iterator[Found]:
        """Search with the task's specification among models of its kind, width and outputs."""
        query: dict[str, Any] = ask(self._kind, task.X_test.shape[1], self._outputs)
        found = self._dock.search(specify(task.X_unlabelled), query=query)
        shuffled = task.X_unlabelled[:, np.random.default_rng(seed).permutation(task.X_unlabelled.shape[1])]
        self.verdicts[_word(found)] += 1
        self.of_strangers[_word(self._dock.search(specify(shuffled), query=query))] += 1
        several = "single" if found.nothing_fits else "mixture"
        with found.load("single", where="dock") as single, found.load(several, where="dock") as mixture:
            yield Found(single[0], mixture, compared=found.compared)

    def said(self) -> str:
        """What the dock told the task owners, and what it told somebody with their columns in another order."""
        told, strangers = (_counted(each) for each in (self.verdicts, self.of_strangers))
        return f"Verdicts on {self.name}: {told}. With its columns in another order: {strangers}."


def _word(found: Any) -> str:
    return str(found.verdict.word)


def _counted(words: Counter[str]) -> str:
    return ", ".join(f"{word} ({count})" for word, count in words.most_common())


def main() -> None:
    """Run the demo and leave a dock folder to play with."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("demo-dock"), help="folder to make the dock in")
    parser.add_argument("--seeds", type=int, default=len(SEEDS), help="how many seeds to average over")
    given = parser.parse_args()
    console = Console(width=None if Console().is_terminal else 80)
    begun = time.monotonic()
    try:
        reports, people = play(given.data, SEEDS[: given.seeds], console)
    except DockError as error:
        raise SystemExit(f"{error.message}\n{error.hint}\n({error.reason})") from error
    show_all(reports, people, console)
    plot = draw(reports, given.data / "demo.png")
    console.print(f"\nThe same as a plot: {plot}")
    console.print(f"Done in {time.monotonic() - begun:.0f} s. The dock stays in {given.data}; to go on with it:\n")
    for line in (f"dock up --data {given.data}", "dock list", 'dock search --text "digits"'):
        console.print(f"  .venv/bin/{line}", highlight=False)


def play(data: Path, seeds: tuple[int, ...], console: Console) -> tuple[list[Report], Mapping[str, OwnerModel]]:
    """Fill the dock, then let the task owners search and reuse, seed by seed; the owners by learnware id, too."""
    shutil.rmtree(data, ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder, House(data) as dock:
        console.print("[bold]Owners[/] train models on slices of data that scikit-learn ships, and pack them.")
        people = stock(dock, pack_all(owners(0), Path(folder)), console)
        console.print("[bold]Task owners[/] specify their unlabelled rows, search, and reuse what is found.")

        def tell(_done: int, _total: int, what: str) -> None:
            console.print(f"  {what}", highlight=False)

        markets = [(each, DockMarket(dock, each)) for each in scenarios(seeds)]
        reports = [run(each, market, tell) for each, market in markets]
    console.print()
    for _, market in markets:
        console.print(market.said(), highlight=False)
    return reports, people


if __name__ == "__main__":
    main()
