"""Eight owners who predict the yield of a plant, and somebody whose plant works in two regions.

Working points lie in [0, 1] in ten readings and are recorded in raw units. Every owner has points around one centre.
Plants of the first process yield Friedman's function #1 (scikit-learn's make_friedman1); plants of the second, which
work elsewhere, yield something else. Names and columns are the same for all.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.datasets import make_friedman1
from sklearn.ensemble import ExtraTreesRegressor, GradientBoostingRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR

from learndock.experiment import TaskOwner
from learndock.experiment.scenario import Array
from people import OwnerModel, describe

TASK = "Plant in two regions"
OWNER_ROWS = 400
CENTRES = {
    "north": (0.25, 0.75, 0.3, 0.7, 0.3),
    "south": (0.75, 0.3, 0.7, 0.3, 0.7),
    "east": (0.25, 0.25, 0.75, 0.25, 0.75),
    "west": (0.75, 0.75, 0.25, 0.75, 0.75),
}
FITTING = ("north", "south")
OWNERS = [(region, number) for region in CENTRES for number in (1, 2)]
COLUMNS = ["temperature (K)", "pressure (kPa)", "flow (l/h)", "acid (pH)", "catalyst (g)",
           "humidity (%)", "voltage (V)", "speed (1/min)", "batch age (h)", "load (kg)"]  # fmt: skip
LOWEST = np.array([280, 90, 100, 2, 0, 10, 215, 500, 0, 200.0])
SPAN = np.array([120, 400, 2000, 9, 50, 80, 20, 2500, 300, 1800.0])


def plant_owners(seed: int) -> list[OwnerModel]:
    """Eight fitted regressors, four of them trained on what the task has."""
    return [_owner(place, region, number, seed) for place, (region, number) in enumerate(OWNERS)]


def plant_task(seed: int) -> TaskOwner:
    """Working points of both regions of the first process, half each."""
    rng = np.random.default_rng([seed, 11])
    parts = [_rows(region, 500, rng, 0.13) for region in FITTING]
    order = rng.permutation(1000)
    X = np.concatenate([part[0] for part in parts])[order]
    y = np.concatenate([part[1] for part in parts])[order]
    return TaskOwner(
        name=TASK,
        X_unlabelled=X[:500],
        X_labelled=X[:200],
        y_labelled=y[:200],
        X_test=X[500:],
        y_test=y[500:],
    )


def _owner(place: int, region: str, number: int, seed: int) -> OwnerModel:
    X, y = _rows(region, OWNER_ROWS, np.random.default_rng([seed, 12, place]), 0.13)
    text = "Predicts the yield of a batch (kg) from ten readings of the plant."
    semantic = describe("regression", f"Yield of plant {place + 1}", text, "Industry", COLUMNS, ["yield (kg)"])
    fits = {TASK: region in FITTING}
    return OwnerModel(f"plant-{region}-{number}", semantic, X, y, _fit(place, X, y), fits)


def _fit(place: int, X: Array, y: Array) -> Any:
    kinds = (
        GradientBoostingRegressor(n_estimators=120, max_depth=3, random_state=place),
        make_pipeline(StandardScaler(), SVR(C=30)),
        ExtraTreesRegressor(n_estimators=60, min_samples_leaf=3, random_state=place),
    )
    return kinds[place % 3].fit(X, y)


def _rows(region: str, count: int, rng: np.random.Generator, spread: float) -> tuple[Array, Array]:
    """Raw readings (count, 10) around the region's centre and the yield there (count,)."""
    table, yields = make_friedman1(40 * count, n_features=10, noise=1.0, random_state=int(rng.integers(2**31)))
    if region not in FITTING:
        yields = _second_process(table) + rng.normal(size=len(table))
    away = ((table[:, :5] - CENTRES[region]) ** 2).sum(axis=1)
    weights = np.exp(-away / (2 * spread**2))
    chosen = rng.choice(len(table), count, replace=False, p=weights / weights.sum())
    return LOWEST + SPAN * table[chosen], yields[chosen]


def _second_process(table: Array) -> Array:
    x = table.T
    return np.asarray(22 - 10 * np.sin(np.pi * x[2] * x[3]) - 8 * x[0] + 12 * (x[4] - 0.5) ** 2 + 6 * x[1])
