from __future__ import annotations

from collections.abc import Callable

import psycopg2
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


@pytest.fixture(scope="session")
def emptied_postgres(postgres_server) -> Callable[[], str]:
    """Empties the one database that all tests use in turn: a new one for each costs the server 7 MB and a while."""
    url = str(postgres_server.new_database())

    def empty() -> str:
        connection = psycopg2.connect(url.replace("+psycopg2", ""))
        connection.autocommit = True
        others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT pg_terminate_backend(pid) {others}")
            cursor.execute("DROP SCHEMA public CASCADE")
            cursor.execute("CREATE SCHEMA public")
        connection.close()
        return url

    return empty


@pytest.fixture
def postgres_url(emptied_postgres) -> str:
    return emptied_postgres()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request) -> str:
    """An empty database of each kind."""
    return str(request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url"))


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
