"""A real streaming standby, whose replay a test can hold up."""

from __future__ import annotations

import time

import psycopg2
from tools.services.postgres import PostgresServer, run_as


class StandbyServer(PostgresServer):
    """A physical copy of `primary` that follows it."""

    def __init__(self, primary: PostgresServer) -> None:
        self._primary = primary
        way = f"host={primary._sockets} port={primary.port} user=dock"
        super().__init__(settings={"primary_conninfo": way, "hot_standby": "on"})
        self._password_file = primary._password_file

    def start(self) -> None:
        if self._child.running:
            return
        if not self.data.exists():
            self._make_data()
        self._write_settings()
        self._start_after_death()

    def _make_data(self) -> None:
        way = ["-h", str(self._primary._sockets), "-p", str(self._primary.port), "-U", "dock"]
        command = [str(self._binaries / "pg_basebackup"), "-D", str(self.data), "-R", "-c", "fast", "--no-sync", *way]
        done = run_as(self._account, command)
        assert done.returncode == 0, done.stderr

    def say(self, statement: str) -> object:
        with self._cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchone()

    def hold(self) -> None:
        """Receive on, replay no more."""
        self.say("SELECT pg_wal_replay_pause()")
        while self.say("SELECT pg_get_wal_replay_pause_state()") != ("paused",):
            time.sleep(0.01)

    def go_on(self) -> None:
        self.say("SELECT pg_wal_replay_resume()")

    def catch_up(self, url: str) -> None:
        """Wait until it has replayed what the primary has written."""
        connection = psycopg2.connect(url.replace("+psycopg2", ""))
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_current_wal_lsn()")
            [place] = cursor.fetchone()
        connection.close()
        while self.say(f"SELECT pg_last_wal_replay_lsn() >= '{place}'::pg_lsn") != (True,):
            time.sleep(0.01)
