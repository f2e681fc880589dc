"""The measure of what poison costs tells what is there from what is not."""

from __future__ import annotations

import numpy as np
import pytest

from pairs import compare


def windows(rng, factor, pairs=20, size=200):
    """Latencies with a tail, and pairs of windows in which the machine is slower or quicker."""
    moods = rng.uniform(0.7, 1.5, pairs)
    return tuple([mood * by * rng.lognormal(-3.0, 0.5, size) for mood in moods] for by in (1.0, factor))


@pytest.mark.parametrize(
    ("factor", "share", "verdict"),
    [(1.0, 0.5, "held"), (1.5, 0.5, "broken"), (1.5, 0.99, "broken"), (0.8, 0.99, "held"), (1.1, 0.99, "open")],
)
def test_a_factor_is_found_and_nothing_is_found_in_nothing(factor, share, verdict):
    rng = np.random.default_rng(5)
    found = compare(*windows(rng, factor), share, rng)
    assert found.verdict(1.1) == verdict
    assert found.low <= found.ratio <= found.high
    assert found.low < factor < found.high


def test_few_samples_leave_it_open():
    rng = np.random.default_rng(5)
    assert compare(*windows(rng, 1.0, pairs=3, size=30), 0.99, rng).verdict(1.1) == "open"
