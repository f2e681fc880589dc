"""Pictures of reports: losses by number of labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from learndock.errors import FailedPrecondition
from learndock.experiment.compare import OWN, REUSERS, TRUSTED, YARDSTICKS
from learndock.experiment.losses import WORDS
from learndock.experiment.report import Report

COLOURS = dict(
    zip(
        (OWN, *REUSERS),
        ("#444444", "#e69f00", "#8c6d1f", "#56b4e9", "#009e73", "#cc79a7", "#0072b2"),
        strict=True,
    )
)


def draw(reports: Sequence[Report], path: Path) -> Path:
    """Save one panel a report at `path`, in the format that its suffix says; return the path.

    Bands are the spread over seeds, thin lines the yardsticks. What is worse than the own model with the fewest labels
    is cut off. FailedPrecondition EXTRA_MISSING without matplotlib.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ImportError as error:
        raise FailedPrecondition(
            "Pictures need matplotlib.", reason="EXTRA_MISSING", hint="Install it: pip install 'learndock[plot]'."
        ) from error
    figure = Figure(figsize=(6.8 * len(reports), 5))
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(reports), squeeze=False)[0]
    for panel, report in zip(panels, reports, strict=True):
        _panel(panel, report)
    handles: dict[str, Any] = {}
    for panel in panels:
        handles |= {label: handle for handle, label in zip(*panel.get_legend_handles_labels(), strict=True)}
    figure.legend(list(handles.values()), list(handles), loc="lower center", ncols=4, frameon=False, fontsize=9)
    figure.tight_layout(rect=(0, 0.16, 1, 1))
    figure.savefig(path, dpi=110)
    return path


def _panel(panel: Any, report: Report) -> None:
    for method, colour in COLOURS.items():
        _line(panel, report, method, colour)
    for method, dash in zip(YARDSTICKS, (":", "-.", "--"), strict=True):
        if report.losses(method, 0):
            panel.axhline(report.mean(method, 0), linestyle=dash, color="#999999", linewidth=1, label=method)
    places = [place for place, n in enumerate(report.counts) if report.losses(TRUSTED, n)]
    means = [report.mean(TRUSTED, report.counts[place]) for place in places]
    panel.scatter(places, means, s=110, facecolors="none", edgecolors="black", zorder=5, label=TRUSTED)
    panel.set(title=report.name, xlabel="labelled rows", ylabel=WORDS[report.metric])
    panel.set_xticks(range(len(report.counts)), [str(n) for n in report.counts])
    panel.set_ylim(*_limits(report))
    panel.grid(alpha=0.3)


def _line(panel: Any, report: Report, method: str, colour: str) -> None:
    places = [place for place, n in enumerate(report.counts) if report.losses(method, n)]
    means = np.array([report.mean(method, report.counts[place]) for place in places])
    spread = np.array([report.spread(method, report.counts[place]) for place in places])
    dash = "--" if method == OWN else "-"
    panel.plot(places, means, dash, color=colour, marker="o", markersize=4, linewidth=1.5, label=method)
    panel.fill_between(places, means - spread, means + spread, color=colour, alpha=0.12)


def _limits(report: Report) -> tuple[float, float]:
    """From 0 or, where all losses are alike, from below the least; up to the own model at its worst."""
    means = [report.mean(method, n) for method in COLOURS for n in report.counts if report.losses(method, n)]
    low = min(means)
    high = max(report.mean(OWN, report.labels[0]), report.mean(REUSERS[0], 0))
    return (0.0 if low < high / 2 else low - 0.1 * (high - low)), high + 0.08 * (high - low)
