"""run: an experiment from its scenario to its report."""

from __future__ import annotations

from collections.abc import Callable

from learndock.experiment.compare import Figure, compare
from learndock.experiment.losses import metric_of
from learndock.experiment.market import Found, Market, OwnersMarket
from learndock.experiment.report import Finding, Report
from learndock.experiment.scenario import Scenario, TaskOwner
from learndock.experiment.training import one_core

Progress = Callable[[int, int, str], None]
"""Called with what is done, what there is to do, and what was done last."""


def run(scenario: Scenario, market: Market | None = None, progress: Progress | None = None) -> Report:
    """Let every task owner of every seed search and reuse, and measure what it is worth.

    Members come from `market`; unsaid, the scenario's owners are trained and searched in this process. The same
    scenario gives the same report. InvalidInput EXPERIMENT_…, OWNERS_… or what the rows are refused for;
    FailedPrecondition EXTRA_MISSING without scikit-learn.
    """
    metric = metric_of(scenario.kind, scenario.metric)
    tasks = [(seed, task) for seed in scenario.seeds for task in scenario.tasks(seed)]
    count = _Count(len(tasks) + (0 if market else len(scenario.owners)), progress)
    figures: list[Figure] = []
    findings: list[Finding] = []
    with one_core():
        market = market or OwnersMarket(scenario, count)
        for seed, task in tasks:
            with market.find(task, seed) as found:
                findings.append(_finding(task, seed, found))
                figures.extend(compare(scenario, task, seed, found))
            count(f"{task.name}, seed {seed}")
    return Report(
        name=scenario.name,
        kind=scenario.kind,
        metric=metric,
        labels=tuple(scenario.labels),
        seeds=tuple(scenario.seeds),
        figures=tuple(figures),
        findings=tuple(findings),
        notes=tuple(scenario.notes),
    )


def _finding(task: TaskOwner, seed: int, found: Found) -> Finding:
    return Finding(
        task=task.name,
        seed=seed,
        compared=found.compared,
        best=found.single.key,
        members=tuple(each.key for each in found.mixture),
        weights=tuple(float(each.weight) for each in found.mixture),
    )


class _Count:
    def __init__(self, total: int, progress: Progress | None) -> None:
        self._done, self._total, self._progress = 0, total, progress

    def __call__(self, what: str) -> None:
        self._done += 1
        if self._progress is not None:
            self._progress(self._done, self._total, what)
