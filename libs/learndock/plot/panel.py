"""What a map shows: panels, one an island, each with its learnwares, the task and the mixture. Nothing is drawn yet."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Spot:
    """One learnware on a map: where it lies (in MMD), what it is called, what it is coloured by."""

    key: str
    name: str
    group: str
    x: float
    y: float
    weight: float = 0.0
    """Its share of the mixture."""


@dataclass(frozen=True)
class Panel:
    """One island. `task` and `blend`, the mixture's own embedding, are (x, y) or None; `stress` is 0..1.

    `measure` is what distances are: "MMD", or "distance" where they are another's.
    """

    title: str
    spots: tuple[Spot, ...]
    stress: float
    task: tuple[float, float] | None = None
    blend: tuple[float, float] | None = None
    measure: str = "MMD"


@dataclass(frozen=True)
class DockMap:
    """A dock as a picture: `panels`, what the colours mean, and sentences worth reading (`notes`).

    In a notebook it shows itself; `save` writes it. Drawing needs the extra `plot`, looking at `panels` does not.
    """

    panels: tuple[Panel, ...]
    colour_by: str = ""
    notes: tuple[str, ...] = field(default=())

    @property
    def stress(self) -> float:
        """That of the panel which distorts most; 0 where nothing is drawn."""
        return max((panel.stress for panel in self.panels), default=0.0)

    def figure(self) -> Figure:
        """The drawing, a matplotlib figure that no window holds. FailedPrecondition EXTRA_MISSING."""
        from learndock.plot.draw import draw_map  # noqa: PLC0415 - drawing is the extra

        return draw_map(self)

    def save(self, path: str | Path) -> Path:
        """Write it as .png, .svg or .pdf. InvalidInput PICTURE_FORMAT_UNKNOWN; FailedPrecondition EXTRA_MISSING."""
        from learndock.plot.style import check_target, save  # noqa: PLC0415

        check_target(path)
        return save(self.figure(), path)

    def to_json(self) -> dict[str, Any]:
        """What is drawn, as numbers and names."""
        return {
            "colour_by": self.colour_by,
            "stress": self.stress,
            "panels": [_plain(panel) for panel in self.panels],
            "notes": list(self.notes),
        }

    def _repr_png_(self) -> bytes:
        import io  # noqa: PLC0415

        from learndock.plot.style import write  # noqa: PLC0415

        drawn = io.BytesIO()
        write(self.figure(), drawn, "png")
        return drawn.getvalue()

    def __repr__(self) -> str:
        learnwares = sum(len(panel.spots) for panel in self.panels)
        return f"<DockMap of {learnwares} learnwares on {len(self.panels)} islands, stress {self.stress:.2f}>"


def trust(stress: float) -> str:
    """What a stress means for the reader of a map."""
    if stress < 0.1:
        return "distances can be read off."
    if stress < 0.2:
        return "groups are right, single distances only roughly."
    if stress < 0.3:
        return "only the coarse shape is right."
    return "the plane is too small for these; trust the distances of a search."


def _plain(panel: Panel) -> dict[str, Any]:
    spots = [
        {"key": spot.key, "name": spot.name, "group": spot.group, "x": spot.x, "y": spot.y, "weight": spot.weight}
        for spot in panel.spots
    ]
    return {
        "title": panel.title,
        "stress": panel.stress,
        "measure": panel.measure,
        "task": list(panel.task) if panel.task else None,
        "mixture": list(panel.blend) if panel.blend else None,
        "learnwares": spots,
    }
