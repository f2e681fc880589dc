from __future__ import annotations

import numpy as np
import pytest

from learndock.errors import InvalidInput
from learndock.plot.layout import lay_out, stress


def between(points):
    return np.linalg.norm(points[:, None] - points[None, :], axis=2)


@pytest.mark.parametrize("n", [2, 3, 5, 40])
def test_points_of_a_plane_are_found_again(n):
    points = np.random.default_rng(n).normal(size=(n, 2))
    found = lay_out(between(points))
    assert np.allclose(between(found.points), between(points), atol=1e-6)
    assert found.stress < 1e-6


def test_points_of_a_line_lie_on_a_line():
    found = lay_out(between(np.array([[0.0], [1.0], [4.0]])))
    assert np.allclose(found.points[:, 1], 0, atol=1e-6)
    assert np.ptp(found.points[:, 0]) == pytest.approx(4)


def test_the_order_of_the_rows_moves_nothing():
    rng = np.random.default_rng(1)
    distances = between(rng.normal(size=(30, 6)))
    order = rng.permutation(30)
    plain, shuffled = lay_out(distances), lay_out(distances[np.ix_(order, order)])
    assert np.array_equal(plain.points[order], shuffled.points)
    assert plain.stress == shuffled.stress


def test_turned_and_mirrored_points_are_drawn_the_same():
    points = np.random.default_rng(2).normal(size=(20, 2)) * [3, 1]
    turn = np.array([[0.6, -0.8], [0.8, 0.6]]) @ np.diag([1, -1])
    assert np.allclose(lay_out(between(points)).points, lay_out(between(points @ turn)).points, atol=1e-5)


def test_majorisation_distorts_less_than_classical_scaling_alone():
    from learndock.plot.layout import _classical

    distances = between(np.random.default_rng(3).normal(size=(60, 10)))
    found = lay_out(distances)
    assert found.stress == pytest.approx(stress(distances, found.points))
    assert found.stress < 0.8 * stress(distances, _classical(distances))


@pytest.mark.parametrize("n", [0, 1, 4])
def test_the_identical_lie_on_one_spot(n):
    found = lay_out(np.zeros((n, n)))
    assert found.points.shape == (n, 2)
    assert not found.points.any()
    assert found.stress == 0


def test_twins_share_a_spot():
    points = np.array([[0.0, 0.0], [0.0, 0.0], [1.0, 0.0], [0.0, 2.0]])
    found = lay_out(between(points)).points
    assert np.allclose(found[0], found[1], atol=1e-6)


@pytest.mark.parametrize(
    "bad",
    [np.zeros((2, 3)), np.zeros(3), -np.ones((2, 2)), np.full((2, 2), np.nan), np.array([[0.0, 1.0], [2.0, 0.0]])],
)
def test_what_is_no_matrix_of_distances_is_refused(bad):
    with pytest.raises(InvalidInput) as caught:
        lay_out(bad)
    assert caught.value.reason == "DISTANCES_INVALID"
