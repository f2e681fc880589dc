"""What only SQLite has: pragmas, one file, one writer."""

from __future__ import annotations

import sqlite3
import threading

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from dock_db import Database, dialect, faults
from dock_db.tests.making import LEARNWARES, insert
from learndock.errors import FailedPrecondition, Overloaded, Unavailable


@pytest.fixture
def database(sqlite_url):
    database = Database(sqlite_url)
    database.create()
    yield database
    database.close()


def test_pragmas(database):
    with database.read() as session:
        found = {
            name: session.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000}


def test_a_busy_database(tmp_path, monkeypatch):
    monkeypatch.setattr(dialect, "BUSY_TIMEOUT_S", 0.1)
    first, second = (Database(f"sqlite:///{tmp_path / 'dock.db'}") for _ in range(2))
    first.create()
    with first.transaction(), pytest.raises(Unavailable) as caught, second.transaction():
        pass
    assert caught.value.reason == "DATABASE_BUSY"
    assert caught.value.retry_after_s
    holds, release = threading.Event(), threading.Event()

    def hold() -> None:
        with first.transaction():
            holds.set()
            release.wait(60)

    holder = threading.Thread(target=hold)
    holder.start()
    assert holds.wait(60)
    with pytest.raises(Unavailable) as caught, first.transaction():
        pass
    assert caught.value.reason == "DATABASE_BUSY"
    release.set()
    holder.join()
    first.close()
    second.close()


def test_a_full_database_is_typed_and_goes_on_afterwards(database):
    with database.transaction() as session:
        pages = session.execute(text("PRAGMA page_count")).scalar_one()
        session.execute(text(f"PRAGMA max_page_count={pages}"))
    with pytest.raises(Overloaded) as caught:
        for number in range(1000):
            with database.transaction() as session:
                session.execute(text(f"PRAGMA max_page_count={pages}"))
                insert(session, content=str(number), name="x" * 10_000)
    assert caught.value.reason == "STORAGE_FULL"
    with database.transaction() as session:
        session.execute(text("PRAGMA max_page_count=1000000"))
        row = insert(session, content="after", name="x" * 10_000)
    with database.read() as session:
        assert LEARNWARES.changed_since(session, 0, 2000)[-1] == row
        assert LEARNWARES.revision(session) == row.revision


def test_a_database_that_cannot_be_written(database):
    with pytest.raises(FailedPrecondition) as caught, database.transaction() as session:
        session.execute(text("PRAGMA query_only=1"))
        try:
            insert(session)
        finally:
            session.execute(text("PRAGMA query_only=0"))
    assert caught.value.reason == "STORAGE_READ_ONLY"


def test_a_file_that_is_no_database(tmp_path):
    path = tmp_path / "dock.db"
    path.write_bytes(b"this is not a database" * 100)
    database = Database(f"sqlite:///{path}")
    with pytest.raises(FailedPrecondition) as caught:
        database.create()
    assert caught.value.reason == "DATABASE_DAMAGED"
    database.close()


def test_a_folder_that_is_not_there(tmp_path):
    database = Database(f"sqlite:///{tmp_path / 'missing' / 'dock.db'}")
    with pytest.raises(FailedPrecondition) as caught:
        database.create()
    assert caught.value.reason == "DATABASE_CANNOT_OPEN"
    database.close()


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("disk I/O error", "DATABASE_DOWN"),
        ("database is locked", "DATABASE_BUSY"),
        ("database disk image is malformed", "DATABASE_DAMAGED"),
    ],
)
def test_other_faults_of_the_database(message, reason):
    error = faults.typed(OperationalError("", {}, sqlite3.OperationalError(message)))
    assert error is not None
    assert error.reason == reason
