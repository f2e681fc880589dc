"""A logical copy is the same from both databases and into both, and what was under way goes on from it."""

from __future__ import annotations

import importlib
import json
import shutil
from pathlib import Path

import pytest
from sqlalchemy import select, update

from dock_db import Database, Identity, Learnwares, State, Tokens, Uploads, Verdicts, holds, migrations, rowcopy, tables
from dock_db.consistency import breaches
from dock_db.tests.making import bring_to, claim, finish, insert, verdict
from learndock.errors import FailedPrecondition, InvalidInput

FIRST = importlib.import_module("dock_db.migrations.versions.0001_first_tables").metadata.tables
ODD = "Müller's «model» \U0001f40d\n\t\\ \" null"


@pytest.fixture
def other(request, tmp_path, postgres_server):
    """An empty database of the kind that a test names."""
    opened = []

    def empty(kind):
        url = postgres_server.new_database() if kind == "postgresql" else f"sqlite:///{tmp_path / 'other.db'}"
        opened.append(Database(url))
        return opened[-1]

    yield empty
    for each in opened:
        each.close()


def fill(database):
    with database.transaction() as session:
        for state in (State.RECEIVED, State.CHECKING, State.REJECTED, State.EMBEDDING, State.INDEXED):
            bring_to(session, state, content=state.value, name=ODD)
        checked = claim(session, insert(session, content="judged"))
        Verdicts().record(session, verdict(checked))
        finish(session, checked, verdict_id=verdict(checked).verdict_id)
        row = bring_to(session, State.INDEXED, content="gone")
        Learnwares().delete(session, row.learnware_id)
        Tokens().create(
            session, token_id="t", digest="d" * 64, tenant="default", owner="ann", scopes=["read"], lasts_s=60.0
        )
        for number in range(2):
            Uploads().begin(
                session,
                upload_id=f"upload-{number}",
                tenant="default",
                owner="ann",
                learnware_id="",
                size_bytes=1,
                sha256="c",
                blob_key=f"k{number}",
                semantic_json="",
            )
        Uploads().commit(session, "upload-1", row.learnware_id, row.version)


def dumped(database):
    lines = []
    with database.read() as session:
        counts = rowcopy.dump(session, lines.append)
    return lines, counts


def load(database, lines, version, **more):
    with database.transaction() as session:
        return rowcopy.load(session, lines, version=version, **more)


def all_rows(database):
    with database.read() as session:
        return {table.name: session.execute(select(table).order_by(*table.primary_key)).all() for table in TABLES}


TABLES = [table for table in rowcopy.copied_tables() if table.name not in ("learnwares", "uploads")]


@pytest.mark.parametrize("target", ["sqlite", "postgresql"])
def test_everything_comes_back_in_either_database(database, other, target):
    fill(database)
    lines, counts = dumped(database)
    assert all(line.endswith("\n") and line.isascii() for line in lines)
    copied = other(target)
    assert load(copied, lines, database.schema().version) == counts
    assert counts["uploads"] == 1
    assert all_rows(copied) == all_rows(database)
    assert copied.schema().version == database.schema().version
    with copied.read() as mine, database.read() as theirs:
        assert Learnwares().revision(mine) == Learnwares().revision(theirs)
        [found] = [row for row in Learnwares().changed_since(mine, 0) if row.state is State.INDEXED]
        assert found == Learnwares().get(theirs, found.learnware_id)
        assert found.name == ODD
        assert [each for each in breaches(mine) if each.kind != "VERDICT_DANGLING"] == []


def test_what_was_under_way_is_free_and_overdue_and_ids_can_be_left_out(database, other):
    fill(database)
    lines, _ = dumped(database)
    copied = other("sqlite")
    load(copied, lines, database.schema().version, skip_ids=100)
    with copied.transaction() as session:
        due = Learnwares().overdue(session, grace_s=1.0, limit=100)
        assert {row.state for row in due} == {State.RECEIVED, State.CHECKING, State.ACCEPTED, State.EMBEDDING}
        assert {row.lease_until for row in due} == {0.0}
        assert int(insert(session, content="later").learnware_id) > 100
    again, _ = dumped(copied)
    assert any('"table": "outbox"' in line for line in again) is False


def test_only_an_empty_database_is_filled_and_a_bad_copy_changes_nothing(database, other):
    fill(database)
    lines, _ = dumped(database)
    version = database.schema().version
    with pytest.raises(FailedPrecondition) as refused:
        load(database, lines, version)
    assert refused.value.reason == "DOCK_NOT_EMPTY"
    copied = other("sqlite")
    with pytest.raises(FailedPrecondition) as newer:
        load(copied, lines, version + 1)
    assert newer.value.reason == "SCHEMA_TOO_NEW"
    for bad in (
        [*lines, "{"],
        [*lines, '{"table": "unheard_of", "columns": []}\n'],
        ["[1]\n"],
        [*lines[:1], "[]\n"],
        [],
    ):
        with pytest.raises(InvalidInput) as damaged:
            load(copied, bad, version)
        assert damaged.value.reason == "BACKUP_DAMAGED"
        assert copied.schema().version == 0
    assert load(copied, lines, version)["learnwares"] == 7


@pytest.fixture
def later_release(tmp_path, monkeypatch):
    """The code of a later release: it has one more migration, which changes rows."""
    here, head = tmp_path / "migrations", migrations.head()
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(migrations.__file__).parent, here, ignore=ignored)

    def upgrade() -> None:
        (here / "versions" / f"{head + 1:04d}_louder.py").write_text(
            "from alembic import op\n"
            f"revision, down_revision, LEAST_CODE = '{head + 1:04d}', '{head:04d}', 1\n\n\n"
            "def upgrade():\n"
            "    op.execute(\"UPDATE learnwares SET name = name || '!'\")\n"
        )
        monkeypatch.setattr(migrations, "_HERE", here)
        monkeypatch.setattr(migrations, "_VERSIONS", here / "versions")

    return upgrade


