"""`dock dlq` where the bus is inside the process, and where it is a server."""

from __future__ import annotations

import asyncio
import io
import json
import uuid
from contextlib import redirect_stderr
from dataclasses import replace
from typing import NamedTuple

import nats
import pytest
from click.testing import CliRunner

from dock_bus import Message
from dock_bus.inprocess import InProcessBus
from dock_bus.nats import NatsBus
from dock_bus.settings import BusSettings
from dock_bus.tests.contract import QUICK, Recorder, until
from dock_db import Database, DeadLetterRecorder, Outbox, Relay, tables
from dock_server.dlq import dlq
from dock_server.folder import DockFolder
from dockapi.events.v1 import events_pb2
from learndock.cli.failure import report
from learndock.errors import DockError

EVENT = events_pb2.LearnwareEvent(event_id="an-event", learnware_id="00000007", version=2, state="STATE_RECEIVED")
MESSAGE = Message("dock.learnware.received", "an-event", EVENT.SerializeToString())
POISON = Message("dock.learnware.received", "poison", b"\xff\xff")


class Done(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def run():
    """The command as the command line runs it, in this process: (exit code, stdout, stderr)."""

    def dock(*words):
        result = CliRunner().invoke(dlq, list(map(str, words)))
        if isinstance(result.exception, DockError):
            told = io.StringIO()
            with redirect_stderr(told):
                code = report(result.exception)
            return Done(code, result.stdout, told.getvalue())
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return Done(result.exit_code, result.stdout, result.stderr)

    return dock


class Consumers:
    """Two that fail until they are mended."""

    def __init__(self, bus):
        self.broken = True
        self.first, self.second = Recorder(lambda _: self.broken), Recorder(lambda _: self.broken)
        bus.subscribe(replace(QUICK, durable="checking", max_deliver=2), self.first)
        bus.subscribe(replace(QUICK, durable="search-0", max_deliver=1), self.second)


@pytest.fixture
def embedded(tmp_path):
    """A bus whose dead letters are written down in a dock's folder, and the option that names the folder."""
    database = Database(DockFolder(tmp_path).database_url)
    database.create()
    bus = InProcessBus()
    keeping = DeadLetterRecorder(database, bus, poll_s=0.02)
    keeping.start()
    yield bus, ["--data", tmp_path]
    keeping.stop()
    bus.close()
    database.close()


@pytest.fixture
def on_server(nats_server, monkeypatch):
    prefix = f"dlq{uuid.uuid4().hex[:8]}"
    settings = BusSettings(prefix=prefix, max_bytes=16 << 20)
    monkeypatch.setenv("DOCK_BUS_URL", nats_server.url)
    monkeypatch.setenv("DOCK_BUS_PREFIX", prefix)
    monkeypatch.setenv("DOCK_BUS_MAX_BYTES", str(16 << 20))
    bus = NatsBus.connect(nats_server.url, settings)
    yield bus, []
    bus.close()

    async def forget():
        client = await nats.connect(nats_server.url)
        for name in ("DOCK", "DOCK_DEAD_LETTERS", "DOCK_ADVISORIES"):
            await client.jetstream().delete_stream(f"{name}_{prefix}")
        await client.close()

    asyncio.run(forget())


@pytest.mark.parametrize("where", ["embedded", "on_server"])
def test_list_show_and_retry(where, request, run):
    bus, options = request.getfixturevalue(where)
    none = run("list", *options)
    assert (none.returncode, none.stdout, none.stderr) == (0, "", "Nothing was given up.\n")
    consumers = Consumers(bus)
    bus.publish(MESSAGE)
    bus.publish(POISON)

    def listed(*words):
        done = run("list", "--json", *words, *options)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    until(lambda: len(listed()) == 4, seconds=60)
    assert {(each["event_id"], each["consumer"], each["tries"]) for each in listed()} == {
        ("an-event", "checking", 2), ("poison", "checking", 2), ("an-event", "search-0", 1), ("poison", "search-0", 1),
    }  # fmt: skip
    [first, _] = listed("--consumer", "checking")
    assert first["event"] == {
        "event_id": "an-event", "learnware_id": "00000007", "version": 2, "state": "STATE_RECEIVED",
    }  # fmt: skip
    text = run("list", *options)
    assert "00000007:2  ValueError: told to fail" in text.stdout
    assert "unreadable" in text.stdout
    assert "dock dlq retry" in text.stderr

    shown = run("show", "poison", "--consumer", "search-0", "--json", *options)
    [document] = json.loads(shown.stdout)
    assert (document["event"], document["bytes"], document["subject"]) == ({}, 2, "dock.learnware.received")
    assert "told to fail" in run("show", "poison", *options).stdout

    consumers.broken = False
    again = run("retry", "an-event", "--consumer", "checking", *options)
    assert (again.returncode, again.stdout) == (0, "an-event goes to checking again.\n")
    until(lambda: consumers.first.deliveries.count(("an-event", 1)) == 2)
    assert len(json.loads(run("retry", "--all", "--json", *options).stdout)) == 3
    until(lambda: consumers.second.deliveries.count(("poison", 1)) == 2)
    until(lambda: not listed(), seconds=60)


@pytest.mark.parametrize("where", ["embedded", "on_server"])
def test_what_is_not_there(where, request, run):
    _, options = request.getfixturevalue(where)
    for word in ("show", "retry"):
        done = run(word, "nothing", *options)
        assert (done.returncode, "DEAD_LETTER_NOT_FOUND" in done.stderr) == (2, True)
    assert run("retry", "--all", *options).returncode == 0
    assert run("retry", *options).returncode == 2
    assert run("retry", "nothing", "--all", *options).returncode == 2


def test_no_dock_and_no_server(run, tmp_path, monkeypatch):
    gone = run("list", "--data", tmp_path)
    assert (gone.returncode, "DOCK_FOLDER_NOT_FOUND" in gone.stderr) == (2, True)
    monkeypatch.setenv("DOCK_BUS_URL", "nats://someone:secret-word@127.0.0.1:9")
    monkeypatch.setenv("DOCK_BUS_TIMEOUT_S", "0.5")
    down = run("list")
    assert (down.returncode, "BUS_DOWN" in down.stderr) == (3, True)
    assert "secret-word" not in down.stderr + down.stdout


@pytest.mark.parametrize("where", ["embedded", "on_server"])
def test_what_no_bus_can_carry_is_listed_and_goes_back_to_the_outbox(where, request, run, monkeypatch, tmp_path):
    bus, options = request.getfixturevalue(where)
    if where == "on_server":
        url = request.getfixturevalue("postgres_server").new_database()
        monkeypatch.setenv("DOCK_DB_URL", url)
    else:
        url = DockFolder(tmp_path).database_url
    database = Database(url)
    database.create()
    with database.transaction() as session:
        row = {"event_id": "poison", "subject": "dock.two words", "payload": b"", "created_at": 0.0}
        session.execute(tables.outbox.insert().values(**row))
    assert Relay(database, bus).relay() == 1
    listed = json.loads(run("list", "--json", "--consumer", "outbox", *options).stdout)
    assert [(each["event_id"], each["consumer"]) for each in listed] == [("poison", "outbox")]
    assert "its subject" in listed[0]["error"]
    assert run("retry", "poison", *options).returncode == 0
    with database.read() as session:
        assert [each.event_id for each in Outbox().pending(session)] == ["poison"]
    assert run("list", *options).stdout == ""
    database.close()
