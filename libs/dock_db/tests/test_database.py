from __future__ import annotations

import concurrent.futures
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.schema import CreateTable

from dock_db import Database, Learnwares, Outbox, State, dialect, tables
from dock_db.tests.making import LEARNWARES, claim, insert
from dock_db.waiting import turns
from learndock.errors import FailedPrecondition, InvalidInput, Overloaded, Unavailable


def test_pragmas(database):
    with database.read() as session:
        found = {
            name: session.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000}


def test_creating_again_keeps_everything(database):
    with database.transaction() as session:
        insert(session)
    database.create()
    with database.read() as session:
        assert LEARNWARES.revision(session) == 1


def test_a_reader_has_one_view_while_others_write(database):
    with database.transaction() as session:
        insert(session)
    with database.read() as reader:
        assert len(LEARNWARES.list(reader, tenant="default")) == 1
        with database.transaction() as session:
            insert(session, content="d")
        assert len(LEARNWARES.list(reader, tenant="default")) == 1
    with database.read() as reader:
        assert len(LEARNWARES.list(reader, tenant="default")) == 2


def test_many_threads_claim_each_learnware_once(database):
    with database.transaction() as session:
        for number in range(30):
            insert(session, owner=f"o{number % 3}", content=str(number))

    def worker(_: int) -> list[str]:
        mine = []
        while True:
            with database.transaction() as session:
                proposed = LEARNWARES.next_waiting(session, State.RECEIVED, 4)
                claimed = next(filter(None, (claim(session, row) for row in proposed)), None)
            if claimed is None:
                return mine
            mine.append(claimed.learnware_id)

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        claimed = [each for mine in pool.map(worker, range(8)) for each in mine]
    assert len(claimed) == len(set(claimed)) == 30
    with database.read() as session:
        assert LEARNWARES.revision(session) == 60


def test_wake_ups_come_after_the_commit_and_only_then(database):
    seen = []

    def look() -> None:
        with database.read() as session:
            seen.append(LEARNWARES.revision(session))

    def broken() -> None:
        raise RuntimeError

    database.on_commit(broken)
    database.on_commit(look)
    with database.transaction() as session:
        insert(session)
    with pytest.raises(ZeroDivisionError), database.transaction() as session:
        raise ZeroDivisionError
    with database.transaction(wake=False) as session:
        insert(session, content="d")
    assert seen == [1]


def test_a_foreign_key_that_points_nowhere_is_our_own_fault(database):
    row = {"learnware_id": "none", "version": 1, "type": "", "payload": b"", "self_norm": 0.0, "effective_size": 0.0}
    with pytest.raises(IntegrityError), database.transaction() as session:
        session.execute(tables.specifications.insert().values(**row, stored_at=0.0))


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
            release.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    assert holds.wait(5)
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


@pytest.mark.parametrize("url", ["", "nonsense", "sqlite://", "sqlite:///:memory:", "nosuch://host/db"])
def test_a_url_that_cannot_be_used(url):
    with pytest.raises(InvalidInput) as caught:
        Database(url)
    assert caught.value.reason == "DATABASE_URL_INVALID"


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("disk I/O error", "DATABASE_DOWN"),
        ("database is locked", "DATABASE_BUSY"),
        ("database disk image is malformed", "DATABASE_DAMAGED"),
    ],
)
def test_other_faults_of_the_database(message, reason):
    error = dialect.typed(OperationalError("", {}, sqlite3.OperationalError(message)))
    assert error is not None
    assert error.reason == reason


class _ServerError(Exception):
    def __init__(self, pgcode: str | None) -> None:
        super().__init__("from the server")
        self.pgcode = pgcode


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ("53100", "STORAGE_FULL"), ("25006", "STORAGE_READ_ONLY"), ("40P01", "DATABASE_CONFLICT"),
        ("57P01", "DATABASE_DOWN"), ("08006", "DATABASE_DOWN"), (None, "DATABASE_DOWN"), ("42601", None),
    ],
)  # fmt: skip
def test_faults_of_a_server(state, reason):
    error = dialect.typed(OperationalError("", {}, _ServerError(state)))
    assert (error.reason if error else None) == reason


