"""The servers that tests run on: they start, come back with their data, and leave nothing behind."""

from __future__ import annotations

import io
import subprocess
import sys
import time
from pathlib import Path

import psycopg2
import pytest
from tools.services.health import ask
from tools.services.minio import S3Server, _client
from tools.services.missing import ServerDied, ServerMissing
from tools.services.nats import NatsServer
from tools.services.places import ROOT
from tools.services.ports import listens
from tools.services.postgres import PostgresServer


def _rows(url: str, *statements: str) -> list[tuple]:
    connection = psycopg2.connect(url.replace("postgresql+psycopg2:", "postgresql:"))
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


@pytest.mark.parametrize("way", ["stop", "kill"])
def test_postgres_keeps_what_it_committed(own_postgres, way):
    url = own_postgres.new_database()
    _rows(url, "CREATE TABLE t (n int)", "INSERT INTO t VALUES (7)")
    getattr(own_postgres, way)()
    assert not listens(own_postgres.port)
    own_postgres.start()
    assert _rows(url, "SELECT n FROM t") == [(7,)]
    assert _rows(url, "SHOW synchronous_commit") == [("on",)]


def test_postgres_gives_each_test_a_database_and_asks_for_the_password(postgres_server):
    first, second = postgres_server.new_database(), postgres_server.new_database()
    _rows(first, "CREATE TABLE t (n int)")
    assert _rows(second, "SELECT count(*) FROM pg_tables WHERE tablename = 't'") == [(0,)]
    with pytest.raises(psycopg2.OperationalError, match="password"):
        _rows(first.replace("dock:", "dock:not"), "SELECT 1")


def test_nats_syncs_always(nats_server):
    if isinstance(nats_server, NatsServer):
        assert nats_server.variables()["jetstream"]["config"]["sync_always"] is True


def test_nats_keeps_its_address_over_death_and_forgets_all_when_wiped(own_nats):
    url = own_nats.url
    own_nats.kill()
    assert not listens(own_nats.port)
    own_nats.start()
    assert own_nats.url == url
    (own_nats.store / "mark").touch()
    own_nats.wipe()
    assert listens(own_nats.port)
    assert not (own_nats.store / "mark").exists()
    own_nats.stop()
    own_nats.wipe()
    assert not own_nats.child.running


def test_s3_keeps_what_it_took(own_s3):
    url = own_s3.new_bucket()
    bucket = url.partition("?")[0].rpartition("/")[2]
    client = _client(url)
    content = (ROOT / "LICENSE").read_bytes()
    client.put_object(bucket, "a/b", io.BytesIO(content), len(content))
    own_s3.kill()
    own_s3.start()
    answer = client.get_object(bucket, "a/b")
    assert answer.read() == content
    answer.close()
    answer.release_conn()


_STARTS_ALL = """
import os, signal
from tools.services.minio import S3Server
from tools.services.nats import NatsServer
from tools.services.postgres import PostgresServer
servers = [PostgresServer(), NatsServer(), S3Server()]
for server in servers:
    server.start()
    print(server.port, server.folder, flush=True)
{end}
"""


@pytest.mark.parametrize("end", ["os.kill(os.getpid(), signal.SIGKILL)", "for server in servers: server.close()"])
def test_nothing_is_left_when_the_starter_is_gone(end, postgres_server, s3_server):
    program = _STARTS_ALL.format(end=end)
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    started = [line.split() for line in done.stdout.splitlines()]
    assert len(started) == 3, done.stderr
    for port, folder in started:
        _wait(lambda port=port, folder=folder: not listens(int(port)) and not Path(folder).exists())


def _wait(gone):
    # As long as the guard is patient with PostgreSQL, and some more.
    for _ in range(1200):
        if gone():
            return
        time.sleep(0.1)
    raise AssertionError("something is left")


def test_a_server_that_cannot_start_says_why(tmp_path):
    server = NatsServer(tmp_path, more="no_such_setting: 1")
    with pytest.raises(ServerDied, match="no_such_setting"):
        server.start()
    server.close()


@pytest.mark.parametrize(
    ("make", "module", "place"),
    [
        (NatsServer, "nats", "BIN"),
        (S3Server, "minio", "MINIO_FOLDER"),
        (PostgresServer, "postgres", "_folders"),
    ],
)
def test_a_missing_server_is_named_with_the_way_to_get_it(make, module, place, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    nowhere = (lambda: iter(())) if place == "_folders" else tmp_path
    monkeypatch.setattr(f"tools.services.{module}.{place}", nowhere)
    with pytest.raises(ServerMissing, match=r"is missing: .*(make|install)"):
        make()


_INNER = """
def test_it(nats_server): pass
def test_it_too(nats_server): pass
"""


@pytest.mark.parametrize("ci", ["", "true"])
def test_what_is_left_out_is_named_and_fails_in_ci(ci, tmp_path):
    (tmp_path / "test_inner.py").write_text(_INNER)
    (tmp_path / "breaks.py").write_text("from tools.services import nats\nnats.BIN = nats.Path('/nowhere')\n")
    plugins = ["-p", "tests.servers", "-p", "breaks", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *plugins, "test_inner.py"],
        check=False,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={"PATH": "/nowhere", "PYTHONPATH": f"{tmp_path}:{ROOT}", "CI": ci},
    )
    if ci:
        assert done.returncode == 1
        assert "NATS is missing" in done.stdout
        assert "2 errors" in done.stdout
    else:
        assert done.returncode == 0
        assert "= left out =" in done.stdout
        assert "2 tests: NATS is missing" in done.stdout


def test_ask_is_silent_about_nobody():
    assert ask(1, "/") == (0, b"")
