"""Events three times and in any order, and events that come when all is over, change nothing (rows 7 and 8)."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from sqlalchemy import select

from dock_bus.inprocess import InProcessBus
from dock_bus.tests.contract import QUICK, EventBusContract, Recorder, message, until
from dock_db import Database, Outbox, tables
from dock_server import composition
from dock_server.composition import compose
from dock_server.folder import FolderLock
from dock_server.settings import DockSettings
from learndock.client import Dock
from learndock.errors import DockError
from tests.e2e.learnwares import classifier_package, hostile_package
from tests.faults.unruly import UnrulyBus

PATIENCE_S = 300.0
FORMS = {
    "three times and shuffled": {"copies": 3, "window_s": 1.0, "seed": 7},
    "when all is over": {"copies": 2, "window_s": 0.2, "seed": 8, "hold": True},
}
KEPT = (
    tables.learnwares, tables.verdicts, tables.verdict_records, tables.check_steps, tables.specifications,
    tables.uploads, tables.flags, tables.outbox, tables.dead_letters,
)  # fmt: skip
PASSING = {
    "revision", "verdict_id", "created_at", "updated_at", "driven_at", "lease_until", "made_at", "stored_at", "at",
    "seconds", "log", "signed", "bill_of_materials", "detail", "upload_id", "blob_key", "traceparent",
}  # fmt: skip
"""What two runs of the same differ in: times, texts that tell times, random ids and what is signed over them, and
revisions, whose order is that of the checks."""


@pytest.fixture
def bus():
    bus = UnrulyBus(InProcessBus())
    yield bus
    bus.close()


class TestCalm(EventBusContract):
    """Told to do nothing it keeps the whole contract, so that what follows is due to what it is told to do."""


class TestUnruly:
    """What it keeps of the contract: nothing is lost, each consumer gets each copy, refusals. Order and once it does
    not keep, and no bus promises more of them than its window."""

    @pytest.mark.parametrize("form", FORMS)
    def test_each_copy_arrives_and_not_in_order(self, form):
        settings = {**FORMS[form], "window_s": 0.2}
        bus = UnrulyBus(InProcessBus(window_s=0.0), **settings)
        first, second = Recorder(), Recorder()
        bus.subscribe(QUICK, first)
        bus.subscribe(replace(QUICK, durable="second"), second)
        sent = [message() for _ in range(40)]
        for each in sent:
            bus.publish(each)
        if settings.get("hold"):
            assert first.ids == []
        bus.let_go()
        copies = dict.fromkeys([each.event_id for each in sent], settings["copies"])
        until(lambda: Counter(first.ids) == Counter(second.ids) == Counter(copies), seconds=60)
        assert bus.swaps > 0
        bus.close()
        with pytest.raises(DockError) as caught:
            bus.publish(message())
        assert caught.value.reason == "BUS_DOWN"


@contextmanager
def running(folder, monkeypatch, bus, **settings) -> Iterator[tuple[Dock, Database]]:
    """A whole dock in this process, over a bus that it is given."""
    with FolderLock(folder) as held, monkeypatch.context() as patch:
        patch.setattr(composition, "open_bus", lambda *_args, **_named: bus)
        held.scratch.mkdir(parents=True, exist_ok=True)
        dock = compose(held, DockSettings(data=folder, port=0, metrics_port=-1, drain_s=0.0, **settings))
        dock.start()
        database = Database(settings.get("db_url") or held.database_url)
        try:
            yield Dock(f"127.0.0.1:{dock.server.port}", owner="tester"), database
        finally:
            database.close()
            dock.stop(1.0)


def live_through(client: Dock, folder) -> None:
    """Learnwares that are accepted, rejected, deleted and pushed twice."""
    good = [classifier_package(folder, centre) for centre in (1.0, 2.0)]
    kept = client.push(good[0])
    gone = client.push(good[1])
    client.push(hostile_package(folder, "raises")[0])
    for learnware in client.list():
        client.wait(learnware.learnware_id, timeout=PATIENCE_S)
    client.push(good[0])
    client.delete(gone.learnware_id)
    assert client.get(kept.learnware_id).state == "INDEXED"


def state_of(database: Database) -> dict[str, list[tuple[tuple[str, object], ...]]]:
    """All rows but for what passes, by table."""
    with database.read() as session:
        return {
            table.name: sorted(
                (
                    tuple((name, value) for name, value in row.items() if name not in PASSING)
                    for row in session.execute(select(table)).mappings()
                ),
                key=repr,
            )
            for table in KEPT
        }


def settled(database: Database) -> bool:
    """Whether nothing waits for the relay."""
    with database.read() as session:
        return Outbox().depth(session)[0] == 0


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    return tmp_path_factory.mktemp("packages")


@pytest.fixture(scope="module")
def clean(tmp_path_factory, packages):
    """The state after a run with a bus that does what it should."""
    with (
        pytest.MonkeyPatch.context() as patch,
        running(tmp_path_factory.mktemp("clean"), patch, InProcessBus()) as (client, database),
    ):
        live_through(client, packages)
        until(lambda: settled(database), seconds=60)
        return state_of(database)


@pytest.mark.sandbox
@pytest.mark.timeout(900)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("rows", ["sqlite", "postgresql"])
def test_the_dock_ends_in_the_state_of_the_clean_run(form, rows, clean, request, tmp_path, packages, monkeypatch):
    settings = {}
    if rows == "postgresql":
        url = request.getfixturevalue("postgres_server").new_database()
        settings = {"db_url": url, "blob_url": (tmp_path / "blobs").as_uri()}
        database = Database(url)
        database.create()
        database.close()
    bus = UnrulyBus(InProcessBus(window_s=0.0), **FORMS[form])
    with running(tmp_path / "data", monkeypatch, bus, **settings) as (client, database):
        live_through(client, packages)
        until(lambda: settled(database), seconds=60)
        over, searched = state_of(database), client.list()
        assert over == clean
        bus.let_go()
        bus.wait_until_empty()
        time.sleep(1.0)  # for what a stale event should not set off
        assert state_of(database) == over
        assert client.list() == searched
        assert not bus.dead_letters()
    assert bus.delivered == bus.taken * FORMS[form]["copies"] > 0
    if not FORMS[form].get("hold"):
        assert bus.swaps > 0
