"""Labels and their names: 0 … n_classes-1 everywhere, names only at the border."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learndock.reuse.errors import InvalidInput
from learndock.reuse.member import Member, Named
from learndock.reuse.outputs import MOST_CLASSES

Array = NDArray[Any]


def common_names(members: Sequence[Named], given: Sequence[str] | None) -> tuple[str, ...]:
    """The names of the labels 0, 1, …: those given, or those that all named members share, in the first one's order.

    () where there are none, or where the members' sets of names differ. InvalidInput LABEL_NAMES_TWICE.
    """
    if given is not None:
        names = tuple(str(each) for each in given)
        if len(set(names)) < len(names):
            raise InvalidInput(
                f"The label names {list(names)} have one twice.",
                reason="LABEL_NAMES_TWICE",
                hint="Give one name for each of the labels 0, 1, …, all different.",
            )
        return names
    said = [tuple(member.label_names) for _, member in members if len(member.label_names)]
    if not said or len(set(said[0])) < len(said[0]) or any(set(each) != set(said[0]) for each in said):
        return ()
    return said[0]


def places(member: Member, names: tuple[str, ...]) -> list[int] | None:
    """Where each label of the member stands among `names`; None where it is to be read by number."""
    own = list(member.label_names)
    if not own or not names or len(set(own)) < len(own) or not set(own) <= set(names):
        return None
    found = [names.index(each) for each in own]
    return None if found == list(range(len(own))) else found


def moved(probabilities: Array, at: Sequence[int], width: int) -> Array:
    """Columns put where they belong: column i of (n, classes) goes to `at[i]` of (n, width)."""
    result: Array = np.zeros((len(probabilities), width))
    result[:, list(at)] = probabilities
    return result


def named(labels: Array, names: tuple[str, ...]) -> Array:
    """The names of labels (n,), as an array of str; a label beyond the names is its number.

    InvalidInput LABEL_NAMES_MISSING where there are no names.
    """
    if not names:
        raise InvalidInput(
            "The labels have no names, or the members do not agree about them.",
            reason="LABEL_NAMES_MISSING",
            hint="Give label_names=[...], one for each of the labels 0, 1, …",
        )
    words = [*names, *(str(label) for label in range(len(names), int(labels.max(initial=0)) + 1))]
    return np.asarray(words)[labels]


def require(name: str, X: Any, y: Any) -> None:
    """InvalidInput LABELS_MISSING where there are no labelled rows."""
    if X is None or y is None or np.asarray(y).size == 0:
        raise InvalidInput(
            f"{name} learns from labelled rows, and there are none: it requires y to be passed, but the target y is "
            "None.",
            reason="LABELS_MISSING",
            hint="Call fit(X, y); with no labels use AveragingReuser or JobSelectorReuser.",
        )


def check_labels(y: Any, rows: int, names: tuple[str, ...], n_classes: int | None) -> Array:
    """Labels int (n,) from numbers or names. InvalidInput LABELS_SHAPE, LABELS_NOT_FINITE, LABELS_RANGE."""
    array = np.asarray(y)
    if array.dtype.kind in "OUS" and names:
        array = _encoded(array, names)
    targets = check_targets(array, rows)
    highest = (n_classes or MOST_CLASSES) - 1
    whole = np.array_equal(targets, np.round(targets))
    if targets.shape[1] != 1 or not whole or targets.min() < 0 or targets.max() > highest:
        classes = f"0 … {highest}"
        # "Unknown label type" is what scikit-learn says where y is no class.
        raise InvalidInput(
            f"Unknown label type: y lies in [{targets.min():g}, {targets.max():g}], and labels are whole numbers "
            f"{classes}.",
            reason="LABELS_RANGE",
            hint="Encode the classes as 0 … n_classes-1, as the learnwares found do, or give label_names.",
        )
    return targets[:, 0].astype(np.int64)


def check_targets(y: Any, rows: int) -> Array:
    """Targets float (n, outputs). InvalidInput LABELS_SHAPE, LABELS_NOT_FINITE."""
    array = np.asarray(y)
    if array.dtype == object:
        array = _numbers(array)
    if array.dtype.kind not in "fiub" or not 1 <= array.ndim <= 2 or len(array) != rows or array.size == 0:
        raise InvalidInput(
            f"y is {array.dtype} of shape {array.shape} for {rows} rows.",
            reason="LABELS_SHAPE",
            hint="Give one number per row; encode class names as 0 … n_classes-1, or give label_names.",
        )
    if not np.isfinite(array).all():
        raise InvalidInput(
            "y contains NaN or infinity.", reason="LABELS_NOT_FINITE", hint="Leave rows out whose label is not known."
        )
    return array.reshape(len(array), -1).astype(np.float64)


def _encoded(array: Array, names: tuple[str, ...]) -> Array:
    known = {name: label for label, name in enumerate(names)}
    words = [str(each) for each in array.ravel()]
    strange = sorted(set(words) - set(known))
    if strange:
        raise InvalidInput(
            f"y has the labels {strange[:5]}, which are none of {list(names)[:20]}.",
            reason="LABELS_UNKNOWN",
            hint="Give label_names with every class, in the order of the learnwares' labels.",
        )
    return np.array([known[each] for each in words]).reshape(array.shape)


def _numbers(array: Array) -> Array:
    try:
        return array.astype(np.float64)
    except (TypeError, ValueError):
        return array
