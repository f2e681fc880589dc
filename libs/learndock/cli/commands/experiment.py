"""`dock experiment`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from learndock.cli.command import Command
from learndock.cli.options import ANY_PATH, prints_json
from learndock.cli.screen import answers, counting, print_json, say

if TYPE_CHECKING:
    from learndock.experiment import Report, Scenario

LABELS = "10,50,100,200,500,1000,2000,5000"


@click.command("experiment", cls=Command)
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--target", required=True, help="Column that is predicted.")
@click.option("--drop", multiple=True, metavar="COLUMN", help="Column to leave out; again for more.")
@click.option("--divide", default="", metavar="COLUMN", help="Column of numbers: one owner for each of its values.")
@click.option("--held-out", default="", metavar="COLUMN", help="Column that is 1 for rows to measure with, else 0.")
@click.option("--split", type=click.Choice(["random", "order"]), default="random", show_default=True,
              help="Hold out rows drawn at random, or the last of each table.")  # fmt: skip
@click.option("--test", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.25, show_default=True,
              help="Share of rows to hold out.")  # fmt: skip
@click.option("--task", type=click.Choice(["classification", "regression"]),
              help="Kind of task.  [default: by the target, numbers are for regression]")  # fmt: skip
@click.option("--metric", type=click.Choice(["error", "rmse", "mae"]), help="Loss.  [default: error or rmse]")
@click.option("--labels", default=LABELS, show_default=True, metavar="N,N,…", help="Numbers of labelled rows.")
@click.option("--seeds", type=click.IntRange(1), default=5, show_default=True, help="How many seeds to average over.")
@click.option("--out", "-o", type=ANY_PATH, help="Write the report too: .md or .json.")
@click.option("--plot", type=ANY_PATH, help="Draw the losses: .png, .svg or .pdf.")
@prints_json
def experiment_command(
    folder: Path,
    target: str,
    drop: tuple[str, ...],
    divide: str,
    held_out: str,
    split: str,
    test: float,
    task: str | None,
    metric: str | None,
    labels: str,
    seeds: int,
    out: Path | None,
    plot: Path | None,
    as_json: bool,
) -> None:
    """Measure on your own tables what sharing models is worth. No dock is needed.

    FOLDER holds a table <owner>.csv for each owner, all with the same columns. Each owner in turn has the task: the
    others train models on their rows, the task's rows are searched with, and what is found is reused and compared, on
    rows held out, with the model that 10, 50, … labels of one's own would give.

    Example:
      dock experiment stores --target sales --split order --plot stores.png

    """
    _check_suffix(out, (".md", ".json"), "--out")
    _check_suffix(plot, (".png", ".svg", ".pdf"), "--plot")
    from learndock.experiment import leave_one_out, read_folder  # noqa: PLC0415

    tables = read_folder(folder, target, drop=drop, divide=divide, held_out=held_out)
    scenario = leave_one_out(
        tables,
        name=folder.resolve().name,
        kind=task,  # type: ignore[arg-type]
        split=split,  # type: ignore[arg-type]
        test=test,
        metric=metric or "",
        labels=_numbers(labels),
        seeds=tuple(range(seeds)),
    )
    report = _run(scenario)
    if plot is not None:
        report.plot(plot)
    if out is not None:
        out.write_text(_written(report, out), encoding="utf-8")
    if as_json:
        print_json(report.to_json())
    else:
        from learndock.experiment.console import LEGEND, show  # noqa: PLC0415

        show(report, answers())
        answers().print(LEGEND)
    for path in (out, plot):
        if path is not None:
            say(f"Wrote {path}.")


def _run(scenario: Scenario) -> Report:
    from learndock.experiment import run  # noqa: PLC0415

    with counting(f"experiment {scenario.name}") as report:
        return run(scenario, progress=lambda done, total, _: report(done, total))


def _written(report: Report, out: Path) -> str:
    import json  # noqa: PLC0415

    return report.to_markdown() if out.suffix == ".md" else json.dumps(report.to_json(), indent=1) + "\n"


def _numbers(labels: str) -> tuple[int, ...]:
    try:
        return tuple(int(each) for each in labels.split(","))
    except ValueError as error:
        raise click.BadParameter(f"{labels!r} is not like 10,50,200", param_hint="--labels") from error


def _check_suffix(path: Path | None, suffixes: tuple[str, ...], option: str) -> None:
    """Before anything long is begun."""
    if path is None:
        return
    if path.suffix not in suffixes:
        raise click.BadParameter(f"{path} ends in none of {', '.join(suffixes)}", param_hint=option)
    if not path.resolve().parent.is_dir():
        raise click.BadParameter(f"{path}: there is no such folder", param_hint=option)
