"""Names beside points, as many as can be read: none on top of another, of a point or of a line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from learndock.plot.style import INK, literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = npt.NDArray[np.float64]

SIZE = 7.5
"""Of the letters, in points."""
MOST = 40
"""Names on one panel: more would be read by nobody."""
_WIDE, _NARROW = frozenset("mMwW%@…—"), frozenset("iljtfrI.,:;'|!()[] ")
_SIDES = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1))
_ALIGN = {-1: "right", 0: "center", 1: "left"}
_STAND = {-1: "top", 0: "center", 1: "bottom"}


@dataclass(frozen=True)
class Wish:
    """A name that would like to stand beside a point (x, y in the axes' data); the most important come first."""

    text: str
    x: float
    y: float
    strong: bool = False


def place_labels(axes: Axes, wishes: Sequence[Wish], points: Array, lines: Sequence[Array], radius: float) -> int:
    """Write the names that find room; how many did. The figure's layout must be final.

    `points` (n, 2) carry markers of `radius` (in points of 1/72 inch), `lines` are ends (2, 2), all in data.
    """
    pixel = float(axes.figure.dpi) / 72.0
    taken = _obstacles(axes, points, lines, radius * pixel)
    names = np.empty((0, 4))
    for wish in wishes:
        if len(names) >= MOST:
            break
        found = _room(axes, wish, np.vstack([taken, names]), names, radius + 2.0)
        if found is not None:
            _write(axes, wish, found)
            names = np.vstack([names, found.box])
    return len(names)


@dataclass(frozen=True)
class _Place:
    """Where a name stands: the offset from its point (in points), its sides, and its box in pixels."""

    offset: tuple[float, float]
    sides: tuple[int, int]
    box: Array


def _room(axes: Axes, wish: Wish, taken: Array, names: Array, gap: float) -> _Place | None:
    """The first free place. An important name goes further away, and at last over points, though over no name."""
    rings = (1.0, 2.5, 4.0) if wish.strong else (1.0,)
    for others in (taken, names) if wish.strong else (taken,):
        for ring in rings:
            for sides in _SIDES:
                place = _place(axes, wish, sides, gap * ring)
                if _inside(place.box, axes) and not _meets(place.box, others):
                    return place
    return None


def _place(axes: Axes, wish: Wish, sides: tuple[int, int], gap: float) -> _Place:
    pixel = float(axes.figure.dpi) / 72.0
    across, up = sides
    offset = (across * gap, up * gap * (0.8 if across else 1.0))
    x, y = axes.transData.transform((wish.x, wish.y)) + np.array(offset) * pixel
    width, height = _extent(wish, pixel)
    left, low = x - width * (1 - across) / 2, y - height * (1 - up) / 2
    return _Place(offset, sides, np.array([left, low, left + width, low + height]))


def _inside(box: Array, axes: Axes) -> bool:
    frame = axes.get_window_extent()
    return bool(frame.x0 <= box[0] and box[2] <= frame.x1 and frame.y0 <= box[1] and box[3] <= frame.y1)


def _write(axes: Axes, wish: Wish, place: _Place) -> None:
    from matplotlib.patheffects import withStroke  # noqa: PLC0415 - the extra

    across, up = place.sides
    text = axes.annotate(
        wish.text,
        (wish.x, wish.y),
        xytext=place.offset,
        textcoords="offset points",
        ha=_ALIGN[across],
        va=_STAND[up],
        fontsize=SIZE,
        color=INK,
        fontweight="bold" if wish.strong else "normal",
        path_effects=[withStroke(linewidth=2.0, foreground="white")],
        zorder=6,
    )
    literal(text).set_in_layout(False)


def _extent(wish: Wish, pixel: float) -> tuple[float, float]:
    bold = 1.12 if wish.strong else 1.0
    return bold * sum(map(_em, wish.text)) * SIZE * pixel, 1.25 * SIZE * pixel


def _em(char: str) -> float:
    """How wide a letter is at most, roughly, as a part of its size: measuring it would load fonts."""
    if char in _WIDE or ord(char) > 0x2E7F:
        return 1.0
    if char in _NARROW:
        return 0.41
    return 0.77 if char.isupper() else 0.64


def _obstacles(axes: Axes, points: Array, lines: Sequence[Array], radius: float) -> Array:
    ends = [np.linspace(line[0], line[1], 60) for line in lines]
    spots = axes.transData.transform(points)
    boxes = [np.hstack([spots - radius, spots + radius])]
    if ends:
        along = axes.transData.transform(np.concatenate(ends))
        boxes.append(np.hstack([along - 1.5, along + 1.5]))
    return np.concatenate(boxes)


def _meets(box: Array, others: Array) -> bool:
    apart = (others[:, 2] <= box[0]) | (others[:, 0] >= box[2]) | (others[:, 3] <= box[1]) | (others[:, 1] >= box[3])
    return bool((~apart).any())
