"""Docks of every age come to the newest schema, and older code works beside it."""

from __future__ import annotations

import concurrent.futures
import importlib
import json
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import delete, func, insert, select, text, update

from dock_db import Database, Outbox, Relay, State, migrations, schema, tables
from dock_db.tests import making
from dock_db.tests.buses import OneByOne
from dock_db.tests.making import LEARNWARES, bring_to
from learndock.errors import FailedPrecondition

FIRST = importlib.import_module("dock_db.migrations.versions.0001_first_tables").metadata.tables
VERSIONS = sorted((Path(migrations.__file__).parent / "versions").glob("[0-9]*.py"))


@pytest.fixture
def empty(database_url):
    database = Database(database_url)
    yield database
    database.close()


def at(database, version: int) -> None:
    with database.transaction() as session:
        schema.migrate(session, version)


def test_migrating_ends_where_the_tables_are(empty):
    empty.create()
    with empty.read() as session:
        context = MigrationContext.configure(session.connection(), opts={"compare_server_default": True})
        assert compare_metadata(context, tables.metadata) == []
    found = empty.schema()
    assert found.version == found.head == len(VERSIONS)
    assert found.usable


def test_files_are_numbered_without_gaps_and_say_which_code_they_need():
    modules = [importlib.import_module(f"dock_db.migrations.versions.{path.stem}") for path in VERSIONS]
    assert [path.name[:4] for path in VERSIONS] == [f"{number:04d}" for number in range(1, len(VERSIONS) + 1)]
    assert [module.revision for module in modules] == [path.name[:4] for path in VERSIONS]
    assert [module.down_revision for module in modules] == [None, *(path.name[:4] for path in VERSIONS[:-1])]
    assert all(1 <= module.LEAST_CODE <= int(module.revision) for module in modules)


def test_a_dock_from_before_there_were_migrations_is_recognised(empty):
    with empty.transaction() as session:
        for table in FIRST.values():
            table.create(session.connection())
        session.execute(insert(FIRST["revision"]).values(only=1, value=41, next_learnware=8))
    assert empty.schema().version == 0
    empty.create()
    with empty.transaction() as session:
        assert LEARNWARES.revision(session) == 41
        assert making.insert(session).learnware_id == "00000008"


def test_one_that_even_lacks_tables_gets_them(empty):
    with empty.transaction() as session:
        for name in ("revision", "learnwares", "outbox"):
            FIRST[name].create(session.connection())
        session.execute(insert(FIRST["revision"]).values(only=1, value=3, next_learnware=2))
    empty.create()
    with empty.transaction() as session:
        bring_to(session, State.INDEXED)


def test_many_migrate_at_once(database_url):
    databases = [Database(database_url) for _ in range(4)]
    try:
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            versions = {found.version for found in pool.map(Database.create, databases)}
        assert versions == {migrations.head()}
    finally:
        for database in databases:
            database.close()


