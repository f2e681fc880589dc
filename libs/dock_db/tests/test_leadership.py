"""One leads at a time, and another takes over when it is gone."""

from __future__ import annotations

import threading
import time

import pytest
from sqlalchemy import text

from dock_db import DatabaseOptions, Leadership, Outbox, Reconciler
from dock_db.tests.making import insert


def test_an_embedded_dock_leads(sqlite_url):
    from dock_db import Database

    database = Database(sqlite_url)
    assert Leadership(database, "x").held() and Leadership(database, "x").held()
    database.close()


class TestOnAServer:
    @pytest.fixture
    def database_url(self, postgres_url) -> str:
        return str(postgres_url)

    def test_one_leads_until_it_lets_go(self, opened):
        first, second = Leadership(opened(), "x"), Leadership(opened(), "x")
        assert first.held() and first.held()
        assert not second.held()
        other = Leadership(opened(), "y")
        assert other.held()
        first.release()
        assert second.held()
        assert not first.held()
        second.release()
        other.release()

    def test_a_lost_connection_is_a_lost_lead(self, opened, database):
        first, second = Leadership(opened(), "x"), Leadership(opened(), "x")
        assert first.held() and not second.held()
        cut = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"
        with database.transaction(wake=False) as session:
            session.execute(text(cut))
        while not second.held():
            time.sleep(0.01)
        assert not first.held()
        second.release()
        assert first.held()
        first.release()

    def test_nobody_leads_while_the_server_is_down(self, own_postgres):
        from dock_db import Database

        database = Database(own_postgres.new_database())
        leadership = Leadership(database, "x")
        assert leadership.held()
        own_postgres.kill()
        assert not leadership.held()
        own_postgres.start()
        assert leadership.held()
        leadership.release()
        database.close()

    def test_behind_a_pooler_everybody_leads(self, opened):
        databases = [opened(options=DatabaseOptions(behind_pooler=True)) for _ in range(2)]
        assert all(Leadership(each, "x").held() for each in databases)

    def test_of_two_reconcilers_one_drives_and_the_other_takes_over(self, opened, database, clock):
        def waiting() -> int:
            with database.read() as session:
                return Outbox().depth(session)[0]

        def overdue(content: str) -> None:
            with database.transaction() as session:
                insert(session, content=content)
            clock.pass_by(31)

        def until(count: int) -> None:
            end = time.monotonic() + 120
            while waiting() < count and time.monotonic() < end:
                time.sleep(0.02)

        reconcilers = [Reconciler(opened(clock=clock), period_s=0.02, grace_s=30) for _ in range(2)]
        overdue("a")
        for reconciler in reconcilers:
            reconciler.start()
        until(2)
        threading.Event().wait(0.3)
        assert waiting() == 2  # told once more, and not by both
        for number, reconciler in enumerate(reconcilers, 1):
            reconciler.stop()
            if number == 1:
                overdue("b")  # makes "a" overdue again, too
                until(5)
                assert waiting() == 5
