"""How often a search's verdict is right, on real tables; and which scale ranks best.

python tools/bench/verdict.py [--quick] [--data beijing-air-quality.tar.xz]
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from learndock.search import Index, island_scale, mmd
from learndock.search.island import JUDGING, RANKING, judging, widening
from learndock.search.null import Null
from learndock.search.shelf import Entry, Shelf
from learndock.search.verdict import Judge
from learndock.semantic import SemanticSpecification
from learndock.specification import TableSpecification, specify
from learndock.specification.threads import one_thread
from table import Cell, Table
from verdict_scenes import FIT, HALF, NOT, Scene, beijing, scenes, shipped, stations

COMMAND = "python tools/bench/verdict.py"
WORDS = ("fits", "fits in part", "nothing fits", "cannot tell")
ORDERS = ("peer's", "spread", f"spread, widened to {RANKING:g}", f"spread, widened to {JUDGING:g}")
FIRST_SEED = 1000
"""The thresholds were chosen on other seeds."""
ANY = SemanticSpecification()


class Tally:
    """What was said of tasks by kind, and how often each order had a right learnware first."""

    def __init__(self) -> None:
        self.words: dict[str, list[str]] = defaultdict(list)
        self.firsts: dict[str, list[tuple[bool, ...]]] = defaultdict(list)

    def add(self, scene: Scene) -> None:
        """Make the scene's dock and ask it every task."""
        index, learnwares = Index(), [specify(rows) for _, rows in scene.owners]
        for place, learnware in enumerate(learnwares):
            index.add(f"{place:03}", semantic(learnware.dimension), learnware)
        names = [name for name, _ in scene.owners]
        for kind, domain, rows in scene.tasks:
            task = specify(rows)
            self.words[kind].append(said(index, task))
            if kind == "fits" and len(set(names)) > 1:
                right = [name == domain for name in names]
                self.firsts[scene.table].append(tuple(right[place] for place in firsts(learnwares, task)))

    def rates(self) -> Table:
        """Kinds of task by words."""
        rows: list[list[Cell]] = []
        for kind in (*FIT, *HALF, *NOT):
            words = self.words[kind]
            if words:
                rows.append([kind, len(words), *(f"{words.count(word) / len(words):.0%}" for word in WORDS)])
        title = "What is said of tasks, tables that scikit-learn ships"
        return Table("verdict.words", title, ("task", "tasks", *WORDS), rows, COMMAND)

    def orders(self) -> Table:
        """Tables by orders."""
        rows: list[list[Cell]] = []
        for table, found in self.firsts.items():
            rows.append([table, len(found), *(f"{share:.0%}" for share in np.mean(found, 0))])
        mean = np.mean([np.mean(found, 0) for found in self.firsts.values()], 0)
        rows.append(["mean", sum(map(len, self.firsts.values())), *(f"{share:.1%}" for share in mean)])
        note = (
            "Orders by MMD on the columns as they are; divided by the island's spread; and so much wider that gamma "
            "times the squared distance of two unrelated rows is at most so much. The third is what search uses."
        )
        title = "A right learnware is first"
        return Table("verdict.orders", title, ("table", "tasks", *ORDERS), rows, COMMAND, (note,))


def said(index: Index, task: TableSpecification) -> str:
    """The word of the verdict."""
    verdict = index.search(task, ANY).verdict
    return verdict.word if verdict else ""


def firsts(learnwares: Sequence[TableSpecification], task: TableSpecification) -> list[int]:
    """Who is first by each order."""
    ranking = island_scale(learnwares)
    spread = ranking / widening(task.gamma, task.dimension, RANKING)
    scales = (None, spread, ranking, spread * judging(task.gamma, task.dimension))
    return [int(np.argmin([mmd(task, each, scale) for each in learnwares])) for scale in scales]


def semantic(width: int) -> SemanticSpecification:
    """What can be said of a learnware of these docks."""
    return SemanticSpecification(
        data_type="Table", task_type="Classification", library="Others", scenarios=("Education",), license="MIT",
        name="a model", description="a model of a benchmark", input_dimension=width, output_dimension=2,
    )  # fmt: skip


def cost(quick: bool) -> Table:
    """What the verdict adds to a search, in CPU time."""
    rows = []
    for count in (10, 100, 1_000) if quick else (10, 100, 1_000, 10_000):
        learnwares, task = [_points(seed) for seed in range(count)], _points(-1)
        index = Index()
        for key, each in enumerate(learnwares):
            index.add(str(key), semantic(20), each)
        whole = cheapest(partial(index.search, task, ANY, mixture="none"))
        null = Null(Shelf([Entry.of(str(key), semantic(20), each) for key, each in enumerate(learnwares)]))
        part = cheapest(partial(judge, null, task, learnwares[:10]))
        rows.append([count, 1e3 * whole, 1e3 * part, f"{part / whole:.0%}"])
    columns = ("learnwares", "search, ms CPU", "of it ten verdicts, ms CPU", "share")
    return Table("verdict.cost", "What the verdict costs (100 points, 20 columns)", columns, rows, COMMAND)


def judge(null: Null, task: TableSpecification, learnwares: Sequence[TableSpecification]) -> None:
    """What a search does for its verdict."""
    with one_thread():
        judging = Judge(null, task)
        for learnware in learnwares:
            judging.single(learnware)


def cheapest(call: Callable[[], object]) -> float:
    """CPU seconds of the cheapest of seven calls, after one that warms up."""
    call()
    found = []
    for _ in range(7):
        start = time.process_time()
        call()
        found.append(time.process_time() - start)
    return min(found)


def _points(seed: int) -> TableSpecification:
    rng = np.random.default_rng(seed + 1)
    return TableSpecification(rng.normal(size=20) + rng.normal(size=(100, 20)), np.full(100, 0.01), 0.1, 1_000)


def tally(found: Iterable[Scene]) -> Tally:
    """Ask every scene's tasks."""
    result = Tally()
    for scene in found:
        result.add(scene)
    return result


def tables(quick: bool) -> list[Table]:
    """Error rates and orders on what scikit-learn ships, and the cost."""
    found = tally(scenes(shipped(), range(FIRST_SEED, FIRST_SEED + (3 if quick else 30))))
    return [
        found.rates(),
        found.orders(),
        cost(quick),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--data", type=Path, help="beijing-air-quality.tar.xz, for a table more")
    asked = parser.parse_args()
    found = tables(asked.quick)
    if asked.data:
        more = tally(stations(beijing(asked.data), range(FIRST_SEED, FIRST_SEED + (4 if asked.quick else 40))))
        command = f"{COMMAND} --data beijing-air-quality.tar.xz"
        title = "What is said of tasks, air of Beijing"
        found.append(replace(more.rates(), key="verdict.beijing", title=title, command=command))
    for table in found:
        print(table.to_markdown())


if __name__ == "__main__":
    main()
