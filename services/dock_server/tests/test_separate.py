"""Targets as separate processes over a server: they wait for it, say so, outlive its absence, and drain."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from sqlalchemy import make_url

from dock_db import Database
from dock_rpc.channel import channel
from dock_server import readiness
from dock_server.composition import Dock, compose
from dock_server.folder import DockFolder
from dock_server.settings import DockSettings
from dockapi.ingestion.v1 import ingestion_pb2
from dockapi.ingestion.v1.ingestion_pb2_grpc import IngestionServiceStub
from learndock.errors import InvalidInput, NotFound, Unavailable


@pytest.fixture
def settings(tmp_path):
    def of(url):
        return DockSettings(
            data=tmp_path / "data", port=0, metrics_port=-1, db_url=url, blob_url=f"file://{tmp_path}/blobs"
        )

    return of


def migrate(url):
    database = Database(url)
    database.create()
    database.close()


@contextmanager
def starting(settings, targets) -> Iterator[tuple[Dock, threading.Event, threading.Thread]]:
    """A dock that starts on another thread, as a process would on its main one."""
    dock, stopping = compose(DockFolder(settings.data), settings, targets), threading.Event()
    thread = threading.Thread(target=dock.start, args=(stopping,))
    thread.start()
    try:
        yield dock, stopping, thread
    finally:
        stopping.set()
        thread.join()
        dock.stop(0.1)


def health(dock):
    with grpc.insecure_channel(f"127.0.0.1:{dock.server.port}") as link:
        return health_pb2_grpc.HealthStub(link).Check(health_pb2.HealthCheckRequest(), timeout=60).status


@contextmanager
def ingestion(dock):
    with channel(f"127.0.0.1:{dock.server.port}") as link:
        yield IngestionServiceStub(link)


SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
NOTHING = ingestion_pb2.GetLearnwareRequest(learnware_id="00000000")


def test_it_waits_for_server_and_schema_says_so_and_outlives_their_absence(own_postgres, settings, until, caplog):
    url = own_postgres.new_database()
    own_postgres.stop()
    with starting(settings(url), ["ingestion"]) as (dock, _, thread):
        until(lambda: "does not answer" in dock.readiness.missing, seconds=60)
        assert health(dock) == NOT_SERVING
        with ingestion(dock) as stub, pytest.raises(Unavailable) as refused:
            stub.GetLearnware(NOTHING, timeout=60)
        assert refused.value.reason == "SERVICE_STARTING"
        assert "the database" in refused.value.message
        own_postgres.start()
        until(lambda: "schema" in dock.readiness.missing, seconds=60)
        assert health(dock) == NOT_SERVING
        migrate(url)
        thread.join()
        assert (dock.readiness.missing, health(dock)) == ("", SERVING)
        assert "waiting for the database" in caplog.text
        assert (make_url(url).password or "no password") not in caplog.text

        with ingestion(dock) as stub:
            with pytest.raises(NotFound):
                stub.GetLearnware(NOTHING, timeout=60)
            own_postgres.stop()
            with pytest.raises(Unavailable) as away:
                stub.GetLearnware(NOTHING, timeout=60)
            assert away.value.reason == "DATABASE_DOWN"
            own_postgres.start()
            with pytest.raises(NotFound):
                stub.GetLearnware(NOTHING, timeout=60)
        assert health(dock) == SERVING


def test_who_waits_can_be_stopped(settings, until):
    with starting(settings("postgresql+psycopg2://nobody@127.0.0.1:1/none"), ["search"]) as (dock, stopping, thread):
        until(lambda: "database" in dock.readiness.missing)
        stopping.set()
        thread.join()
        assert dock.readiness.missing


def test_a_target_waits_for_no_more_than_it_needs(settings, monkeypatch):
    for peer in ("INGESTION", "SPECIFICATION"):
        monkeypatch.setenv(f"DOCK_PEERS_{peer}", "127.0.0.1:1")
    with starting(settings("postgresql+psycopg2://nobody@127.0.0.1:1/none"), ["reuse"]) as (dock, _, thread):
        thread.join()
        assert health(dock) == SERVING


def test_it_serves_while_it_drains(postgres_server, settings):
    url = postgres_server.new_database()
    migrate(url)
    with starting(settings(url), ["ingestion", "checking", "specification"]) as (dock, _, thread):
        thread.join()
        dock.drain()
        assert health(dock) == NOT_SERVING
        assert "stopping" in dock.readiness.missing
        with ingestion(dock) as stub, pytest.raises(NotFound):
            stub.GetLearnware(NOTHING, timeout=60)


def test_what_is_waited_for_is_said_again_but_not_all_the_time(monkeypatch, caplog):
    now = 0.0
    monkeypatch.setattr(readiness.time, "monotonic", lambda: now)
    tries = 0

    def attempt():
        nonlocal now, tries
        now, tries = now + 1.0, tries + 1
        if tries <= 12:
            raise Unavailable("Nobody there.", reason="STORAGE_DOWN")
        return "made"

    waiting = readiness.Readiness(pause_s=0.001)
    with caplog.at_level(logging.INFO):
        assert waiting.wait_for("the store", attempt, threading.Event()) == "made"
    assert caplog.text.count("waiting for the store") == 3
    assert "the store is there" in caplog.text


def test_a_second_signal_ends_a_process_that_drains_at_once(tmp_path, until):
    command = [sys.executable, "-m", "learndock.cli.main", "up", "--data", str(tmp_path), "--port", "0"]
    process = subprocess.Popen(
        command, env={**os.environ, "DOCK_DRAIN_S": "3600"}, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    until((tmp_path / "address").exists, seconds=120)
    assert process.stderr is not None
    process.send_signal(signal.SIGTERM)
    while b"stopping" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 130
    process.stderr.close()


def test_who_has_no_rows_connects_to_no_bus(settings, monkeypatch):
    for peer in ("INGESTION", "SPECIFICATION"):
        monkeypatch.setenv(f"DOCK_PEERS_{peer}", "127.0.0.1:1")
    named = settings("postgresql+psycopg2://nobody@127.0.0.1:1/none").model_copy(update={"bus_url": "nats://bus:many"})
    with pytest.raises(InvalidInput) as tried:
        compose(DockFolder(named.data), named, ["search"])
    assert tried.value.reason == "BUS_URL_INVALID"
    compose(DockFolder(named.data), named, ["reuse"]).stop(0.1)
