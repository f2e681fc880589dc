"""Docks of real tables, and tasks of which it is known whether anything in them fits.

A table's rows fall into domains (classes, seasons, views of an image). Some domains have owners, one has none. A task
fits (new rows of an owner's domain), fits by a mixture (two owners' domains, half each), fits in half (the other half
from the domain without owners, or from another table), or does not fit at all.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine

Array = npt.NDArray[np.float64]
Domains = Mapping[str, Array]

FIT = ("fits", "fits, another year or station", "fits by a mixture")
HALF = ("half from the domain without owners", "half from another table")
NOT = ("the domain without owners", "another table", "columns out of order", "noise")
SEASONS = {"winter": (12, 1, 2), "spring": (3, 4, 5), "summer": (6, 7, 8), "autumn": (9, 10, 11)}
COLUMNS = ("PM2.5", "PM10", "SO2", "NO2", "CO", "O3", "TEMP", "PRES", "DEWP", "RAIN", "WSPM", "hour")
LEAST = 25
"""Rows that a specification needs."""


@dataclass
class Scene:
    """Owners' rows by domain, tasks by kind, and the domain that each fitting task is of ("" elsewhere)."""

    table: str
    owners: list[tuple[str, Array]] = field(default_factory=list)
    tasks: list[tuple[str, str, Array]] = field(default_factory=list)


def shipped() -> dict[str, Domains]:
    """The tables that scikit-learn ships, by domain."""
    found: dict[str, Domains] = {}
    loaders: dict[str, Any] = {"breast cancer": load_breast_cancer, "wine": load_wine, "iris": load_iris}
    for name, load in {**loaders, "digits": load_digits}.items():
        data = load()
        found[name] = {str(label): data.data[data.target == label] for label in np.unique(data.target)}
    rows = load_diabetes().data
    sex, old = rows[:, 1] > 0, rows[:, 0] > 0.005
    found["diabetes"] = {f"{s}{o}": rows[(sex == s) & (old == o)] for s in (0, 1) for o in (0, 1)}
    images = load_digits().images
    views = {"upright": images, "turned": np.rot90(images, axes=(1, 2)), "negative": 16 - images}
    views |= {"upside down": images[:, ::-1, ::-1], "mirrored": images[:, :, ::-1]}
    found["views of digits"] = {name: view.reshape(-1, 64).astype(np.float64) for name, view in views.items()}
    return found


def beijing(archive: Path) -> dict[tuple[str, str, bool], Array]:
    """Rows by station, season and whether they are of 2016 and later; UCI Beijing Multi-Site Air Quality."""
    found = {}
    with tarfile.open(archive) as opened:
        for member in opened.getmembers():
            file = opened.extractfile(member)
            if file is None:
                continue
            table = pd.read_csv(file)[["year", "month", *COLUMNS]].dropna()
            for season, months in SEASONS.items():
                of_season = table[table.month.isin(months)]
                for late in (False, True):
                    rows = of_season[(of_season.year >= 2016) == late][list(COLUMNS)].to_numpy(np.float64)
                    found[member.name.split("_")[2], season, late] = rows
    return found


def scenes(tables: Mapping[str, Domains], seeds: range) -> Iterator[Scene]:
    """A scene for every table and seed, by turns with columns as they are and standardised."""
    for place, (name, domains) in enumerate(tables.items()):
        others = {other: each for other, each in tables.items() if other.split()[-1] != name.split()[-1]}
        for seed in seeds:
            yield _scene(name, domains, others, np.random.default_rng([seed, place]), standard=seed % 2 == 1)