def test_the_text_is_postgresqls_too():
    server = postgresql.dialect()
    tables_text = "".join(str(CreateTable(table).compile(dialect=server)) for table in tables.metadata.sorted_tables)
    assert "BIGSERIAL" in tables_text
    assert "BYTEA" in tables_text
    pending = select(tables.outbox).with_for_update(skip_locked=True)
    assert "FOR UPDATE SKIP LOCKED" in str(pending.compile(dialect=server))
    assert "row_number() OVER (PARTITION BY" in str(turns(State.RECEIVED, 0.0).compile(dialect=server))


PROGRAM = """
import sys
from dock_db import Database, Learnwares, State
from dock_db.tests.making import claim, finish, insert
database = Database(f"sqlite:///{sys.argv[1]}")
database.create()
for number in range(5):
    with database.transaction() as session:
        row = insert(session, content=str(number))
    print("inserted", row.learnware_id, flush=True)
    with database.transaction() as session:
        claimed = claim(session, row)
        finish(session, claimed, State.ACCEPTED)
    print("accepted", row.learnware_id, flush=True)
"""


def run(path: Path, setting: str) -> tuple[int, list[list[str]]]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(path)],
        env={**os.environ, "DOCK_FAILPOINTS": setting},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, [line.split() for line in done.stdout.splitlines()]


@pytest.mark.parametrize("moment", ["db.commit.before", "db.commit.after"])
@pytest.mark.parametrize("nth", [1, 3, 6])
def test_killed_around_a_commit_everything_told_is_there_and_nothing_is_half(tmp_path, moment, nth):
    path = tmp_path / "dock.db"
    code, told = run(path, f"{moment}=kill@{nth}")
    assert code == -signal.SIGKILL
    database = Database(f"sqlite:///{path}")
    database.create()
    with database.read() as session:
        rows = {row.learnware_id: row for row in LEARNWARES.changed_since(session, 0)}
        events = len(Outbox().pending(session, 1000))
        revision = LEARNWARES.revision(session)
    for what, learnware_id in told:
        assert learnware_id in rows
        assert what == "inserted" or rows[learnware_id].state is State.ACCEPTED
    assert {row.state for row in rows.values()} <= {State.RECEIVED, State.ACCEPTED}
    assert events == revision == sum(1 if row.state is State.RECEIVED else 3 for row in rows.values())
    with database.transaction() as session:
        assert insert(session).learnware_id not in rows
    database.close()


def test_killed_at_any_time_while_many_threads_write(tmp_path):
    path = tmp_path / "dock.db"
    program = (
        "import sys, threading\nfrom dock_db import Database\nfrom dock_db.tests.making import insert\n"
        "database = Database(f'sqlite:///{sys.argv[1]}')\ndatabase.create()\n"
        "def work(n):\n for i in range(10**6):\n"
        "  with database.transaction() as session: row = insert(session, content=f'{n}-{i}')\n"
        "  sys.stdout.write(row.learnware_id + '\\n'); sys.stdout.flush()\n"
        "[threading.Thread(target=work, args=(n,)).start() for n in range(4)]\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    first = process.stdout.readline()
    time.sleep(0.5)
    process.kill()
    told = {first.strip(), *(line.strip() for line in process.stdout.read().splitlines() if len(line.strip()) == 8)}
    process.stdout.close()
    process.wait()
    database = Database(f"sqlite:///{path}")
    with database.read() as session:
        rows = Learnwares().changed_since(session, 0, 100_000)
        assert session.execute(text("PRAGMA integrity_check")).scalar() == "ok"
        assert len(Outbox().pending(session, 100_000)) == len(rows) == LEARNWARES.revision(session)
    assert told <= {row.learnware_id for row in rows}
    database.close()