def test_what_fails_midway_leaves_everything_as_it_was(empty, monkeypatch):
    at(empty, 1)
    monkeypatch.setattr(migrations, "least_code", lambda _: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        empty.create()
    monkeypatch.undo()
    assert empty.schema().version == 1
    with empty.read() as session:
        session.execute(select(FIRST["outbox"])).all()
    empty.create()


def become(database, version: int, least_code: int) -> None:
    """What a later code's migrations leave."""
    with database.transaction() as session:
        session.execute(text(f"UPDATE alembic_version SET version_num = '{version:04d}'"))
        session.execute(update(tables.schema_marker).values(least_code=least_code))


def test_a_newer_schema_that_only_grew_is_worked_with(empty):
    empty.create()
    become(empty, 999, migrations.head())
    found = empty.create()
    assert (found.version, found.usable) == (999, True)
    assert empty.await_schema(0.0).usable
    with empty.transaction() as session:
        bring_to(session, State.INDEXED)


def test_one_that_lost_something_is_refused(empty):
    empty.create()
    become(empty, 999, migrations.head() + 1)
    for ask in (empty.create, lambda: empty.await_schema(60.0)):
        with pytest.raises(FailedPrecondition) as caught:
            ask()
        assert caught.value.reason == "SCHEMA_TOO_NEW"


def test_services_wait_for_the_schema(empty, database_url):
    with pytest.raises(FailedPrecondition) as caught:
        empty.await_schema(0.0)
    assert caught.value.reason == "SCHEMA_TOO_OLD"
    assert "dock db migrate" in caught.value.hint
    at(empty, 1)
    operator = Database(database_url)
    timer = threading.Timer(0.3, operator.create)
    timer.start()
    assert empty.await_schema(60.0).usable
    timer.join()
    operator.close()


class OldCode:
    """What the code of the first schema did to take in a learnware and to publish."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take_in(self, name: str) -> None:
        number, learnwares, outbox = FIRST["revision"], FIRST["learnwares"], FIRST["outbox"]
        with self._database.transaction() as session:
            session.execute(select(number.c.value).with_for_update()).one()
            changed = update(number).values(value=number.c.value + 1, next_learnware=number.c.next_learnware + 1)
            value, following = session.execute(changed.returning(number.c.value, number.c.next_learnware)).one()
            texts = ("content_sha256", "blob_key", "semantic_json", "specification_type")
            values = {**dict.fromkeys(texts, "{}"), "learnware_id": f"{following - 1:08d}", "version": 1, "name": name}
            values |= {"tenant": "default", "owner": "old", "state": "RECEIVED", "revision": value, "size_bytes": 1}
            session.execute(insert(learnwares).values(**values, created_at=1.0, updated_at=1.0))
            event = {"event_id": name, "subject": "dock.learnware.received", "payload": b"", "created_at": 1.0}
            session.execute(insert(outbox).values(**event))

    def publish_one(self) -> str:
        outbox = FIRST["outbox"]
        with self._database.transaction() as session:
            first = session.execute(select(outbox).order_by(outbox.c.sequence).limit(1)).mappings().first()
            if first is None:
                return ""
            session.execute(delete(outbox).where(outbox.c.event_id == first["event_id"]))
            return str(first["event_id"])

    def names(self) -> set[str]:
        with self._database.read() as session:
            return {row["name"] for row in session.execute(select(FIRST["learnwares"])).mappings()}


def test_old_code_works_on_while_the_schema_migrates_and_beside_the_new(empty, database_url):
    at(empty, 1)
    elsewhere = Database(database_url)
    old, migrated, stop = OldCode(elsewhere), threading.Event(), threading.Event()

    def work() -> int:
        done, after = 0, 0
        while after < 10:
            old.take_in(f"old{done}")
            done += 1
            after += migrated.is_set()
        return done

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        working = pool.submit(work)
        while not old.names():
            stop.wait(0.01)
        assert empty.create().version == migrations.head()
        migrated.set()
        for number in range(5):
            with empty.transaction() as session:
                bring_to(session, State.RECEIVED, name=f"new{number}", content=str(number))
        done = working.result()
    names = {f"old{number}" for number in range(done)} | {f"new{number}" for number in range(5)}
    assert old.names() == names
    with empty.read() as session:
        rows = LEARNWARES.changed_since(session, 0, 10_000)
        told = Outbox().depth(session)[0]
        headers = set(session.scalars(select(tables.outbox.c.headers)))
    assert {row.name for row in rows} == names
    assert [row.revision for row in rows] == list(range(1, len(names) + 1))
    assert told == len(names)
    assert {json.dumps(json.loads(each)) for each in headers} == {"{}"}
    assert old.publish_one()
    published: list[str] = []
    bus = type("Bus", (OneByOne,), {"publish": lambda _, message: published.append(message.event_id)})()
    relay = Relay(empty, bus)
    while relay.relay():
        pass
    assert len(published) == len(names) - 1
    with empty.read() as session:
        assert session.scalar(select(func.count()).select_from(tables.outbox)) == 0
    elsewhere.close()
