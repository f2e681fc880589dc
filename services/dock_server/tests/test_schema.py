"""`dock db` on both kinds of database."""

from __future__ import annotations

import json
import threading

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from dock_db import Database, migrations, schema
from dock_server.backup.commands import backup
from dock_server.dlq import dlq
from dock_server.fsck import fsck
from dock_server.reinstate import reinstate
from dock_server.retry import retry
from dock_server.schema import db
from dock_server.tokens import token
from learndock.errors import FailedPrecondition, NotFound, Unavailable


@pytest.fixture(params=["folder", "postgresql"])
def url(request, tmp_path, monkeypatch):
    monkeypatch.delenv("DOCK_DB_URL", raising=False)
    if request.param == "folder":
        (tmp_path / "dock.db").touch()
        return f"sqlite:///{tmp_path / 'dock.db'}"
    url = request.getfixturevalue("postgres_server").new_database()
    monkeypatch.setenv("DOCK_DB_URL", url)
    return url


@pytest.fixture
def dock_db(tmp_path):
    def run(*words: str):
        return CliRunner().invoke(db, [*words, "--data", str(tmp_path)])

    return run


def test_from_nothing_to_the_newest(url, dock_db):
    head = migrations.head()
    before = dock_db("status", "--json")
    assert before.exit_code == 1
    assert json.loads(before.stdout)["state"] == "behind"
    assert "dock db migrate" in dock_db("status").stdout
    migrated = json.loads(dock_db("migrate", "--json").stdout)
    assert (migrated["before"], migrated["schema"], migrated["state"]) == (0, head, "ready")
    assert json.loads(dock_db("migrate", "--json").stdout)["before"] == head
    after = dock_db("status")
    assert after.exit_code == 0
    assert f"schema {head}" in after.stdout


def test_of_a_newer_release(url, dock_db):
    dock_db("migrate")
    database = Database(url)
    with database.transaction() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0999'"))
    assert json.loads(dock_db("status", "--json").stdout)["state"] == "newer"
    with database.transaction() as session:
        session.execute(text("UPDATE schema_marker SET least_code = 999"))
    found = dock_db("status", "--json")
    assert (found.exit_code, json.loads(found.stdout)["state"]) == (1, "too_new")
    refused = dock_db("migrate")
    assert isinstance(refused.exception, FailedPrecondition)
    assert refused.exception.reason == "SCHEMA_TOO_NEW"
    database.close()


def test_who_waits_goes_on_when_it_is_there(url, dock_db):
    database = Database(url)
    threading.Timer(0.3, database.create).start()
    assert dock_db("status", "--wait", "120").exit_code == 0
    database.close()


def test_waiting_in_vain_says_why(url, dock_db):
    found = dock_db("status", "--wait", "0.1")
    assert isinstance(found.exception, FailedPrecondition)
    assert found.exception.reason == "SCHEMA_TOO_OLD"


def test_where_no_dock_is_none_is_made(dock_db, tmp_path, monkeypatch):
    monkeypatch.delenv("DOCK_DB_URL", raising=False)
    for word in ("status", "migrate"):
        assert isinstance(dock_db(word).exception, NotFound)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [["fsck"], ["backup", "copy"], ["retry", "00000001"], ["reinstate", "00000001"]])
def test_commands_for_a_dock_say_that_its_schema_is_old(words, tmp_path, monkeypatch):
    monkeypatch.delenv("DOCK_DB_URL", raising=False)
    database = Database(f"sqlite:///{tmp_path / 'dock.db'}")
    with database.transaction() as session:
        schema.migrate(session, to=2)
    database.close()
    commands = {"fsck": fsck, "backup": backup, "retry": retry, "reinstate": reinstate}
    arguments = [word if word != "copy" else str(tmp_path / "copy") for word in words[1:]]
    why = ["--why", "it was mended"] if words[0] == "reinstate" else []
    done = CliRunner().invoke(commands[words[0]], [*arguments, *why, "--data", str(tmp_path)])
    assert getattr(done.exception, "reason", "") == "SCHEMA_TOO_OLD", done.output
    assert not (tmp_path / "copy").exists()


COMMANDS = [(db, ["status"]), (db, ["migrate"]), (fsck, []), (token, ["list"]), (dlq, ["list"]), (retry, ["00000001"])]


@pytest.mark.parametrize(("command", "words"), COMMANDS, ids=lambda part: getattr(part, "name", ""))
def test_a_database_that_does_not_answer_is_named_without_its_password(command, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOCK_DB_URL", "postgresql+psycopg2://dock:ge/heim@127.0.0.1:1/house")
    monkeypatch.setenv("DOCK_BLOB_URL", (tmp_path / "store").as_uri())
    done = CliRunner().invoke(command, words)
    assert isinstance(done.exception, Unavailable)
    assert done.exception.reason == "DATABASE_DOWN"
    assert "127.0.0.1:1/house" in done.exception.hint
    assert "heim" not in str(done.exception) + done.output
