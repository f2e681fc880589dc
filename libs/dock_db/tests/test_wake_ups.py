"""Processes hear of one another's commits, and what hears them survives the connection it hears by."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import text

from dock_db import Bell, Database, DatabaseOptions
from dock_db.tests.making import insert

PATIENCE_S = 120.0


@pytest.fixture
def database_url(postgres_url) -> str:
    return str(postgres_url)


class Ear:
    """Counts what it hears, and lets a test wait for the next."""

    def __init__(self, database: Database) -> None:
        self._heard = threading.Semaphore(0)
        database.on_commit(self._heard.release)

    def hears(self, patience_s: float = PATIENCE_S) -> bool:
        return self._heard.acquire(timeout=patience_s)

    def forget(self) -> None:
        while self._heard.acquire(blocking=False):
            pass


def commit(database, content: str) -> None:
    with database.transaction() as session:
        insert(session, content=content)


@pytest.fixture
def ear(opened):
    """Another process's ear, which listens already."""
    ear = Ear(opened())
    assert ear.hears()  # it begins with one, for what came before
    return ear


def listeners(database) -> list[int]:
    asks = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"
    with database.read() as session:
        return list(session.scalars(text(asks)))


def test_another_process_hears_a_commit(database, ear):
    commit(database, "a")
    assert ear.hears()


def test_what_was_undone_or_is_nobodys_business_is_not_told(database, ear):
    with pytest.raises(RuntimeError), database.transaction() as session:
        insert(session)
        raise RuntimeError
    with database.transaction(wake=False) as session:
        insert(session, content="b")
    assert not ear.hears(0.3)
    commit(database, "c")
    assert ear.hears()


def test_ones_own_commit_is_heard_once(opened, database):
    own = opened()
    ear = Ear(own)
    assert ear.hears()
    commit(own, "a")
    assert ear.hears()
    other = Ear(database)
    assert other.hears()
    assert not ear.hears(0.3)


def test_a_cut_connection_is_made_anew_and_what_came_meanwhile_is_looked_for(database, ear):
    [before] = listeners(database)
    with database.transaction(wake=False) as session:
        session.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": before})
    assert ear.hears()  # of the new connection
    ear.forget()
    commit(database, "b")
    assert ear.hears()
    assert listeners(database) != [before]


def test_behind_a_pooler_nobody_listens_or_tells(opened, database, ear):
    pooled = opened(options=DatabaseOptions(behind_pooler=True))
    deaf = Ear(pooled)
    commit(database, "a")
    assert ear.hears()
    assert not deaf.hears(0.3)
    commit(pooled, "b")
    assert deaf.hears()
    assert not ear.hears(0.3)
    assert len(listeners(database)) == 1


def test_a_bell_rings_for_other_processes(opened, database):
    bell = Bell(opened(), poll_s=3600.0, least_s=0.01)
    looks = bell.looks()
    next(looks)
    next(looks)  # the listener's own beginning
    timer = threading.Timer(0.2, commit, (database, "a"))
    timer.start()
    next(looks)
    timer.join()
