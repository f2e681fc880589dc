"""dock_map: from specifications, or distances, to panels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from learndock.errors import InvalidInput
from learndock.plot.distances import Progress, distances_of, embedding_products, own_distances, with_blend
from learndock.plot.layout import Layout, lay_out
from learndock.plot.panel import DockMap, Panel, Spot
from learndock.search.island import island_scale
from learndock.specification import Comparable, Specification, TableSpecification

Array = npt.NDArray[np.float64]
Kind = tuple[str, int, float]
DISTANCE = "distance"
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
    learnwares: Mapping[str, Specification] | Sequence[Specification] | Array,
    *,
    names: Mapping[str, str] | Sequence[str] | None = None,
    groups: Mapping[str, str] | Sequence[str] | None = None,
    islands: Mapping[str, str] | Sequence[str] | None = None,
    task: Specification | Array | None = None,
    mixture: Mapping[str, float] | None = None,
    colour_by: str = "",
    on_progress: Progress | None = None,
) -> DockMap:
    """Lay learnwares out so that those near by MMD lie near one another.

    `learnwares` are specifications by key (or in order: then the keys are "0", "1", ...), or their distances (n, n).
    `names`, `groups` (what they are coloured by, said in `colour_by`) and `islands` go by key or in the same order.
    Each island is a panel with a scale of its own; specifications of different type, width or gamma never share one.
    Those that are no table's are laid out by their own `distance`; without one, or alone on its island where there
    are others to show, a learnware is left out and a note says so.
    `task` is drawn on every panel it can be compared with: its specification, or with distances those from it (n,).
    `mixture` gives weights by key. InvalidInput DISTANCES_INVALID, MAP_KEYS.
    """
    keys = _keys(learnwares)
    weights = _checked_mixture(mixture or {}, keys)
    texts = _Texts(*(_by_key(given, keys) for given in (names, groups, islands)))
    if isinstance(learnwares, np.ndarray):
        panels = [_panel_of_distances(learnwares, keys, texts, task, weights)] if keys else []
        return DockMap(tuple(panels), colour_by)
    given = dict(zip(keys, learnwares.values() if isinstance(learnwares, Mapping) else learnwares, strict=True))
    by_key = {key: each for key, each in given.items() if kind_of(each) is not None}
    grouped = _islands(by_key, texts, weights)
    chosen = [each for each in grouped if _tells(by_key[each[1][0]], each[1], task, weights)] or grouped
    panels = []
    for title, members in chosen[:PANELS]:
        panels.append(_panel(title, {key: by_key[key] for key in members}, texts, task, weights, on_progress))
    left = sum(len(members) for _, members in chosen[PANELS:])
    notes = [f"{left} learnwares of {len(chosen) - PANELS} smaller islands are not drawn."] if left else []
    if alone := len(grouped) - len(chosen):
        notes.append(f"Not drawn, for {'it is' if alone == 1 else 'each is'} alone on its island: {alone}.")
    if strange := len(given) - len(by_key):
        notes.append(f"Not drawn, for nothing tells their distances: {strange}.")
    return DockMap(tuple(panels), colour_by, tuple(notes))


def kind_of(specification: Any) -> Kind | None:
    """Type, width and gamma, which learnwares of one panel share; None for what has no distance."""
    if isinstance(specification, TableSpecification):
        return "", specification.dimension, specification.gamma
    return (specification.type, specification.dimension, 0.0) if isinstance(specification, Comparable) else None


def _tells(kin: Specification, members: Sequence[str], task: Any, weights: Mapping[str, float]) -> bool:
    """Whether a panel would show more than one point."""
    return len(members) > 1 or _comparable(task, kin) or members[0] in weights


def _comparable(task: Any, kin: Specification) -> bool:
    return kind_of(task) is not None and kind_of(task) == kind_of(kin)


def _islands(
    by_key: Mapping[str, Specification], texts: _Texts, weights: Mapping[str, float]
) -> list[tuple[str, list[str]]]:
    """Title and keys of each island, those of the mixture first, then the largest."""
    found: defaultdict[tuple[str, Kind], list[str]] = defaultdict(list)
    for key in sorted(by_key):
        kind = kind_of(by_key[key])
        assert kind is not None
        found[texts.islands.get(key, ""), kind].append(key)
    # What all islands have in common is in no title.
    telling = [len(set(values)) > 1 for values in zip(*(kind for _, kind in found), strict=True)]
    titled = [(_title(island, kind, telling), members) for (island, kind), members in found.items()]
    return sorted(titled, key=lambda each: (not any(key in weights for key in each[1]), -len(each[1]), each[0]))


def _title(island: str, kind: Kind, telling: Sequence[bool]) -> str:
    words = (kind[0], "" if island else f"{kind[1]} columns", f"gamma {kind[2]:g}" if kind[2] else "")
    shown = [word for word, tells in zip(words, telling, strict=True) if tells]
    return ", ".join(filter(None, [island, *shown]))


def _panel(
    title: str,
    members: Mapping[str, Specification],
    texts: _Texts,
    task: Any,
    weights: Mapping[str, float],
    on_progress: Progress | None,
) -> Panel:
    keys, specifications = list(members), list(members.values())
    compared = _comparable(task, specifications[0])
    drawn: list[Any] = [*specifications, task] if compared else specifications
    if not isinstance(drawn[0], TableSpecification):
        layout = lay_out(own_distances(drawn, on_progress))
        return _made(title, keys, texts, weights, layout, compared=compared, measure=DISTANCE)
    products = embedding_products(drawn, island_scale(drawn[: len(keys)]), on_progress)
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
    return _made("", keys, texts, weights, lay_out(distances), compared=task is not None, measure=DISTANCE)


def _made(
    title: str,
    keys: Sequence[str],
    texts: _Texts,
    weights: Mapping[str, float],
    layout: Layout,
    *,
    compared: bool,
    blended: bool = False,
    measure: str = "MMD",
) -> Panel:
    points = layout.points
    spots = tuple(texts.spot(key, point, weights.get(key, 0.0)) for key, point in zip(keys, points, strict=False))
    task = _pair(points[len(keys)]) if compared else None
    return Panel(title, spots, layout.stress, task, _pair(points[-1]) if blended else None, measure)


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
