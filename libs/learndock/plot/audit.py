"""The picture of an audit: how near rows lie to the points, for how many each point stands, what an attack finds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from learndock.plot.style import FAINT, INK, OTHER, PALETTE, new_figure
from learndock.specification.privacy import SUPPORT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from learndock.specification import Audit

_BLUE, _ORANGE, _GREEN, _, _, _RED, _ = PALETTE
_COLOURS = {"ok": _GREEN, "warn": _ORANGE, "refuse": _RED}
_MARKS = {"ok": "may be published", "warn": "look again before publishing", "refuse": "not to be published"}


def audit_picture(audit: Audit) -> Figure:
    """Draw an audit: three panels, a figure of 11 by 3.9 inches. FailedPrecondition EXTRA_MISSING."""
    figure, (left, middle, right) = new_figure(11, 3.9, columns=3)
    figure.suptitle(
        f"{audit.points} points for {audit.rows:,} rows: {_MARKS[audit.verdict]}",
        fontsize=11,
        color=_COLOURS[audit.verdict] if audit.verdict == "refuse" else INK,
    )
    _distances(left, audit)
    _support(middle, audit)
    _membership(right, audit)
    for axes in (left, middle, right):
        axes.xaxis.label.set_fontsize(8)
        axes.yaxis.label.set_fontsize(8)
    return figure


def _distances(axes: Axes, audit: Audit) -> None:
    """Distances from points to rows beside those among rows, in the rows' own spacing."""
    axes.set_title("Nearest row", fontsize=9, color=INK)
    if audit.spacing <= 0:
        axes.text(0.5, 0.5, "all rows are equal", ha="center", transform=axes.transAxes, fontsize=8, color=OTHER)
        return
    points, rows = audit.nearest / audit.spacing, audit.rows_apart / audit.spacing
    # Below this all is on a row; the axis is by powers of ten.
    low = 0.003
    high = max(10.0, float(points.max()), float(rows.max())) * 1.2
    edges = np.geomspace(low, high, 34)
    for values, colour, name in ((rows, OTHER, "from rows"), (points, _BLUE, "from points")):
        share = np.full(len(values), 1.0 / len(values))
        axes.hist(np.maximum(values, low * 1.01), edges.tolist(), weights=share, color=colour, alpha=0.65, label=name)
    axes.set_xscale("log")
    axes.set_xticks([low, 0.01, 0.05, 0.2, 1, 5], ["on a row", "1 %", "5 %", "20 %", "100 %", "500 %"])
    axes.minorticks_off()
    axes.set_xlim(low * 0.8, high)
    ticks = [each for each in axes.get_yticks() if each <= axes.get_ylim()[1]]
    axes.set_ylim(0, axes.get_ylim()[1] * 1.35)
    axes.set_yticks(ticks)
    axes.axvline(0.05, color=_RED, linewidth=1.2, linestyle="--", label="least allowed")
    axes.set_xlabel("distance to the nearest other row, of the median among rows")
    axes.set_ylabel("share of rows, of points")
    axes.legend(fontsize=7, frameon=False, loc="upper left")


def _support(axes: Axes, audit: Audit) -> None:
    """Rows that stand around each point, and rows its weight is worth, fewest first."""
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415 - the extra; the figure is there already

    axes.set_title("Rows behind each point", fontsize=9, color=INK)
    place = np.arange(1, audit.points + 1)
    axes.plot(place, np.sort(audit.support), "o-", color=_BLUE, markersize=3, linewidth=1, label="around it")
    weight = np.maximum(np.sort(audit.weight), 0.1)
    axes.plot(place, weight, "s-", color=_ORANGE, markersize=3, linewidth=1, label="by its weight")
    axes.axhline(SUPPORT, color=_RED, linewidth=1.2, linestyle="--", label="least allowed")
    axes.set_yscale("log")
    axes.set_ylim(min(1.0, float(weight.min())) * 0.8, max(float(audit.support.max()), float(weight.max()), 10.0) * 3)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set_xlabel("points, those with fewest rows first")
    axes.set_ylabel("rows")
    axes.legend(fontsize=7, frameon=False, loc="upper left", ncols=1)


def _membership(axes: Axes, audit: Audit) -> None:
    """The receiver operating characteristic of the attack."""
    axes.set_title("Can it be told who was in?", fontsize=9, color=INK)
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1)
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    axes.set_xlabel("share of rows wrongly taken for used")
    axes.set_ylabel("share of used rows found")
    attack = audit.attack
    if attack is None:
        axes.text(0.5, 0.5, "not attacked: too few rows", ha="center", fontsize=8, color=OTHER)
        return
    wrong, right = attack.curve()
    axes.plot(wrong, right, color=_BLUE, linewidth=1.4)
    axes.fill_between(wrong, wrong, right, color=_BLUE, alpha=0.15, linewidth=0)
    where = "held-out rows" if attack.kind == "held-out" else "halves of the rows"
    axes.text(
        0.97,
        0.04,
        f"AUC {attack.auc:.3f}\n({attack.low:.3f} to {attack.high:.3f})\non {where}",
        ha="right",
        fontsize=8,
        color=INK,
    )