@pytest.mark.parametrize("target", ["sqlite", "postgresql"])
@pytest.mark.parametrize("migrated", [True, False])
def test_what_later_migrations_do_to_rows_is_done_to_rows_of_an_older_copy(
    database, other, target, migrated, later_release
):
    fill(database)
    lines, counts = dumped(database)
    version = database.schema().version
    later_release()
    copied = other(target)
    if migrated:  # as `dock db migrate` leaves an empty one, or a restore that was torn
        copied.create()
    before = identity_of(copied) if migrated else ""
    assert load(copied, lines, version) == counts
    assert copied.schema().version == version + 1
    with copied.read() as session:
        names = {row.name for row in Learnwares().changed_since(session, 0)}
    assert names == {f"{ODD}!", "a model!"}
    assert not migrated or identity_of(copied) == before
    with copied.transaction() as session:
        assert insert(session, content="new").revision > counts["learnwares"]


def identity_of(database):
    with database.read() as session:
        return Identity().get(session)


@pytest.mark.parametrize("target", ["sqlite", "postgresql"])
def test_a_copy_of_the_first_schema_comes_back_in_the_newest(database, other, target):
    fill(database)
    lines, counts = dumped(database)
    copied = other(target)
    copied.create()
    load(copied, as_of_the_first_schema(lines), 1)
    assert copied.schema().version == migrations.head()
    with copied.read() as mine:
        assert len(Learnwares().changed_since(mine, 0)) == counts["learnwares"]
        assert {each.kind for each in breaches(mine)} <= {"VERDICT_DANGLING"}
        assert holds.sweeping_is_held(mine)


def as_of_the_first_schema(lines):
    """The same copy without the tables and columns that came later."""
    kept: list[int] = []
    for line in lines:
        said = json.loads(line)
        if isinstance(said, dict):
            known = FIRST.get(said["table"])
            names = list(known.columns.keys()) if known is not None else []
            kept = [number for number, name in enumerate(said["columns"]) if name in names]
            said["columns"] = [said["columns"][number] for number in kept]
            if kept:
                yield json.dumps(said)
        elif kept:
            yield json.dumps([said[number] for number in kept])


def test_a_hold_is_one_holders_until_it_lets_go_or_runs_out(database, clock):
    first, second = (holds.Hold(database, "backup", for_s=60.0) for _ in range(2))
    first.take()
    with pytest.raises(FailedPrecondition) as held:
        second.take()
    assert held.value.reason == "HELD_BY_ANOTHER"
    clock.pass_by(50)
    first.renew()
    clock.pass_by(50)
    with database.read() as session:
        assert holds.is_held(session, "backup")
    clock.pass_by(11)
    with database.read() as session:
        assert not holds.is_held(session, "backup")
    second.take()
    with pytest.raises(FailedPrecondition) as lost:
        first.renew()
    assert lost.value.reason == "HOLD_LOST"
    first.release()
    with database.read() as session:
        assert holds.is_held(session, "backup")
    second.release()
    first.take()


_L = tables.learnwares
BREACHES = {
    "REVISION_BEYOND_COUNTER": lambda row: update(tables.revision).values(value=1),
    "ID_BEYOND_COUNTER": lambda row: update(tables.revision).values(next_learnware=1),
    "STATE_UNKNOWN": lambda row: update(_L).values(state="ODD"),
    "LEASE_WITHOUT_WORK": lambda row: update(_L).values(lease_until=5.0),
    "LEASE_TOO_LONG": lambda row: update(_L).values(state="CHECKING", verdict_id="", lease_until=1e12),
    "ATTEMPT_MISSING": lambda row: update(_L).values(state="CHECKING", verdict_id="", attempt=0),
    "TRIES_TOO_MANY": lambda row: update(_L).values(tries=9),
    "VERDICT_EARLY": lambda row: update(_L).values(state="RECEIVED"),
    "VERDICT_DANGLING": lambda row: update(_L).values(verdict_id="another"),
    "VERDICT_OF_NO_ATTEMPT": lambda row: update(_L).values(attempt=0),
    "VERDICT_OPPOSED": lambda row: update(_L).values(state="REJECTED"),
    "EVENT_UNREADABLE": lambda row: update(tables.outbox).values(payload=b"\xff\xff"),
    "EVENT_DANGLING": lambda row: update(_L).values(learnware_id="00000000"),
    "OUTBOX_LATE": lambda row: update(tables.outbox).values(created_at=1.0),
}


@pytest.mark.parametrize("kind", BREACHES)
def test_each_rule_of_the_rows_is_looked_at(sqlite_url, kind):
    database = Database(sqlite_url)
    database.create()
    with database.transaction() as session:
        row = claim(session, insert(session))
        Verdicts().record(session, verdict(row))
        finish(session, row, verdict_id=verdict(row).verdict_id)
    with database.read() as session:
        assert list(breaches(session)) == []
    with database.transaction() as session:
        if kind == "EVENT_DANGLING":
            session.connection().exec_driver_sql("PRAGMA defer_foreign_keys=ON")
            session.execute(tables.verdicts.delete())
            session.execute(update(_L).values(verdict_id=""))
        session.execute(BREACHES[kind](row))
    with database.read() as session:
        found = {each.kind for each in breaches(session)}
    database.close()
    assert kind in found
