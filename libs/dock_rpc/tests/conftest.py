"""What tests of the gate and of recognition share."""

from __future__ import annotations

import pytest

from dock_rpc.tests.directory import Clock, Known


@pytest.fixture
def known() -> Known:
    return Known()


@pytest.fixture
def clock() -> Clock:
    return Clock()
