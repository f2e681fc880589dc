"""Several relays share one outbox, a slow bus holds nobody up, and a dead relay's share is another's (fault 22)."""

from __future__ import annotations

import collections
import os
import signal
import subprocess
import sys
import threading

import pytest
from sqlalchemy import update

from dock_bus import Message
from dock_db import Outbox, Relay, tables
from dock_db.tests.buses import OneByOne
from dock_db.tests.making import insert


class Gate(OneByOne):
    """A bus that keeps what it is given once its gate is open."""

    def __init__(self) -> None:
        self.published: list[Message] = []
        self.reached = threading.Event()
        self.opened = threading.Event()

    def publish(self, message: Message) -> None:
        self.reached.set()
        assert self.opened.wait(60)
        self.published.append(message)

    def ids(self) -> list[str]:
        return [message.event_id for message in self.published]


def fill(database, count: int) -> list[str]:
    with database.transaction() as session:
        for number in range(count):
            insert(session, content=str(number))
        return [row.event_id for row in Outbox().pending(session, 10_000)]


def test_a_slow_bus_holds_no_writer_up(database):
    fill(database, 3)
    bus = Gate()
    relay = Relay(database, bus)
    relaying = threading.Thread(target=relay.relay)
    relaying.start()
    assert bus.reached.wait(60)
    with database.transaction() as session:  # would be DATABASE_BUSY
        late = insert(session, content="late")
    bus.opened.set()
    relaying.join()
    assert len(bus.published) == 3
    assert relay.relay() == 1
    assert late.learnware_id in str(bus.published[-1].data)


def test_headers_go_with_the_event(database):
    fill(database, 1)
    with database.transaction() as session:
        session.execute(update(tables.outbox).values(headers='{"traceparent": "00-1-2-01"}'))
    bus = Gate()
    bus.opened.set()
    Relay(database, bus).relay()
    assert bus.published[0].headers == {"traceparent": "00-1-2-01"}


class TestOnAServer:
    @pytest.fixture
    def database_url(self, postgres_url) -> str:
        return str(postgres_url)

    def test_relays_do_not_take_each_others_events(self, database, opened):
        events = fill(database, 150)
        first, second = Gate(), Gate()
        second.opened.set()
        relaying = threading.Thread(target=Relay(database, first).relay)
        relaying.start()
        assert first.reached.wait(60)
        other = Relay(opened(), second)
        while other.relay():
            pass
        assert second.ids() == events[100:]
        first.opened.set()
        relaying.join()
        assert first.ids() == events[:100]

    def test_processes_share_and_one_that_is_killed_loses_nothing(self, database, database_url):
        events = fill(database, 120)
        program = (
            "import sys\nfrom dock_db import Database, Relay\n"
            "from dock_db.tests.buses import OneByOne\n"
            "class Bus(OneByOne):\n def publish(self, message): print(message.event_id, flush=True)\n"
            "relay = Relay(Database(sys.argv[1]), Bus())\nprint('ready', flush=True); sys.stdin.readline()\n"
            "while relay.relay(): pass\n"
        )
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", program, database_url],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env={**os.environ, "DOCK_FAILPOINTS": setting},
            )
            for setting in ("relay.mark_sent.before=kill", "", "")
        ]
        assert [process.stdout.readline() for process in processes] == ["ready\n"] * 3
        said = [process.communicate("\n")[0].split() for process in processes]  # the one that dies goes first
        assert [process.returncode for process in processes] == [-signal.SIGKILL, 0, 0]
        counts = collections.Counter(each for ids in said for each in ids)
        assert set(counts) == set(events)
        assert max(counts.values()) <= 2
        assert len(said[0]) == sum(counts.values()) - len(events) > 0
        with database.read() as session:
            assert Outbox().depth(session)[0] == 0
