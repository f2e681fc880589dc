"""What the demo found and measured, as tables of 80 columns and as a plot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from comparison import METHODS, OWN, Measured
from scenario import LABELS

TRUSTED = "the trusted reuser"
LOSS = {"classification": "share of wrong labels", "regression": "root mean squared error"}
LEGEND = """Mean ± sd over seeds; less is better. [red]Red[/]: a loss, worse than the owner's own
model with the same labels. *: the reuser most often trusted. Which one to
trust was decided without a test row: below 40 labels the job selector, by rule;
above, whichever does best in cross validation on the owner's own labels."""
COLOURS = ("#444444", "#e69f00", "#56b4e9", "#009e73", "#cc79a7", "#0072b2")


@dataclass(frozen=True)
class Discovery:
    """What one search came up with, judged by who was trained on (part of) the task's distribution.

    `compared` is how many learnwares were candidates, `unfit` how many of the hits were trained on something else;
    `single_fits` is about the best hit, `mixture_fits` about each member of the mixture, with `mixture_weights` where
    known.
    """

    task: str
    seed: int
    compared: int
    unfit: int
    single_fits: bool
    mixture_fits: tuple[bool, ...]
    mixture_weights: tuple[float, ...] = ()


def show(measured: Sequence[Measured], discoveries: Sequence[Discovery], console: Console) -> None:
    """Print one table per task, with what was found below it."""
    for task in _tasks(measured):
        own = [each for each in measured if each.task == task]
        console.print(_table(own))
        console.print(_verdict(own))
        console.print(_found([each for each in discoveries if each.task == task]), highlight=False)
        console.print()
    console.print(LEGEND, highlight=False)


def save_plot(measured: Sequence[Measured], path: Path) -> Path:
    """Save the losses by number of labels as PNG at `path`, one panel per task; return the path."""
    import matplotlib as mpl  # noqa: PLC0415

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    named = _tasks(measured)
    figure, panels = plt.subplots(1, len(named), figsize=(6 * len(named), 4.8), squeeze=False)
    for panel, task in zip(panels[0], named, strict=True):
        own = [each for each in measured if each.task == task]
        for method, colour in zip(METHODS, COLOURS, strict=True):
            _draw(panel, own, method, colour)
        _draw_trusted(panel, own)
        panel.set(title=task, xlabel="labelled rows", ylabel=LOSS[own[0].kind], ylim=(0, None))
        panel.set_xticks(range(len(LABELS)), [str(count) for count in LABELS])
        panel.grid(alpha=0.3)
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=4, frameon=False)
    figure.tight_layout(rect=(0, 0.12, 1, 1))
    figure.savefig(path, dpi=120)
    plt.close(figure)
    return path


def _tasks(measured: Sequence[Measured]) -> list[str]:
    return list(dict.fromkeys(each.task for each in measured))


def _table(measured: Sequence[Measured]) -> Table:
    title = f"{measured[0].task}: {LOSS[measured[0].kind]}, by labelled rows"
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("", no_wrap=True)
    for count in LABELS:
        table.add_column(str(count), justify="right", no_wrap=True)
    for method in METHODS:
        table.add_row(method, *(_cell(measured, method, count) for count in LABELS), end_section=method == OWN)
    table.add_section()
    table.add_row(TRUSTED, *(_cell(measured, TRUSTED, count) for count in LABELS))
    return table


def _cell(measured: Sequence[Measured], method: str, count: int) -> Text:
    losses = _losses(measured, method, count)
    if not losses:
        return Text("-  ", style="dim")
    rivals = _losses(measured, OWN, count)
    worse = method != OWN and bool(rivals) and np.mean(losses) > np.mean(rivals)
    star = "*" if method == _favourite(measured, count) else " "
    return Text(f"{np.mean(losses):.3f}±{np.std(losses):.3f}{star}", style="red" if worse else "")


def _losses(measured: Sequence[Measured], method: str, count: int) -> list[float]:
    return [
        each.loss
        for each in measured
        if each.n_labels == count and (each.trusted if method == TRUSTED else each.method == method)
    ]


def _favourite(measured: Sequence[Measured], count: int) -> str:
    names = [each.method for each in measured if each.n_labels == count and each.trusted]
    return max(METHODS, key=names.count) if names else ""


def _verdict(measured: Sequence[Measured]) -> Text:
    """Whether the trusted reuser beat the owner's own model, in words, for every number of labels."""
    words = Text("The trusted reuser against the own model:")
    for count in LABELS:
        own, trusted = (np.mean(_losses(measured, method, count) or [np.inf]) for method in (OWN, TRUSTED))
        if np.isfinite(own):
            wins = bool(trusted < own)
            words.append(f"  {'wins' if wins else 'loses'} at {count}", style="green" if wins else "red")
    return words


def _found(discoveries: Sequence[Discovery]) -> str:
    if not discoveries:
        return "No search was made."
    singles = sum(each.single_fits for each in discoveries)
    fits = [fit for each in discoveries for fit in each.mixture_fits]
    weights = [weight for each in discoveries for weight in each.mixture_weights]
    by_weight = ""
    if len(weights) == len(fits):
        by_weight = f" ({np.average(fits, weights=weights):.0%} of the weight)"
    return (
        f"Trained on the task's distribution ({discoveries[0].compared} candidates of its width and outputs):\n"
        f"best hit {singles} of {len(discoveries)} times, {sum(fits)} of {len(fits)} members of mixtures{by_weight}."
    )


def _draw(panel: object, measured: Sequence[Measured], method: str, colour: str) -> None:
    points = [(place, _losses(measured, method, count)) for place, count in enumerate(LABELS)]
    points = [(place, losses) for place, losses in points if losses]
    means = np.array([np.mean(losses) for _, losses in points])
    spread = np.array([np.std(losses) for _, losses in points])
    places = [place for place, _ in points]
    dash = "--" if method == OWN else "-"
    panel.plot(places, means, dash, color=colour, marker="o", markersize=4, label=method)  # type: ignore[attr-defined]
    panel.fill_between(places, means - spread, means + spread, color=colour, alpha=0.12)  # type: ignore[attr-defined]


def _draw_trusted(panel: object, measured: Sequence[Measured]) -> None:
    means = [np.mean(_losses(measured, TRUSTED, count)) for count in LABELS]
    panel.scatter(  # type: ignore[attr-defined]
        range(len(LABELS)), means, s=130, facecolors="none", edgecolors="black", zorder=5, label="trusted by the rule"
    )