def _scene(name: str, domains: Domains, others: Mapping[str, Domains], rng: Any, standard: bool) -> Scene:
    if standard:
        domains, others = _standardised(domains), {each: _standardised(table) for each, table in others.items()}
    names = [str(each) for each in rng.permutation(list(domains))]
    without, owned = domains[names[0]], names[1 : 1 + int(rng.integers(1, len(names)))]
    size, scene = int(rng.choice([40, 100, 300, 1000])), Scene(name)
    new = {}
    for each in owned:
        rows = rng.permutation(domains[each])
        count = min(int(rng.choice([40, 100, 300])), max(LEAST, len(rows) // 3), len(rows) - LEAST)
        if count < LEAST:
            continue
        new[each], rows = rows[:count], rows[count:]
        mates = min(int(rng.integers(1, 4)), len(rows) // LEAST)
        scene.owners += [(each, part[:size]) for part in np.array_split(rows, mates)]
        scene.tasks += _of_domain(each, new[each], without, others, rng)
    scene.tasks += _mixed(new) + _strange(domains, owned, without, others, rng, standard)
    return scene


def _of_domain(name: str, rows: Array, without: Array, others: Mapping[str, Domains], rng: Any) -> Any:
    half = (len(rows) + 1) // 2
    yield "fits", name, rows
    yield HALF[0], name, np.concatenate([rows[:half], some(without, half, rng)])
    strange = _elsewhere(others, rows.shape[1], half, rng)
    if strange is not None:
        yield HALF[1], name, np.concatenate([rows[: len(strange)], strange])


def _mixed(new: Mapping[str, Array]) -> list[tuple[str, str, Array]]:
    if len(new) < 2:
        return []
    (one, a), (other, b), *_ = new.items()
    count = min(len(a), len(b))
    return [("fits by a mixture", f"{one}|{other}", np.concatenate([a[:count], b[:count]]))]


def _strange(
    domains: Domains, owned: list[str], without: Array, others: Mapping[str, Domains], rng: Any, standard: bool
) -> list[tuple[str, str, Array]]:
    count, width = int(rng.choice([40, 100, 300])), without.shape[1]
    shuffled = some(domains[owned[0]], count, rng)[:, rng.permutation(width)]
    found = [(NOT[0], "", some(without, count, rng)), (NOT[2], "", shuffled)]
    elsewhere = _elsewhere(others, width, count, rng)
    found += [(NOT[1], "", elsewhere)] if elsewhere is not None else []
    return found if standard else [*found, (NOT[3], "", rng.normal(size=(count, width)))]


def _elsewhere(others: Mapping[str, Domains], width: int, count: int, rng: Any) -> Array | None:
    """Rows of another table, of any of its columns."""
    whole = (np.concatenate(list(each.values())) for each in others.values())
    wide = [rows for rows in whole if rows.shape[1] >= width]
    if not wide:
        return None
    rows = wide[int(rng.integers(len(wide)))]
    return some(rows, count, rng)[:, rng.permutation(rows.shape[1])[:width]]


def stations(data: Mapping[tuple[str, str, bool], Array], seeds: range) -> Iterator[Scene]:
    """Beijing: owners are stations in one to three seasons; tasks are of them, of a station and of years without."""
    everything = np.concatenate(list(data.values()))
    centre, spread = everything.mean(axis=0), everything.std(axis=0)
    for seed in seeds:
        scene = _stations(data, np.random.default_rng([seed, 99]))
        if seed % 2:
            scene.owners = [(name, (rows - centre) / spread) for name, rows in scene.owners]
            scene.tasks = [(kind, name, (rows - centre) / spread) for kind, name, rows in scene.tasks]
        yield scene


def _stations(data: Mapping[tuple[str, str, bool], Array], rng: Any) -> Scene:
    names = [str(each) for each in rng.permutation(sorted({station for station, _, _ in data}))]
    without, *seasons = (str(each) for each in rng.permutation(list(SEASONS)))
    seasons, scene = seasons[: int(rng.integers(1, 4))], Scene("Beijing")
    size, count = int(rng.choice([400, 1000, 3000])), int(rng.choice([200, 600, 2000]))
    for season in seasons:
        here = [some(data[name, season, False], size, rng) for name in names[: int(rng.integers(1, 9))]]
        scene.owners += [(season, rows) for rows in here]
        rows = some(data[names[0], season, False], count, rng)
        strange = some(data[names[0], without, False], count // 2, rng)
        scene.tasks += [
            ("fits", season, rows),
            (FIT[1], season, some(data[names[-1], season, False], count, rng)),
            (FIT[1], season, some(data[names[0], season, True], count, rng)),
            (HALF[0], season, np.concatenate([rows[: count // 2], strange])),
        ]
    if len(seasons) > 1:
        both = [some(data[names[0], season, False], count // 2, rng) for season in seasons[:2]]
        scene.tasks.append((FIT[2], "|".join(seasons[:2]), np.concatenate(both)))
    scene.tasks.append((NOT[0], "", some(data[names[0], without, False], count, rng)))
    scene.tasks.append((NOT[2], "", some(data[names[0], seasons[0], False], count, rng)[:, rng.permutation(12)]))
    return scene


def some(rows: Array, count: int, rng: Any) -> Array:
    """So many of the rows, or all."""
    return np.asarray(rows[rng.permutation(len(rows))[:count]])


def _standardised(domains: Domains) -> Domains:
    rows = np.concatenate(list(domains.values()))
    centre, spread = rows.mean(axis=0), rows.std(axis=0)
    spread[spread == 0] = 1.0
    return {name: (each - centre) / spread for name, each in domains.items()}
