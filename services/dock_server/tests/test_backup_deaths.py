"""`dock backup` and `dock restore` die by SIGKILL at each moment that matters: the next goes on, or says why not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from services.conftest import Clock, House

from dock_blob.file import FileBlobStore
from dock_blob.mark import read_mark
from dock_db import Database, Learnwares
from dock_db.ownership import mark, ownership
from dock_server.backup.commands import restore as restore_command
from dock_server.backup.manifest import Manifest
from dock_server.backup.taking import BackupTaker
from dock_server.backup.vault import Vault
from dock_server.backup.verifying import verify
from dock_server.fsck import fsck as fsck_command
from learndock.errors import FailedPrecondition

HOLD_S = 120.0


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A dock in a folder, with one backup in `vault` and two packages since."""
    for name in ("DOCK_DB_URL", "DOCK_BLOB_URL"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "dock"
    (folder / "keys").mkdir(parents=True)
    database = Database(f"sqlite:///{folder / 'dock.db'}", clock=Clock())
    database.create()
    house = House(tmp_path, database, FileBlobStore(folder / "blobs"), Clock())
    mark(database, house.blobs)
    house.received(kwargs={"threshold": 1.0})
    BackupTaker(database, house.blobs, tenant="default").take(Vault.open(str(tmp_path / "vault"), make=True))
    for threshold in (2.0, 3.0):
        house.received(kwargs={"threshold": threshold})
    database.close()
    return folder


def killed(failpoint: str, *words: str) -> None:
    """Run a command that dies at a failpoint."""
    done = subprocess.run(
        [sys.executable, "-m", "learndock.cli.main", *words],
        env={**os.environ, "DOCK_FAILPOINTS": failpoint},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stdout + done.stderr


def names_of(folder: Path) -> list[str]:
    database = Database(f"sqlite:///{folder / 'dock.db'}")
    with database.read() as session:
        found = [row.blob_key for row in Learnwares().changed_since(session, 0)]
    database.close()
    return found


BACKUP_DIES = {
    "db.commit.after=kill@1": "its hold is taken, nothing is written",
    "blob.put.before_rename=kill@1": "the rows are written aside",
    "blob.put.after_rename=kill@2": "rows and list are there, no package",
    "blob.put.before_rename=kill@4": "one package is there, another is written aside",
    "blob.put.before_rename=kill@5": "everything is there, the manifest is written aside",
    "blob.put.after_rename=kill@5": "the manifest is there, nobody was told",
}
COMPLETE = {"blob.put.after_rename=kill@5"}


@pytest.mark.parametrize("moment", BACKUP_DIES)
def test_a_backup_that_dies_is_never_half_and_the_next_goes_on(folder, tmp_path, moment):
    vault = Vault.open(str(tmp_path / "vault"))
    [before] = vault.manifests()
    killed(moment, "backup", str(tmp_path / "vault"), "--data", str(folder))
    assert len(vault.manifests()) == 1 + (moment in COMPLETE)
    assert not [flaw for each in vault.manifests() for flaw in verify(vault, each)]

    blobs = FileBlobStore(folder / "blobs")
    with pytest.raises(FailedPrecondition) as held:
        take(folder, blobs, vault, later_s=0.0)
    assert (held.value.reason, "if it died" in held.value.hint) == ("HELD_BY_ANOTHER", True)
    made = take(folder, blobs, vault, later_s=HOLD_S)
    assert made.packages == 3
    assert not list((tmp_path / "vault" / "aside").iterdir())
    assert not [flaw for each in vault.manifests() for flaw in verify(vault, each)]
    assert before.name in {each.name for each in vault.manifests()}
    assert vault.manifest().name == made.name


def take(folder: Path, blobs: FileBlobStore, vault: Vault, *, later_s: float) -> Manifest:
    database = Database(f"sqlite:///{folder / 'dock.db'}", clock=lambda: time.time() + later_s)
    try:
        return BackupTaker(database, blobs, tenant="default").take(vault).manifest
    finally:
        database.close()


RESTORE_DIES = {
    "db.commit.after=kill@1": "the database is empty, the store is not marked",
    "blob.put.after_rename=kill@1": "the store is marked, and has no package",
    "blob.put.before_rename=kill@3": "one package is there, another is written aside",
    "db.commit.before=kill@2": "packages are there, rows are not committed",
}


@pytest.mark.parametrize(
    ("moment", "same_dock"), [*((moment, False) for moment in RESTORE_DIES), ("db.commit.before=kill@3", True)]
)
def test_a_restore_that_dies_leaves_an_empty_dock_and_the_same_command_goes_on(folder, tmp_path, moment, same_dock):
    vault, target = str(tmp_path / "vault"), tmp_path / "back"
    made = take(folder, FileBlobStore(folder / "blobs"), Vault.open(vault), later_s=0.0)
    command = [vault, "--data", str(target), *(["--same-dock"] if same_dock else [])]
    killed(moment, "restore", *command)
    assert empty(target)
    done = CliRunner().invoke(restore_command, [*command, "--json"], catch_exceptions=False)
    said = json.loads(done.stdout)
    assert {each["kind"] for each in said["findings"] if each["serious"]} == {"SIGNING_KEY_MISSING"}
    assert names_of(target) == names_of(folder)
    assert (said["dock_id"] == made.dock_id) == same_dock
    store = FileBlobStore(target / "blobs")
    database = Database(f"sqlite:///{target / 'dock.db'}")
    assert ownership(database, store).certain
    database.close()


def empty(target: Path) -> bool:
    database = Database(f"sqlite:///{target / 'dock.db'}")
    try:
        if not database.schema().version:
            return True
    finally:
        database.close()
    return not names_of(target)


def test_a_restore_that_dies_when_it_is_done_is_done(folder, tmp_path):
    vault, target = str(tmp_path / "vault"), tmp_path / "back"
    take(folder, FileBlobStore(folder / "blobs"), Vault.open(vault), later_s=0.0)
    killed("db.commit.after=kill@2", "restore", vault, "--data", str(target))
    with pytest.raises(FailedPrecondition) as refused:
        CliRunner().invoke(restore_command, [vault, "--data", str(target)], catch_exceptions=False)
    assert refused.value.reason == "DOCK_NOT_EMPTY"
    assert "dock fsck" in refused.value.hint
    found = CliRunner().invoke(fsck_command, ["--data", str(target), "--json"], catch_exceptions=False)
    assert {each["kind"] for each in json.loads(found.stdout)["findings"]} == {"SIGNING_KEY_MISSING"}
    assert names_of(target) == names_of(folder)
    assert read_mark(FileBlobStore(target / "blobs")) is not None
