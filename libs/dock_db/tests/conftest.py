from __future__ import annotations

from collections.abc import Callable

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
def sqlite_url(tmp_path) -> str:
    return f"sqlite:///{tmp_path / 'dock.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return str(request.getfixturevalue("sqlite_url"))
    return str(request.getfixturevalue("postgres_server").new_database())


@pytest.fixture
def database(database_url, clock):
    database = Database(database_url, clock=clock)
    database.create()
    yield database
    database.close()


Opened = Callable[..., Database]


@pytest.fixture
def opened(database_url):
    """Opens the database once more, as another process would; closed at the end."""
    found: list[Database] = []

    def open_again(**more) -> Database:
        found.append(Database(database_url, **more))
        return found[-1]

    yield open_again
    for each in found:
        each.close()
