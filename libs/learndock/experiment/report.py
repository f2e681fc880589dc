"""Report: what an experiment measured, as numbers, as a table and as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from learndock.experiment.compare import OWN, REUSERS, TRUSTED, YARDSTICKS, Figure
from learndock.experiment.losses import WORDS


@dataclass(frozen=True)
class Finding:
    """What one search came up with: the best hit, and the members of the mixture with their weights, by key.

    `compared` is how many learnwares were candidates.
    """

    task: str
    seed: int
    compared: int
    best: str
    members: tuple[str, ...]
    weights: tuple[float, ...]


@dataclass(frozen=True)
class Report:
    """Losses by method and number of labels; less is better.

    A mean is over all tasks and seeds. Its spread is the standard deviation over seeds of the mean over tasks.
    """

    name: str
    kind: str
    metric: str
    labels: tuple[int, ...]
    seeds: tuple[int, ...]
    figures: tuple[Figure, ...]
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def counts(self) -> tuple[int, ...]:
        """Numbers of labels, from 0."""
        return (0, *self.labels)

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the task owners."""
        return tuple(dict.fromkeys(each.task for each in self.figures))

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods measured, in the order of tables."""
        measured = {each.method for each in self.figures}
        return tuple(each for each in (OWN, *REUSERS, TRUSTED, *YARDSTICKS) if each == TRUSTED or each in measured)

    def losses(self, method: str, n_labels: int, task: str = "") -> dict[tuple[str, int], float]:
        """Losses by task and seed; of one `task` where it is said."""
        return {
            (each.task, each.seed): each.loss
            for each in self.figures
            if each.n_labels == n_labels
            and (each.trusted if method == TRUSTED else each.method == method)
            and task in ("", each.task)
        }

    def mean(self, method: str, n_labels: int, task: str = "") -> float:
        """The mean loss; NaN where the method has none."""
        losses = self.losses(method, n_labels, task)
        return float(np.mean(list(losses.values()))) if losses else float("nan")

    def spread(self, method: str, n_labels: int, task: str = "") -> float:
        """How much the seed changes the mean over tasks; NaN where the method has none."""
        losses = self.losses(method, n_labels, task)
        by_seed = [[loss for (_, seed), loss in losses.items() if seed == each] for each in self.seeds]
        means = [np.mean(each) for each in by_seed if each]
        return float(np.std(means)) if means else float("nan")

    def wins(self, method: str) -> tuple[int, ...]:
        """The numbers of labels at which the method's mean is below the own model's."""
        return tuple(n for n in self.labels if self.mean(method, n) < self.mean(OWN, n))

    def most_trusted(self, n_labels: int) -> str:
        """The reuser that the rule chose most often; "" where none was."""
        names = [each.method for each in self.figures if each.n_labels == n_labels and each.trusted]
        return max(REUSERS, key=names.count) if names else ""

    def to_markdown(self) -> str:
        """Tables for a page: losses by labels, what each method saves in labels, and losses by task."""
        parts = [
            f"**{self.name}**: {self._about()}",
            _grid(["", *map(str, self.counts)], self._rows()),
            self._verdict(),
        ]
        if len(self.tasks) > 1:
            parts.append(_grid(*self._by_task()))
        return "\n\n".join([*parts, *self.notes]) + "\n"

    def to_json(self) -> dict[str, Any]:
        """Everything, for programs; `Report.from_json` reads it. `rows` holds the means and spreads of the table."""
        rows = [
            {"method": method, "n_labels": n, "mean": self.mean(method, n), "spread": self.spread(method, n)}
            for method in self.methods
            for n in self.counts
            if self.losses(method, n)
        ]
        return {**asdict(self), "rows": rows}

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Report:
        """Read what `to_json` gave."""
        figures = tuple(Figure(**each) for each in document["figures"])
        findings = tuple(
            Finding(**{**each, "members": tuple(each["members"]), "weights": tuple(each["weights"])})
            for each in document["findings"]
        )
        known = {**document, "figures": figures, "findings": findings}
        known |= {key: tuple(document[key]) for key in ("labels", "seeds", "notes")}
        return cls(**{each.name: known[each.name] for each in fields(cls)})

    def save(self, path: Path) -> None:
        """Write JSON."""
        path.write_text(json.dumps(self.to_json(), indent=1) + "\n", encoding="utf-8")

    def plot(self, path: Path) -> Path:
        """Draw losses by number of labels; FailedPrecondition EXTRA_MISSING without matplotlib."""
        from learndock.experiment.picture import draw  # noqa: PLC0415

        return draw([self], path)

    def cell(self, method: str, n_labels: int, task: str = "") -> str:
        """Mean and spread in words; "" where the method has no loss."""
        if not self.losses(method, n_labels, task):
            return ""
        mean, spread = self.mean(method, n_labels, task), self.spread(method, n_labels, task)
        digits = 3 if mean < 10 else 2
        return f"{mean:.{digits}f}±{spread:.{digits}f}" if len(self.seeds) > 1 else f"{mean:.{digits}f}"

    def _about(self) -> str:
        tasks = f"{len(self.tasks)} tasks" if len(self.tasks) > 1 else "1 task"
        return f"{WORDS[self.metric]} by number of labels; {tasks}, seeds {', '.join(map(str, self.seeds))}."

    def _rows(self) -> list[list[str]]:
        return [[method, *(self.cell(method, n) or "-" for n in self.counts)] for method in self.methods]

    def _verdict(self) -> str:
        lines = ["Where each does better than the own model with the same labels:", ""]
        for method in (*REUSERS, TRUSTED):
            wins = self.wins(method)
            listed = ", ".join(map(str, wins)) or "none"
            lines.append(f"- {method}: {'all' if len(wins) == len(self.labels) else listed}")
        return "\n".join(lines)

    def _by_task(self) -> tuple[list[str], list[list[str]]]:
        columns: list[tuple[str, Callable[[str], float]]] = [
            (method, lambda task, method=method: self.mean(method, 0, task))  # type: ignore[misc]
            for method in self.methods
            if self.losses(method, 0)
        ]
        last = self.labels[-1]
        columns += [(f"own model, {last}", lambda task: self.mean(OWN, last, task))]
        return ["task", *(title for title, _ in columns)], [
            [task, *(f"{value(task):.3f}" for _, value in columns)] for task in self.tasks
        ]


def _grid(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [titles, ["---", *("---:" for _ in titles[1:])], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
