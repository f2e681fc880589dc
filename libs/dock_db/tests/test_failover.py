"""The primary dies, its synchronous standby takes over: what was acknowledged is there, and nothing needs a restart."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import make_url

from dock_db import Database, DatabaseOptions, Leadership
from dock_db.tests.making import LEARNWARES, insert
from dock_db.tests.standby import StandbyServer
from learndock.errors import Unavailable


@pytest.fixture
def standby(own_postgres):
    standby = StandbyServer(own_postgres)
    try:
        standby.start()
        with own_postgres._cursor() as cursor:
            cursor.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            cursor.execute("SELECT pg_reload_conf()")
        yield standby
    finally:
        standby.close()


class Writer:
    """Commits without end, and remembers what was acknowledged and what went wrong."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.acknowledged: list[str] = []
        self.faults: list[Unavailable] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def until(self, acknowledged: int) -> None:
        while len(self.acknowledged) < acknowledged:
            self._stop.wait(0.01)
            assert self._thread.is_alive()

    def until_a_fault(self) -> None:
        while not self.faults:
            self._stop.wait(0.01)
            assert self._thread.is_alive()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            content = f"c{len(self.acknowledged)}-{len(self.faults)}"
            try:
                with self._database.transaction() as session:
                    insert(session, content=content)
                self.acknowledged.append(content)
            except Unavailable as fault:
                self.faults.append(fault)
                self._stop.wait(0.05)


def test_a_failover(own_postgres, standby):
    name = make_url(own_postgres.new_database()).database
    url = make_url(own_postgres.url(name)).set(host=None, port=None)
    hosts = tuple(f"127.0.0.1:{server.port}" for server in (own_postgres, standby))
    url = url.update_query_dict({"host": hosts, "target_session_attrs": "read-write"})
    database = Database(url.render_as_string(hide_password=False), options=DatabaseOptions(connect_timeout_s=2.0))
    database.create()
    leadership = Leadership(database, "x")
    assert leadership.held()
    writer = Writer(database)
    try:
        writer.until(20)
        own_postgres.kill()
        writer.until_a_fault()
        before = len(writer.acknowledged)
        standby.say("SELECT pg_promote()")
        writer.until(before + 20)
    finally:
        writer.stop()
    with database.read() as session:
        rows = LEARNWARES.changed_since(session, 0, 100_000)
    assert {row.content_sha256 for row in rows} >= set(writer.acknowledged)
    assert [row.revision for row in rows] == list(range(1, len(rows) + 1))
    assert {fault.reason for fault in writer.faults} <= {"DATABASE_DOWN", "DATABASE_READ_ONLY", "DATABASE_BUSY"}
    assert leadership.held()
    leadership.release()
    database.close()
