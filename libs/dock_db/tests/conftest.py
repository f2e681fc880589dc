from __future__ import annotations

import pytest

from dock_db import Database


class Clock:
    """A clock that stands still until it is pushed."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database(tmp_path, clock):
    database = Database(f"sqlite:///{tmp_path / 'dock.db'}", clock=clock)
    database.create()
    yield database
    database.close()
