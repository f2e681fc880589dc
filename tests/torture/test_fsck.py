"""`dock fsck` finds each damage that is done to a dock, and `dock retry` is the way back."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys

import pytest

from tests.e2e.conftest import RunningDock
from tests.e2e.learnwares import classifier_package, hostile_package

pytestmark = [pytest.mark.e2e, pytest.mark.sandbox]


def cli(*words):
    command = [sys.executable, "-m", "learndock.cli.main", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def fsck(data, *words):
    done = cli("fsck", "--data", data, "--json", *words)
    assert done.returncode in (0, 1), done.stderr
    found = json.loads(done.stdout)
    return done.returncode, {each["kind"] for each in found["findings"]}, found


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A dock that took a good package and a bad one, and was stopped."""
    folder = tmp_path_factory.mktemp("stopped")
    dock = RunningDock(folder / "data", folder / "dock.log").start()
    client = dock.client()
    ids = [client.push(classifier_package(folder, 0)), client.push(hostile_package(folder, "raises")[0])]
    assert [client.wait(each.learnware_id, timeout=200).state for each in ids] == ["INDEXED", "REJECTED"]
    assert fsck(dock.data)[:2] == (0, set())  # while it runs
    refused = cli("fsck", "--data", dock.data, "--quarantine")
    assert refused.returncode == 1 and "DOCK_FOLDER_IN_USE" in refused.stderr
    assert dock.stop() == 0
    shutil.rmtree(dock.data / "environments")
    return dock.data


@pytest.fixture
def data(stopped, tmp_path):
    return shutil.copytree(stopped, tmp_path / "data")


def sql(data, statement, *values):
    with sqlite3.connect(data / "dock.db") as connection:
        changed = connection.execute(statement, values).rowcount
    connection.close()
    assert changed == 1, statement


def packages(data):
    return sorted(path for path in (data / "blobs" / "objects" / "packages").rglob("*") if path.is_file())


def test_a_whole_dock_is_whole(data):
    assert fsck(data)[:2] == (0, set())


def test_a_copy_as_the_guide_says_is_whole(stopped, tmp_path):
    copied = tmp_path / "copy"
    copied.mkdir()
    for path in [*stopped.glob("dock.db*"), stopped / "blobs", stopped / "keys"]:
        (shutil.copytree if path.is_dir() else shutil.copy)(path, copied / path.name)
    assert fsck(copied)[:2] == (0, set())


def test_a_flipped_bit_is_found_and_put_in_quarantine(data):
    package = packages(data)[0]
    content = bytearray(package.read_bytes())
    content[len(content) // 3] ^= 4
    package.write_bytes(content)
    code, kinds, found = fsck(data, "--quarantine")
    assert (code, kinds) == (1, {"PACKAGE_DAMAGED"})
    assert not package.exists()
    assert [path.read_bytes() for path in (data / "quarantine").rglob("*") if path.is_file()] == [bytes(content)]
    assert len(found["quarantined"]) == 1
    assert fsck(data)[:2] == (1, {"PACKAGE_MISSING"})


def test_an_orphan_counts_only_when_a_sweeper_should_have_come(data, monkeypatch):
    orphan = packages(data)[0]
    shutil.copy(orphan, orphan.with_name("nobodys~"))
    assert fsck(data)[:2] == (0, {"PACKAGE_ORPHAN"})
    monkeypatch.setenv("DOCK_INGESTION_ABANDONED_AFTER_S", "1")
    os.utime(orphan.with_name("nobodys~"), (1, 1))
    assert fsck(data)[:2] == (1, {"PACKAGE_ORPHAN"})


DAMAGES = {
    "SPECIFICATION_UNREADABLE": ("UPDATE specifications SET payload = ?", b"{"),
    "SPECIFICATION_MISSING": ("DELETE FROM specifications WHERE 1 = ?", 1),
    "VERDICT_RECORD_INVALID": ("UPDATE verdicts SET accepted = 1 WHERE accepted = ?", 0),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_what_was_changed_in_the_database_is_found(data, kind):
    sql(data, *DAMAGES[kind])
    code, kinds, _ = fsck(data)
    beside = {"VERDICT_OPPOSED"} if kind == "VERDICT_RECORD_INVALID" else set()
    assert (code, kinds) == (1, {kind} | beside)


def test_a_forged_record_is_found(data):
    sql(data, "UPDATE verdict_records SET signed = replace(signed, 'bubblewrap', 'bubblewarp') WHERE rowid = ?", 1)
    assert fsck(data)[:2] == (1, {"VERDICT_RECORD_INVALID"})


def test_a_lost_key_is_missed_and_not_made_anew(data):
    shutil.rmtree(data / "keys")
    assert fsck(data)[:2] == (1, {"SIGNING_KEY_MISSING"})
    assert not list(data.glob("keys/*"))


def test_there_must_be_a_dock(tmp_path):
    done = cli("fsck", "--data", tmp_path / "none")
    assert done.returncode == 2 and "DOCK_FOLDER_NOT_FOUND" in done.stderr
    assert not (tmp_path / "none").exists()


def test_what_was_given_up_comes_back_by_retry(data):
    dock = RunningDock(data, data.parent / "dock.log")
    with sqlite3.connect(data / "dock.db") as connection:
        connection.execute("UPDATE learnwares SET state = 'FAILED_INTERNAL' WHERE state = 'INDEXED'")
        connection.execute("DELETE FROM specifications")
    connection.close()
    dock.start()
    try:
        [given_up] = dock.client().list(states=["FAILED_INTERNAL"])
        done = cli("retry", given_up.learnware_id, "--data", data)
        assert done.returncode == 0, done.stderr
        assert dock.client().wait(given_up.learnware_id, timeout=100).state == "INDEXED"
        assert "STATE_CONFLICT" in cli("retry", given_up.learnware_id, "--data", data).stderr
    finally:
        assert dock.stop() == 0
    assert fsck(data)[:2] == (0, set())
