"""A report on a terminal, in as many tables as its width asks for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from learndock.experiment.compare import OWN, REUSERS, TRUSTED, YARDSTICKS
from learndock.experiment.losses import WORDS
from learndock.experiment.report import Report

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

LEGEND = """Mean ± sd over seeds; less is better. [red]Red[/]: a loss, worse than the own model with
the same labels. *: the reuser most often trusted. Which one to trust was
decided without a held-out row: below 40 labels the job selector, by rule;
above, whichever does best in cross validation on the labels."""


def show(report: Report, console: Console) -> None:
    """Print the table, for which numbers of labels the trusted reuser wins, and notes."""
    tasks = f", {len(report.tasks)} tasks" if len(report.tasks) > 1 else ""
    console.print(f"{report.name}: {WORDS[report.metric]}, by labelled rows{tasks}", style="bold", markup=False)
    for counts in _pieces(report, console.width):
        console.print(_table(report, counts))
    console.print(_verdict(report))
    for note in report.notes:
        console.print(note, highlight=False, markup=False)


def _pieces(report: Report, width: int) -> list[Sequence[int]]:
    """The numbers of labels in as many tables as it takes for none to be wider than the terminal."""
    name = max(len(method) for method in report.methods) + 3
    cell = max(len(report.cell(method, count)) for method in report.methods for count in report.counts) + 3
    each = max(1, (width - name) // cell)
    tables = -(-len(report.counts) // each)
    each = -(-len(report.counts) // tables)
    return [report.counts[start : start + each] for start in range(0, len(report.counts), each)]


def _table(report: Report, counts: Sequence[int]) -> Table:
    from rich import box  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("", no_wrap=True)
    for count in counts:
        table.add_column(str(count), justify="right", no_wrap=True)
    last_of_part = (OWN, REUSERS[-1], TRUSTED)
    for method in report.methods:
        cells = [_cell(report, method, count) for count in counts]
        table.add_row(method, *cells, end_section=method in last_of_part and method != YARDSTICKS[-1])
    return table


def _cell(report: Report, method: str, count: int) -> Text:
    from rich.text import Text  # noqa: PLC0415

    words = report.cell(method, count)
    if not words:
        return Text("- ", style="dim")
    worse = method != OWN and report.mean(method, count) > report.mean(OWN, count)
    star = "*" if method == report.most_trusted(count) else " "
    return Text(f"{words}{star}", style="red" if worse else "")


def _verdict(report: Report) -> Text:
    from rich.text import Text  # noqa: PLC0415

    words = Text("The trusted reuser against the own model:")
    for count in report.labels:
        wins = report.mean(TRUSTED, count) < report.mean(OWN, count)
        words.append(f"  {'wins' if wins else 'loses'} at {count}", style="green" if wins else "red")
    return words
