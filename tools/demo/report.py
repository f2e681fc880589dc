"""What was found, judged by who was trained on (part of) the task's distribution: the demo's owners say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from rich.console import Console

from learndock.experiment import Report
from learndock.experiment.console import LEGEND, show
from people import OwnerModel


def show_all(reports: Sequence[Report], people: Mapping[str, OwnerModel], console: Console) -> None:
    """Print one table per scenario, with what was found below it; `people` are the owners by learnware id."""
    for report in reports:
        show(report, console)
        console.print(_found(report, people), highlight=False)
        console.print()
    console.print(LEGEND, highlight=False)


def _found(report: Report, people: Mapping[str, OwnerModel]) -> str:
    def fits(key: str, task: str) -> bool:
        return people[key.partition(":")[0]].fits.get(task, False)

    searches = report.findings
    singles = sum(fits(each.best, each.task) for each in searches)
    members = [
        (fits(key, each.task), weight)
        for each in searches
        for key, weight in zip(each.members, each.weights, strict=True)
    ]
    fitting = sum(fit for fit, _ in members)
    share = np.average([fit for fit, _ in members], weights=[weight for _, weight in members])
    return (
        f"Trained on the task's distribution ({searches[0].compared} candidates of its width and outputs):\n"
        f"best hit {singles} of {len(searches)} times, {fitting} of {len(members)} members of mixtures "
        f"({share:.0%} of the weight)."
    )
