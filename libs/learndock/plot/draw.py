"""Draws a map: points, the task as a star, its mixture as lines as thick as the weights."""

from __future__ import annotations

import math
import textwrap
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from learndock.plot.labels import Wish, place_labels
from learndock.plot.panel import DockMap, Panel, Spot, trust
from learndock.plot.style import (
    FAINT,
    INK,
    MARKERS,
    OTHER,
    PALETTE,
    lettering,
    literal,
    need_matplotlib,
    new_figure,
    printable,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = npt.NDArray[np.float64]
CAPTION = 6
"""Most lines above a map."""
UNSAID, REST = "not said", "other"


@dataclass(frozen=True)
class Look:
    """Colour and shape of a group."""

    colour: str
    marker: str


def draw_map(found: DockMap) -> Figure:
    """The figure of a map. FailedPrecondition EXTRA_MISSING."""
    need_matplotlib()
    with lettering():
        return _draw(found)


def _draw(found: DockMap) -> Figure:
    count = max(1, len(found.panels))
    columns = 1 if count == 1 else 2 if count in (2, 4) else 3
    rows = math.ceil(count / columns)
    width, height = {1: (7.0, 5.6), 2: (9.6, 4.6 * rows + 0.6)}.get(columns, (11.0, 3.7 * rows + 0.9))
    figure, axes = new_figure(width, height, rows=rows, columns=columns)
    looks = looks_of(found)
    for place in axes[len(found.panels) :]:
        place.set_axis_off()
    for place, panel in zip(axes, found.panels, strict=False):
        _draw_panel(place, panel, looks)
    _explain(figure, found, looks)
    # Limits need the final shape of the panels, and names the final places of everything else.
    figure.draw_without_rendering()
    for place, panel in zip(axes, found.panels, strict=False):
        _set_limits(place, panel)
        _draw_bar(place, panel.measure)
        _name(place, panel)
    return figure


def looks_of(found: DockMap) -> Mapping[str, Look]:
    """A look for each group, the most frequent first; where there are more than colours, the rest share one."""
    counts = Counter(_group(spot, found) for panel in found.panels for spot in panel.spots)
    unsaid = counts.pop(UNSAID, 0)
    order = sorted(counts, key=lambda group: (-counts[group], group))
    own = len(order) if len(order) <= len(PALETTE) else len(PALETTE) - 1
    pairs = zip(PALETTE, MARKERS, strict=True)
    looks = {group: Look(*look) for group, look in zip(order[:own], pairs, strict=False)}
    looks.update(dict.fromkeys(order[own:], Look(OTHER, "h")))
    if unsaid:
        looks[UNSAID] = Look(OTHER, "h") if counts else Look(PALETTE[0], MARKERS[0])
    return looks


def _group(spot: Spot, found: DockMap) -> str:
    return (spot.group if found.colour_by else "") or UNSAID


def _radius(panel: Panel) -> float:
    """Of a marker, in points: 400 learnwares need smaller ones than 3."""
    return float(np.clip(5.2 - 1.2 * math.log10(max(1, len(panel.spots))), 2.0, 5.2))


def _draw_panel(axes: Axes, panel: Panel, looks: Mapping[str, Look]) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(True)
        spine.set_color(FAINT)
    said = f"{len(panel.spots)} learnware{'s' if len(panel.spots) != 1 else ''}, stress {panel.stress:.2f}"
    title = printable(panel.title, 60)
    literal(axes.set_title(f"{title}\n{said}" if title else said, fontsize=9, color=INK, loc="left"))
    if panel.task is not None:
        _draw_mixture(axes, panel, panel.task)
    area = (2 * _radius(panel)) ** 2
    for look in dict.fromkeys(looks.values()):
        chosen = [spot for spot in panel.spots if looks.get(spot.group, looks.get(UNSAID)) == look]
        quiet = [spot for spot in chosen if not spot.weight]
        _scatter(axes, quiet, look, area, edge="white", width=0.12 * _radius(panel), zorder=3)
        _scatter(axes, [spot for spot in chosen if spot.weight], look, 1.5 * area, edge=INK, width=1.2, zorder=4)
    if panel.blend is not None:
        axes.scatter(*panel.blend, s=60, marker="X", color="white", edgecolors=INK, linewidths=1.1, zorder=5)
    if panel.task is not None:
        axes.scatter(*panel.task, s=190, marker="*", color=INK, edgecolors="white", linewidths=0.8, zorder=5)


def _scatter(axes: Axes, spots: list[Spot], look: Look, area: float, *, edge: str, width: float, zorder: int) -> None:
    if spots:
        axes.scatter(
            [spot.x for spot in spots],
            [spot.y for spot in spots],
            s=area,
            marker=look.marker,
            color=look.colour,
            edgecolors=edge,
            linewidths=width,
            alpha=0.9,
            zorder=zorder,
        )


def _draw_mixture(axes: Axes, panel: Panel, task: tuple[float, float]) -> None:
    for spot in panel.spots:
        if spot.weight:
            width = 0.6 + 5.0 * spot.weight
            axes.plot([task[0], spot.x], [task[1], spot.y], color=INK, alpha=0.45, linewidth=width, zorder=2)


def _set_limits(axes: Axes, panel: Panel) -> None:
    """Everything inside, with room for names, and one MMD as long across as up."""
    points, frame = _marked(panel), axes.get_window_extent()
    low, high = points.min(axis=0), points.max(axis=0)
    shape = np.array([frame.width, frame.height])
    per_pixel = float(((high - low) / shape).max()) * 1.3 or 1.0 / shape[0]
    half = per_pixel * shape / 2
    middle = (low + high) / 2
    axes.set_xlim(middle[0] - half[0], middle[0] + half[0])
    axes.set_ylim(middle[1] - half[1], middle[1] + half[1])


def _marked(panel: Panel) -> Array:
    points = [(spot.x, spot.y) for spot in panel.spots]
    return np.array([*points, *(point for point in (panel.task, panel.blend) if point is not None)])


def _draw_bar(axes: Axes, measure: str) -> None:
    """How long a round number of MMD is: above the frame, on the right."""
    low, high = axes.get_xlim()
    raw = 0.2 * (high - low)
    power = 10.0 ** math.floor(math.log10(raw))
    length = next(step * power for step in (5, 2, 1) if step * power <= raw)
    share = length / (high - low)
    axes.plot([1 - share, 1], [1.015, 1.015], transform=axes.transAxes, color=INK, linewidth=1.4, clip_on=False)
    said = axes.text(
        1 - share / 2, 1.025, f"{length:g} {measure}", transform=axes.transAxes, ha="center", va="bottom", fontsize=7
    )
    said.set_in_layout(False)


def _name(axes: Axes, panel: Panel) -> None:
    members = sorted((spot for spot in panel.spots if spot.weight), key=lambda spot: -spot.weight)
    others = [spot for spot in panel.spots if not spot.weight]
    points = _marked(panel)
    wishes = [Wish(f"{printable(spot.name, 24)}, {spot.weight:.0%}", spot.x, spot.y, strong=True) for spot in members]
    wishes += [
        Wish(printable(spot.name, 24), spot.x, spot.y) for spot in sorted(others, key=lambda spot: _crowd(spot, points))
    ]
    task = panel.task
    lines = [np.array([task, (spot.x, spot.y)]) for spot in members] if task is not None else []
    place_labels(axes, wishes, points, lines, _radius(panel) + 0.5)


def _crowd(spot: Spot, points: Array) -> tuple[float, str]:
    """The lonelier, the sooner it is named: minus the distance of the second nearest, itself being the nearest."""
    gaps = np.sort(np.hypot(points[:, 0] - spot.x, points[:, 1] - spot.y))
    return -float(gaps[min(2, len(gaps) - 1)]), spot.key


def _explain(figure: Figure, found: DockMap, looks: Mapping[str, Look]) -> None:
    entries = _legend_of_groups(found, looks) + _legend_of_task(found)
    if entries:
        legend = figure.legend(
            handles=[handle for handle, _ in entries],
            labels=[label for _, label in entries],
            loc="outside lower center",
            ncols=_columns([label for _, label in entries], figure.get_figwidth()),
            fontsize=8,
            frameon=False,
            title=f"coloured by {found.colour_by}" if found.colour_by else None,
            title_fontsize=8,
            handletextpad=0.4,
            columnspacing=1.4,
        )
        for text in legend.get_texts():
            literal(text)
    caption = _wrapped(_caption(found), figure.get_figwidth())
    literal(figure.suptitle(caption, fontsize=8, color=INK, x=0.006, ha="left"))


def _columns(labels: list[str], width: float) -> int:
    """How many columns a legend of 8-point labels may have on so many inches."""
    for count in range(min(len(labels), 6), 1, -1):
        # The first columns take one more where they cannot all have as many.
        columns = [len(part) for part in np.array_split(np.arange(len(labels)), count)]
        ends = np.cumsum(columns)
        widest = [max(map(len, labels[end - size : end])) for size, end in zip(columns, ends, strict=True)]
        if sum(0.07 * letters + 0.55 for letters in widest) < width:
            return count
    return 1


def _wrapped(lines: list[str], width: float) -> str:
    """Lines that a figure so many inches wide has room for, the first ones where there are very many."""
    shown = [piece for line in lines for piece in textwrap.wrap(printable(line, 1000), int(16.5 * width))]
    return "\n".join(shown if len(shown) <= CAPTION else [*shown[: CAPTION - 1], "…"])


def _caption(found: DockMap) -> list[str]:
    if not found.panels:
        return ["Nothing to draw.", *found.notes]
    said = trust(found.stress)
    most = "" if len(found.panels) == 1 else " at most"
    tables = all(panel.measure == "MMD" for panel in found.panels)
    by = "MMD, on the island's scale" if tables else "distances within each panel"
    return [f"Near is alike: {by}. Stress {found.stress:.2f}{most}: {said}", *found.notes]


def _legend_of_groups(found: DockMap, looks: Mapping[str, Look]) -> list[tuple[Any, str]]:
    if not found.colour_by:
        return []
    entries: dict[str, Any] = {}
    for group, look in looks.items():
        label = printable(group, 30) if look.colour != OTHER or group == UNSAID else REST
        entries.setdefault(label, _mark(look.marker, look.colour))
    return [(mark, label) for label, mark in entries.items()]


def _legend_of_task(found: DockMap) -> list[tuple[Any, str]]:
    from matplotlib.lines import Line2D  # noqa: PLC0415 - the extra

    entries: list[tuple[Any, str]] = []
    if any(panel.task for panel in found.panels):
        entries.append((_mark("*", INK, 11), "the task"))
    if any(panel.task and any(spot.weight for spot in panel.spots) for panel in found.panels):
        entries.append((Line2D([], [], color=INK, alpha=0.45, linewidth=2.5), "share in the mixture"))
    if any(panel.blend for panel in found.panels):
        mark = Line2D([], [], linestyle="", marker="X", markersize=7, markerfacecolor="white", markeredgecolor=INK)
        entries.append((mark, "the mixture"))
    return entries


def _mark(marker: str, colour: str, size: float = 6.5) -> Any:
    from matplotlib.lines import Line2D  # noqa: PLC0415

    return Line2D([], [], linestyle="", marker=marker, markersize=size, color=colour, markeredgecolor="white")
