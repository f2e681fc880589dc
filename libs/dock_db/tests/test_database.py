from __future__ import annotations

import concurrent.futures
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from sqlalchemy.exc import IntegrityError

from dock_db import Database, Learnwares, Outbox, State, tables
from dock_db.tests.making import LEARNWARES, claim, insert
from learndock.errors import InvalidInput


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
    seen, here = [], threading.get_ident()

    def look() -> None:
        # On PostgreSQL a listener of its own thread wakes too: once when it begins to hear, and seldom for nothing.
        if threading.get_ident() != here:
            return
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


@pytest.mark.parametrize("url", ["", "nonsense", "sqlite://", "sqlite:///:memory:", "nosuch://host/db"])
def test_a_url_that_cannot_be_used(url):
    with pytest.raises(InvalidInput) as caught:
        Database(url)
    assert caught.value.reason == "DATABASE_URL_INVALID"


PROGRAM = """
import sys
from dock_db import Database, Learnwares, State
from dock_db.tests.making import claim, finish, insert
database = Database(sys.argv[1])
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


def run(url: str, setting: str) -> tuple[int, list[list[str]]]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, url],
        env={**os.environ, "DOCK_FAILPOINTS": setting},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, [line.split() for line in done.stdout.splitlines()]


@pytest.mark.parametrize("moment", ["db.commit.before", "db.commit.after"])
@pytest.mark.parametrize("nth", [1, 3, 6])
def test_killed_around_a_commit_everything_told_is_there_and_nothing_is_half(database_url, moment, nth):
    code, told = run(database_url, f"{moment}=kill@{nth}")
    assert code == -signal.SIGKILL
    database = Database(database_url)
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


def test_killed_at_any_time_while_many_threads_write(database_url):
    program = (
        "import sys, threading\nfrom dock_db import Database\nfrom dock_db.tests.making import insert\n"
        "database = Database(sys.argv[1])\ndatabase.create()\n"
        "def work(n):\n for i in range(10**6):\n"
        "  with database.transaction() as session: row = insert(session, content=f'{n}-{i}')\n"
        "  sys.stdout.write(row.learnware_id + '\\n'); sys.stdout.flush()\n"
        "[threading.Thread(target=work, args=(n,)).start() for n in range(4)]\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program, database_url], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    first = process.stdout.readline()
    time.sleep(0.5)
    process.kill()
    told = {first.strip(), *(line.strip() for line in process.stdout.read().splitlines() if len(line.strip()) == 8)}
    process.stdout.close()
    process.wait()
    database = Database(database_url)
    assert database.integrity() == []
    with database.read() as session:
        rows = Learnwares().changed_since(session, 0, 100_000)
        assert len(Outbox().pending(session, 100_000)) == len(rows) == LEARNWARES.revision(session)
    assert told <= {row.learnware_id for row in rows}
    database.close()
