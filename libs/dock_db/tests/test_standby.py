"""Reads go to a real standby where it has what the reader must see, and to the primary where not."""

from __future__ import annotations

import pytest
from sqlalchemy import make_url, text

from dock_db import Database, DatabaseOptions
from dock_db.tests.making import LEARNWARES, insert
from dock_db.tests.standby import StandbyServer
from learndock.errors import InvalidInput, Unavailable
from tests.servers import started


@pytest.fixture(scope="module")
def servers():
    from tools.services.postgres import PostgresServer

    with started(PostgresServer) as primary:
        standby = StandbyServer(primary)
        try:
            standby.start()
            yield primary, standby
        finally:
            standby.close()


@pytest.fixture
def standby(servers):
    servers[1].start()
    yield servers[1]
    servers[1].start()
    servers[1].go_on()


@pytest.fixture
def database(servers, standby):
    url = servers[0].new_database()
    writer = Database(url)
    writer.create()
    standby.catch_up(url)
    database = Database(url, read_url=standby.url(make_url(url).database))
    yield database
    writer.close()
    database.close()


def where(session) -> str:
    return "standby" if session.scalar(text("SELECT pg_is_in_recovery()")) else "primary"


def commit(database, content: str) -> int:
    with database.transaction() as session:
        return int(insert(session, content=content).revision)


def test_a_standby_that_has_it_answers(database, standby, servers):
    revision = commit(database, "a")
    standby.catch_up(servers[0].url())
    for wanted in (None, revision, 0):
        with database.read_at(wanted) as session:
            assert where(session) == "standby"
            assert LEARNWARES.revision(session) == revision
    with database.read() as session:
        assert where(session) == "primary"


def test_what_one_wrote_one_reads_however_far_the_standby_is_behind(database, standby, servers):
    old = commit(database, "a")
    standby.catch_up(servers[0].url())
    standby.hold()
    new = commit(database, "b")
    with database.read_at(0) as session:
        assert (where(session), LEARNWARES.revision(session)) == ("standby", old)
    with database.read_at() as session:
        assert (where(session), LEARNWARES.revision(session)) == ("primary", new)
        assert len(LEARNWARES.changed_since(session, 0)) == 2


def test_a_standby_that_is_behind_for_a_moment_is_waited_for(servers, standby, database):
    url = servers[0].url(make_url(standby.url()).database)
    standby.catch_up(url)
    patient = Database(
        database._engine.url.render_as_string(hide_password=False),
        read_url=database._standby_engine.url.render_as_string(hide_password=False),
        options=DatabaseOptions(standby_patience_s=600.0),
    )
    for number in range(20):
        revision = commit(patient, str(number))
        with patient.read_at(revision) as session:
            assert where(session) == "standby"
            assert LEARNWARES.revision(session) >= revision
    patient.close()


def test_a_standby_that_is_down_is_done_without_and_used_again(database, standby, servers, monkeypatch):
    commit(database, "a")
    standby.kill()
    for _ in range(2):
        with database.read_at() as session:
            assert where(session) == "primary"
    standby.start()
    standby.catch_up(servers[0].url())
    monkeypatch.setattr(database._standby, "_resting_until", 0.0)
    with database.read_at() as session:
        assert where(session) == "standby"


def test_writing_to_the_standby_is_refused(standby, database, servers):
    wrong = Database(standby.url(make_url(database._engine.url).database))
    with pytest.raises(Unavailable) as caught, wrong.transaction() as session:
        insert(session)
    assert caught.value.reason == "DATABASE_READ_ONLY"
    wrong.close()


def test_without_a_standby_the_primary_answers(sqlite_url):
    database = Database(sqlite_url)
    database.create()
    revision = commit(database, "a")
    for wanted in (None, 0, revision):
        with database.read_at(wanted) as session:
            assert LEARNWARES.revision(session) == revision
    database.close()


@pytest.mark.parametrize("read_url", ["sqlite:////nowhere", "postgresql+psycopg2://u:p@127.0.0.1/d"])
def test_a_file_has_no_standby(sqlite_url, read_url):
    with pytest.raises(InvalidInput) as caught:
        Database(sqlite_url, read_url=read_url)
    assert caught.value.reason == "DATABASE_URL_INVALID"
