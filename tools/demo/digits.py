"""Ten owners who read digits, and somebody whose digits come from two scanners.

Every owner has images of one kind: upright, turned by a quarter (these two are what the task has), negative, upside
down or mirrored. Most see some digits far more often than others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.datasets import load_digits
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from learndock.experiment import TaskOwner
from learndock.experiment.scenario import Array
from people import OwnerModel, describe

TASK = "Mailbag of digits"
CLASSES = 10
OWNERS_ROWS = 1000
OWNER_ROWS = 350
SPLIT_SEED = 20
"""Parts the images between owners and task, the same way whatever else is drawn."""

VIEWS: dict[str, Callable[[Array], Array]] = {
    "upright": lambda images: images,
    "turned": lambda images: np.rot90(images, axes=(1, 2)),
    "negative": lambda images: 16 - images,
    "upside-down": lambda images: images[:, ::-1, ::-1],
    "mirrored": lambda images: images[:, :, ::-1],
}
FITTING = ("upright", "turned")
OWNERS = [
    ("upright", "low"), ("upright", "high"), ("upright", "all"), ("turned", "low"), ("turned", "high"),
    ("negative", "all"), ("negative", "low"), ("upside-down", "all"), ("upside-down", "high"), ("mirrored", "all"),
]  # fmt: skip
SKEWS = {"low": np.repeat([5.0, 1.0], 5), "high": np.repeat([1.0, 5.0], 5), "all": np.ones(CLASSES)}


def digit_owners(seed: int) -> list[OwnerModel]:
    """Ten fitted classifiers, five of them trained on what the task has."""
    return [_owner(place, view, skew, seed) for place, (view, skew) in enumerate(OWNERS)]


def digit_task(seed: int) -> TaskOwner:
    """Digits of a mailbag: three in five upright, the others turned."""
    images, labels = _pool()[1]
    order = np.random.default_rng([seed, 1]).permutation(len(labels))
    images, labels = images[order], labels[order]
    turned = np.random.default_rng([seed, 2]).random(len(labels)) < 0.4
    rows = np.where(turned[:, None], _flat("turned", images), _flat("upright", images))
    return TaskOwner(
        name=TASK,
        X_unlabelled=rows[:400],
        X_labelled=rows[:200],
        y_labelled=labels[:200],
        X_test=rows[400:],
        y_test=labels[400:],
    )


def _owner(place: int, view: str, skew: str, seed: int) -> OwnerModel:
    rng = np.random.default_rng([seed, 3, place])
    images, labels = _pool()[0]
    weights = SKEWS[skew][labels]
    chosen = rng.choice(len(labels), OWNER_ROWS, replace=False, p=weights / weights.sum())
    X, y = _flat(view, images[chosen]), labels[chosen]
    fits = {TASK: view in FITTING}
    return OwnerModel(f"digits-{view}-{skew}", _semantic(view, skew), X, y, _fit(place, X, y), fits)


def _fit(place: int, X: Array, y: Array) -> Any:
    kinds = (
        LogisticRegression(C=0.1, max_iter=500),
        ExtraTreesClassifier(n_estimators=60, min_samples_leaf=2, random_state=place),
        MLPClassifier((48,), alpha=1.0, max_iter=400, tol=1e-3, random_state=place),
    )
    return make_pipeline(StandardScaler(), kinds[place % 3]).fit(X, y)


def _semantic(view: str, skew: str) -> dict[str, Any]:
    # What the images look like is not said: the specification has to tell.
    places = ("Bank", "Post", "School", "Meter", "Archive")
    columns = [f"pixel {at // 8},{at % 8} (float)" for at in range(64)]
    name = f"Digit reader of the {places[list(VIEWS).index(view)].lower()} ({skew})"
    text = "Reads a handwritten digit of 8 x 8 grey pixels, 0 to 16; answers with the probability of each digit."
    return describe("classification", name, text, "Business", columns, [f"digit {digit}" for digit in range(CLASSES)])


def _flat(view: str, images: Array) -> Array:
    return np.ascontiguousarray(VIEWS[view](images)).reshape(len(images), 64)


def _pool() -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """Images and labels of the owners, then of the task; no image is in both."""
    digits = load_digits()
    order = np.random.default_rng(SPLIT_SEED).permutation(len(digits.target))
    first, rest = order[:OWNERS_ROWS], order[OWNERS_ROWS:]
    return (digits.images[first], digits.target[first]), (digits.images[rest], digits.target[rest])
