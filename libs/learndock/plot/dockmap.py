"""dock_map: from specifications, or distances, to panels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from learndock.errors import InvalidInput
from learndock.plot.distances import Progress, distances_of, embedding_products, with_blend
from learndock.plot.layout import Layout, lay_out
from learndock.plot.panel import DockMap, Panel, Spot
from learndock.search.island import island_scale
from learndock.specification import TableSpecification

Array = npt.NDArray[np.float64]
PANELS = 6
"""Most islands drawn on one map: the largest, and those of the mixture before them."""


@dataclass(frozen=True)
class _Texts:
    """What is said of each learnware, by key."""

    names: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    islands: Mapping[str, str] = field(default_factory=dict)

    def spot(self, key: str, point: Array, weight: float) -> Spot:
        name = self.names.get(key, "") or key
        return Spot(key, name, self.groups.get(key, ""), float(point[0]), float(point[1]), weight)


def dock_map(
    learnwares: Mapping[str, TableSpecification] | Sequence[TableSpecification] | Array,
    *,
    names: Mapping[str, str] | Sequence[str] | None = None,
    groups: Mapping[str, str] | Sequence[str] | None = None,
    islands: Mapping[str, str] | Sequence[str] | None = None,
    task: TableSpecification | Array | None = None,
    mixture: Mapping[str, float] | None = None,
    colour_by: str = "",
    on_progress: Progress | None = None,
) -> DockMap:
    """Lay learnwares out so that those near by MMD lie near one another.

    `learnwares` are specifications by key (or in order: then the keys are "0", "1", ...), or their distances (n, n).
    `names`, `groups` (what they are coloured by, said in `colour_by`) and `islands` go by key or in the same order.
    Each island is a panel with a scale of its own; specifications of different width or gamma never share one. A
    learnware alone on its island is left out where there are others to show.
    `task` is drawn on every panel it can be compared with: its specification, or with distances those from it (n,).
    `mixture` gives weights by key. InvalidInput DISTANCES_INVALID, MAP_KEYS.
    """
    keys = _keys(learnwares)
    weights = _checked_mixture(mixture or {}, keys)
    texts = _Texts(*(_by_key(given, keys) for given in (names, groups, islands)))
    if isinstance(learnwares, np.ndarray):
        panels = [_panel_of_distances(learnwares, keys, texts, task, weights)] if keys else []
        return DockMap(tuple(panels), colour_by)
    by_key = dict(zip(keys, learnwares.values() if isinstance(learnwares, Mapping) else learnwares, strict=True))
    grouped = _islands(by_key, texts, weights)
    chosen = [each for each in grouped if _tells(by_key[each[1][0]], each[1], task, weights)] or grouped
    panels = []
    for title, members in chosen[:PANELS]:
        panels.append(_panel(title, {key: by_key[key] for key in members}, texts, task, weights, on_progress))
    left = sum(len(members) for _, members in chosen[PANELS:])
    notes = [f"{left} learnwares of {len(chosen) - PANELS} smaller islands are not drawn."] if left else []
    if alone := len(grouped) - len(chosen):
        notes.append(f"Not drawn, for {'it is' if alone == 1 else 'each is'} alone on its island: {alone}.")
    return DockMap(tuple(panels), colour_by, tuple(notes))


def _tells(kin: TableSpecification, members: Sequence[str], task: Any, weights: Mapping[str, float]) -> bool:
    """Whether a panel would show more than one point."""
    return len(members) > 1 or _comparable(task, kin) or members[0] in weights


def _comparable(task: Any, kin: TableSpecification) -> bool:
    return isinstance(task, TableSpecification) and (task.dimension, task.gamma) == (kin.dimension, kin.gamma)


def _islands(
    by_key: Mapping[str, TableSpecification], texts: _Texts, weights: Mapping[str, float]
) -> list[tuple[str, list[str]]]:
    """Title and keys of each island, those of the mixture first, then the largest."""
    found: defaultdict[tuple[str, int, float], list[str]] = defaultdict(list)
    for key in sorted(by_key):
        found[texts.islands.get(key, ""), by_key[key].dimension, by_key[key].gamma].append(key)
    gammas = len({gamma for _, _, gamma in found})
    widths = len({width for _, width, _ in found})
    titled = [
        (_title(*place, with_width=widths > 1, with_gamma=gammas > 1), members) for place, members in found.items()
    ]
    return sorted(titled, key=lambda each: (not any(key in weights for key in each[1]), -len(each[1]), each[0]))


def _title(island: str, width: int, gamma: float, *, with_width: bool, with_gamma: bool) -> str:
    parts = [island] if island else [f"{width} columns"] if with_width else []
    return ", ".join([*parts, *([f"gamma {gamma:g}"] if with_gamma else [])])


def _panel(
    title: str,
    members: Mapping[str, TableSpecification],
    texts: _Texts,
    task: Any,
    weights: Mapping[str, float],
    on_progress: Progress | None,
) -> Panel:
    keys, specifications = list(members), list(members.values())
    compared = _comparable(task, specifications[0])
    drawn = [*specifications, task] if compared else specifications
    products = embedding_products(drawn, island_scale(specifications), on_progress)
    shares = np.array([weights.get(key, 0.0) for key in keys] + [0.0] * compared)
    blended = int(np.count_nonzero(shares)) > 1
    if blended:
        products = with_blend(products, shares / shares.sum())
    return _made(title, keys, texts, weights, lay_out(distances_of(products)), compared=compared, blended=blended)


def _panel_of_distances(
    distances: Array, keys: Sequence[str], texts: _Texts, task: Any, weights: Mapping[str, float]
) -> Panel:
    if task is not None:
        column = np.asarray(task, dtype=np.float64)
        if column.shape != (len(keys),):
            raise InvalidInput(
                f"With distances, a task is its {len(keys)} distances from the learnwares.",
                reason="DISTANCES_INVALID",
                hint="Give the specifications to have them computed.",
            )
        distances = np.block([[distances, column[:, None]], [column[None, :], np.zeros((1, 1))]])
    return _made("", keys, texts, weights, lay_out(distances), compared=task is not None, blended=False)


def _made(
    title: str,
    keys: Sequence[str],
    texts: _Texts,
    weights: Mapping[str, float],
    layout: Layout,
    *,
    compared: bool,
    blended: bool,
) -> Panel:
    points = layout.points
    spots = tuple(texts.spot(key, point, weights.get(key, 0.0)) for key, point in zip(keys, points, strict=False))
    task = _pair(points[len(keys)]) if compared else None
    return Panel(title, spots, layout.stress, task, _pair(points[-1]) if blended else None)


def _pair(point: Array) -> tuple[float, float]:
    return float(point[0]), float(point[1])


def _keys(learnwares: Any) -> list[str]:
    if isinstance(learnwares, Mapping):
        return list(learnwares)
    return [str(place) for place in range(len(learnwares))]


def _by_key(given: Mapping[str, str] | Sequence[str] | None, keys: Sequence[str]) -> Mapping[str, str]:
    if given is None:
        return {}
    if isinstance(given, Mapping):
        return given
    if len(given) != len(keys):
        raise _keys_wrong(f"{len(given)} names or groups were given for {len(keys)} learnwares.")
    return dict(zip(keys, given, strict=True))


def _checked_mixture(mixture: Mapping[str, float], keys: Iterable[Hashable]) -> dict[str, float]:
    unknown = sorted(set(mixture) - set(keys))
    if unknown:
        raise _keys_wrong(f"{unknown[0]} is in the mixture, but not among the learnwares.")
    return {key: float(weight) for key, weight in mixture.items() if weight > 0}


def _keys_wrong(message: str) -> InvalidInput:
    return InvalidInput(message, reason="MAP_KEYS", hint="Use the keys of the learnwares, or as many values as those.")
