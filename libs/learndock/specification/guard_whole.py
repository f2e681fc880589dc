"""Whole numbers that give a row away: a mean of rows stands between them, so a point that does not is a row."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from learndock.specification.privacy import SUPPORT

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_NEAR = 1e-3
"""So near to a whole number a coordinate counts as that number."""
_PATTERNS = 200


def whole_columns(raw: Array) -> Ints:
    """Columns of a table (n, d) that hold whole numbers only, and not one alone."""
    first = raw[:1_000]
    columns = np.flatnonzero((first == np.rint(first)).all(axis=0))
    held = raw[:, columns]
    kept = (held == np.rint(held)).all(axis=0) & (held != held[0]).any(axis=0)
    return np.asarray(columns[kept])


def exposed_rows(z: Array, values: Array) -> Ints:
    """For every point (K, w) a row whose numbers it shares with fewer than SUPPORT rows, or -1; values is (w, n).

    Counted are all sets of columns in which the point has a row's very numbers; where there are more than 200 such
    sets the rarest numbers come first.
    """
    found = np.full(len(z), -1)
    even = np.abs(z - np.rint(z)) <= _NEAR
    known: dict[bytes, int] = {}
    for i in np.flatnonzero(even.any(axis=1)):
        columns, numbers = np.flatnonzero(even[i]), np.rint(z[i, even[i]])
        key = columns.tobytes() + numbers.tobytes()
        if key not in known:
            known[key] = _exposed(values, columns, numbers)
        found[i] = known[key]
    return found


def _exposed(values: Array, columns: Ints, numbers: Array) -> int:
    # Where enough rows share all of it, they share any part of it.
    if len(_sharing_all(values, columns, numbers)) >= SUPPORT:
        return -1
    agree = values[columns] == numbers[:, None]
    counts = agree.sum(axis=1)
    rare = np.flatnonzero((counts > 0) & (counts < SUPPORT))
    if len(rare):
        return int(agree[rare[0]].argmax())
    agree, counts = agree[counts > 0], counts[counts > 0]
    return _rarest(np.ascontiguousarray(agree.T), np.log(agree.shape[1] / counts)) if len(counts) else -1


def _sharing_all(values: Array, columns: Ints, numbers: Array) -> Ints:
    rows = np.flatnonzero(values[columns[0]] == numbers[0])
    for column, number in zip(columns[1:], numbers[1:], strict=True):
        if len(rows) < SUPPORT:
            break
        rows = rows[values[column, rows] == number]
    return rows


def _rarest(agree: Bools, surprise: Array) -> int:
    """A row (or -1) whose agreement (n, columns) fewer than SUPPORT rows share; `surprise` of each column."""
    packed = np.packbits(agree, axis=1)
    _, first, counts = np.unique(as_keys(packed), return_index=True, return_counts=True)
    patterns = agree[first].astype(np.float32)
    order = np.argsort(-(patterns @ surprise), kind="stable")[:_PATTERNS]
    order = order[patterns[order].any(axis=1)]
    sharing = ((patterns[order] @ patterns.T) >= patterns[order].sum(axis=1)[:, None]) @ counts
    few = order[sharing < SUPPORT]
    return int(first[few[0]]) if len(few) else -1


def as_keys(rows: npt.NDArray[np.generic]) -> npt.NDArray[np.void]:
    """Each row (n, w) as one thing to be compared by its bytes (n,)."""
    rows = np.ascontiguousarray(rows)
    return rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1]))).ravel()
