"""Small made data: stores that sell by one rule of their own weather, in two climates."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from learndock.experiment import OwnedTable, Scenario, leave_one_out

COLUMNS = ("sun", "rain", "staff")
STORES = {"north-1": -2.0, "north-2": -2.0, "south-1": 2.0, "south-2": 2.0, "south-3": 2.0}


def store(name: str, place: int, rows: int = 120) -> OwnedTable:
    """Sales fall with the square of the sun in the north and rise with it in the south."""
    rng = np.random.default_rng(place)
    climate = STORES[name]
    X = rng.normal(size=(rows, 3)) + np.array([climate, 0, 0])
    y = climate * X[:, 0] ** 2 + np.sin(X[:, 1]) + 0.1 * rng.normal(size=rows)
    return OwnedTable(name, COLUMNS, X, y)


def stores() -> list[OwnedTable]:
    return [store(name, place) for place, name in enumerate(STORES)]


def scenario(**given) -> Scenario:
    return leave_one_out(stores(), **{"labels": (5, 50), "seeds": (0, 1), "name": "stores", **given})


def write(folder: Path, tables: list[OwnedTable], target: str = "sales") -> Path:
    folder.mkdir(exist_ok=True)
    for table in tables:
        rows = [",".join(map(str, [*x, y])) for x, y in zip(table.X.tolist(), table.y.tolist(), strict=True)]
        (folder / f"{table.name}.csv").write_text("\n".join([",".join([*table.columns, target]), *rows]) + "\n")
    return folder
