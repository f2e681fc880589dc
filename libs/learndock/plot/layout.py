"""Points in the plane whose distances are as near to given ones as a plane allows.

Classical scaling (Torgerson, Multidimensional scaling, Psychometrika 1952), then majorisation of the stress (de Leeuw,
SMACOF, 1977; each step never raises it).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from learndock.errors import InvalidInput

Array = npt.NDArray[np.float64]
Order = npt.NDArray[np.intp]

STEPS = 300
"""Most steps of majorisation; it ends before where a step gains less than GAIN of the stress."""
GAIN = 1e-5


@dataclass(frozen=True, eq=False)
class Layout:
    """`points` (n, 2), centred, the widest spread along x; `stress` 0..1 is how much the plane distorts.

    Kruskal's stress-1: the root of sum (distance - drawn)^2 / sum distance^2. Below .1 the picture may be trusted, at
    .2 only its coarse shape, above .3 hardly (Kruskal, Psychometrika 1964, is a little stricter).
    """

    points: Array
    stress: float


def lay_out(distances: Array) -> Layout:
    """The layout of a matrix of distances (n, n), in units of those distances; n may be 0 or 1.

    The same for the same distances: no chance is in it, the order of the rows does not matter (but among rows that
    are equal), and turns and mirrors are fixed. InvalidInput DISTANCES_INVALID.
    """
    distances = _checked(distances)
    if len(distances) < 2 or not distances.any():
        return Layout(np.zeros((len(distances), 2)), 0.0)
    order = _canonical_order(distances)
    sorted_distances = distances[np.ix_(order, order)]
    points = _turned(_majorised(sorted_distances, _classical(sorted_distances)))
    placed = np.empty_like(points)
    placed[order] = points
    return Layout(placed, stress(sorted_distances, points))


def stress(distances: Array, points: Array) -> float:
    """Kruskal's stress-1 of points (n, 2) for distances (n, n); 0 where all distances are 0."""
    whole = float((distances**2).sum())
    return float(np.sqrt(((distances - _between(points)) ** 2).sum() / whole)) if whole > 0 else 0.0


def _classical(distances: Array) -> Array:
    squares = distances**2
    means = squares.mean(axis=0)
    products = -0.5 * (squares - means[:, None] - means[None, :] + squares.mean())
    values, vectors = np.linalg.eigh(products)
    values, vectors = values[::-1], vectors[:, ::-1]
    points = np.zeros((len(distances), 2))
    width = min(2, len(distances))
    points[:, :width] = vectors[:, :width] * np.sqrt(np.maximum(values[:width], 0.0))
    return points


def _majorised(distances: Array, points: Array) -> Array:
    """Guttman's transform, again and again: x_i <- mean over j of x_j + d_ij (x_i - x_j) / |x_i - x_j|."""
    last = stress(distances, points)
    for _ in range(STEPS):
        between = _between(points)
        pull = np.divide(distances, between, out=np.zeros_like(distances), where=between > 0)
        points = (pull.sum(axis=1)[:, None] * points - pull @ points) / len(points)
        now = stress(distances, points)
        if now <= 1e-9 or last - now < GAIN * last:
            break
        last = now
    return points


def _turned(points: Array) -> Array:
    """Centred, on its principal axes, each axis pointing to where the points lie further out."""
    points = points - points.mean(axis=0)
    _, _, axes = np.linalg.svd(points, full_matrices=False)
    points = points @ axes.T if axes.shape == (2, 2) else points
    return np.asarray(points * [_side(column) for column in points.T])


def _side(column: Array) -> float:
    """1 or -1: what makes the longer tail of a centred column the positive one."""
    lean = float((column**3).sum())
    if abs(lean) <= 1e-9 * float((np.abs(column) ** 3).sum()):
        lean = float(column[np.argmax(np.abs(column) > 1e-6 * np.abs(column).max())])
    return -1.0 if lean < 0 else 1.0


def _canonical_order(distances: Array) -> Order:
    """An order that depends on the distances alone: by each row's sorted distances, the nearest first."""
    return np.lexsort(np.sort(distances, axis=1).T[::-1])


def _between(points: Array) -> Array:
    return np.asarray(np.sqrt(((points[:, None, :] - points[None, :, :]) ** 2).sum(axis=2)))


def _checked(distances: Array) -> Array:
    found = np.asarray(distances, dtype=np.float64)
    if found.ndim != 2 or found.shape[0] != found.shape[1]:
        raise _invalid(f"Distances are a square matrix, not of the shape {found.shape}.")
    if not np.isfinite(found).all() or (found < 0).any():
        raise _invalid("Distances are finite and never below 0.")
    if not np.allclose(found, found.T, rtol=1e-6, atol=1e-9):
        raise _invalid("The distance there is not the distance back: the matrix is not symmetric.")
    found = np.asarray((found + found.T) / 2)
    np.fill_diagonal(found, 0.0)
    return found


def _invalid(message: str) -> InvalidInput:
    return InvalidInput(message, reason="DISTANCES_INVALID", hint="Give the MMD between every two, shape (n, n).")
