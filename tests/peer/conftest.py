"""Tests that exchange files with the peer's package, in its own environment: `make test-peer`.

They run wherever `make peer-env` has been run. It needs torch and 6 GB, so `make test` does not make it: without
the environment these tests are deselected, and a line says so.
"""

from __future__ import annotations

import sys

import pytest

from tests.repository.tree import ROOT

BENCH = ROOT / "tools" / "bench"
HERE = ROOT / "tests" / "peer"


def _link():
    sys.path.insert(0, str(BENCH))
    try:
        import peer_link
    finally:
        sys.path.remove(str(BENCH))
    return peer_link


def _left_out(config):
    return getattr(config, "_peer_left_out", 0)


def pytest_collection_modifyitems(config, items):
    mine = [item for item in items if item.path.is_relative_to(HERE)]
    for item in mine:
        item.add_marker(pytest.mark.peer)
    if mine and _link().peer_python() is None:
        items[:] = [item for item in items if item not in mine]
        config.hook.pytest_deselected(items=mine)
        config._peer_left_out = len(mine)


def pytest_report_collectionfinish(config):
    if count := _left_out(config):
        return f"{count} tests against the peer are left out: they need its environment (make test-peer)"
    return None


def pytest_sessionfinish(session, exitstatus):
    # Of a run of these alone nothing is left, and that is no failure.
    if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and _left_out(session.config):
        session.exitstatus = pytest.ExitCode.OK


@pytest.fixture(scope="session")
def peer():
    """One process of the peer for all tests: importing it takes ten seconds."""
    with _link().Peer() as running:
        yield running
