"""The house of the client's tests, and a client in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from libs.learndock.client.tests.house import House

from learndock.client import Dock


@pytest.fixture
def house() -> Iterator[House]:
    house = House()
    with house.server:
        yield house


@pytest.fixture
def dock(house: House) -> Iterator[Dock]:
    with Dock(house.address, owner="ada", patience_s=3.0) as dock:
        yield dock
