"""A dock runs on its own store alone, whatever was restored where; and what is live is never swept by another."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner
from services.conftest import Clock, House
from tools.services.house import dock_environment

from dock_blob.file import FileBlobStore
from dock_blob.mark import KEY, read_mark
from dock_db import Database, Identity, holds
from dock_db.ownership import ownership, require_own
from dock_ingestion.settings import IngestionSettings
from dock_ingestion.sweeper import Sweeper
from dock_server.backup.restoring import restore
from dock_server.backup.taking import BackupTaker
from dock_server.backup.vault import Vault
from dock_server.commands import serve as serve_command
from dock_server.composition import compose
from dock_server.doctor import look
from dock_server.folder import DockFolder
from dock_server.fsck import fsck as fsck_command
from dock_server.schema import db as db_command
from dock_server.settings import DockSettings
from learndock.errors import FailedPrecondition

SETTINGS = IngestionSettings(abandoned_after_s=1.0)
DAYS = 86400.0


@dataclass
class Live:
    """A dock that runs: rows, its shared folder of packages, a backup, and what came after it."""

    house: House
    vault: Vault
    later: str

    @property
    def packages(self) -> set[str]:
        return {info.key for info in self.house.blobs.list("packages/")}


@pytest.fixture
def live(house, tmp_path) -> Live:
    house.indexed(kwargs={"threshold": 1.0})
    vault = Vault.open(str(tmp_path / "vault"), make=True)
    BackupTaker(house.database, house.blobs, tenant="default").take(vault)
    later = house.received(kwargs={"threshold": 2.0}).blob_key
    for folder, _, names in os.walk(house.folder / "blobs"):
        for name in names:
            os.utime(Path(folder, name), (1, 1))
    return Live(house, vault, later)


@pytest.fixture
def drill(tmp_path):
    """An empty database."""
    clock = Clock()
    database = Database(f"sqlite:///{tmp_path / 'drill.db'}", clock=clock)
    database.pass_by = clock.pass_by
    yield database
    database.close()


def brought_back(live, database, blobs, **more):
    return restore(live.vault, live.vault.manifest(), database, blobs, keys=live.house.folder / "keys", **more)


def dock_id(database) -> str:
    with database.read() as session:
        return Identity().get(session)


def refused(act) -> str:
    with pytest.raises(FailedPrecondition) as error:
        act()
    assert error.value.hint
    return error.value.reason


def test_a_drill_with_the_live_store_takes_nothing_from_the_live_dock(live, drill):
    before = live.packages
    assert live.later in before
    assert refused(lambda: brought_back(live, drill, live.house.blobs)) == "STORE_OF_ANOTHER_DOCK"
    elsewhere = FileBlobStore(live.house.folder / "elsewhere")
    brought_back(live, drill, elsewhere)  # and now somebody lets it run with the live store's address
    drill.pass_by(30 * DAYS)
    assert refused(Sweeper(drill, live.house.blobs, SETTINGS).sweep) == "STORE_OF_ANOTHER_DOCK"
    assert live.packages == before
    assert dock_id(drill) != dock_id(live.house.database)
    require_own(drill, elsewhere)
    assert Sweeper(live.house.database, live.house.blobs, SETTINGS).sweep() == 0
    assert live.packages == before


def test_a_store_from_before_there_were_marks_is_not_restored_into(live, drill):
    live.house.blobs.delete(KEY)
    before = live.packages
    assert refused(lambda: brought_back(live, drill, live.house.blobs)) == "STORE_NOT_EMPTY"
    assert (live.packages, read_mark(live.house.blobs)) == (before, None)


def test_a_lost_database_comes_back_to_its_store_and_what_came_later_is_not_swept_at_once(live, drill):
    lost, before = dock_id(live.house.database), live.packages
    done = brought_back(live, drill, live.house.blobs, same_dock=True)
    assert done.dock_id == dock_id(drill) == lost
    assert ownership(drill, live.house.blobs).certain
    sweeper = Sweeper(drill, live.house.blobs, SETTINGS)
    drill.pass_by(6 * DAYS)
    assert sweeper.sweep() == 0
    assert live.packages == before
    drill.pass_by(2 * DAYS)
    assert sweeper.sweep() == 1
    assert live.packages == before - {live.later}
    taken = BackupTaker(drill, live.house.blobs, tenant="default").take(live.vault)
    assert taken.manifest.dock_id == lost


def test_a_lost_dock_comes_back_to_a_new_store_too(live, drill):
    elsewhere = FileBlobStore(live.house.folder / "elsewhere")
    brought_back(live, drill, elsewhere, same_dock=True)
    assert ownership(drill, elsewhere).certain
    assert dock_id(drill) == dock_id(live.house.database)


def test_the_same_dock_is_never_put_into_anothers_store(live, drill, tmp_path):
    other = Database(f"sqlite:///{tmp_path / 'other.db'}")
    other.create()
    theirs = FileBlobStore(tmp_path / "theirs")
    require_own(other, theirs)
    assert refused(lambda: brought_back(live, drill, theirs, same_dock=True)) == "STORE_OF_ANOTHER_DOCK"
    assert list(theirs.list("packages/")) == []
    other.close()


def test_two_docks_never_share_a_place_for_backups(live, drill):
    elsewhere = FileBlobStore(live.house.folder / "elsewhere")
    brought_back(live, drill, elsewhere)
    kept = live.vault.names()
    taker = BackupTaker(drill, elsewhere, tenant="default")
    assert refused(lambda: taker.take(live.vault, keep=1)) == "BACKUPS_OF_ANOTHER_DOCK"
    assert live.vault.names() == kept
    with drill.read() as session:
        assert not holds.is_held(session, holds.BACKUP)


def test_a_docks_own_store_is_no_place_for_its_backups(live):
    """There `keep` would take for an old backup's package what is a learnware."""
    taker = BackupTaker(live.house.database, live.house.blobs, tenant="default")
    before = live.packages
    assert refused(lambda: taker.take(Vault(live.house.blobs, "here"), keep=1)) == "BACKUPS_AMONG_PACKAGES"
    assert live.packages == before


def test_backups_of_before_there_were_marks_go_on_in_their_place(live):
    live.vault.store.delete(KEY)
    live.house.clock.pass_by(1.0)
    BackupTaker(live.house.database, live.house.blobs, tenant="default").take(live.vault)
    mark = read_mark(live.vault.store)
    assert mark is not None
    assert mark.dock_id == dock_id(live.house.database)


@pytest.fixture
def strangers(postgres_server, s3_server, monkeypatch):
    """An environment with one dock's database and another's bucket; the second dock's database."""
    urls = postgres_server.new_database(), postgres_server.new_database()
    bucket = s3_server.new_bucket()
    databases = [Database(url) for url in urls]
    from dock_blob.s3 import S3BlobStore

    store = S3BlobStore.connect(bucket)
    for database in databases:
        database.create()
    require_own(databases[1], store)
    for name, value in dock_environment(db_url=urls[0], bus_url="", blob_url=bucket).items():
        monkeypatch.setenv(name, value)
    yield databases
    store.close()
    for database in databases:
        database.close()


def run(command, *words, code=0):
    done = CliRunner().invoke(command, list(words), catch_exceptions=False)
    assert done.exit_code == code, done.output
    return done.stdout if "--json" in words else done.output


def test_everybody_who_looks_says_that_the_store_is_anothers(strangers):
    [told] = [each for each in look() if each.name == "store's dock"]
    assert not told.ok
    assert told.needed
    assert told.remedy
    said = run(serve_command, "--target", "ingestion", "--check-config", "--connect", code=3)
    assert "FAILED  store's-dock" in said
    found = json.loads(run(fsck_command, "--json", code=1))["findings"]
    assert "STORE_OF_ANOTHER_DOCK" in {each["kind"] for each in found if each["serious"]}
    identity = json.loads(run(db_command, "identity", "--json", code=1))
    assert identity == {
        "dock_id": dock_id(strangers[0]),
        "store": {"dock_id": dock_id(strangers[1]), "holds": "packages"},
    }


def test_a_service_does_not_start_on_anothers_store(strangers, tmp_path):
    dock = compose(DockFolder(tmp_path), DockSettings(port=0, data=tmp_path), ("ingestion",))
    try:
        assert refused(dock.start) == "STORE_OF_ANOTHER_DOCK"
    finally:
        dock.stop(0.1)


def test_an_operator_who_knows_better_puts_the_two_together(strangers):
    run(db_command, "identity", "--take-store")
    assert dock_id(strangers[0]) == dock_id(strangers[1])
    with strangers[0].read() as session:
        assert holds.sweeping_is_held(session)
    run(db_command, "identity", "--renew", code=1)
    assert dock_id(strangers[0]) != dock_id(strangers[1])


def test_a_folder_of_before_is_marked_when_the_dock_starts(tmp_path, live):
    folder = DockFolder(tmp_path / "dock")
    folder.root.mkdir()
    settings = DockSettings(port=0, data=folder.root)
    for _ in range(2):
        dock = compose(folder, settings, ("ingestion",))
        dock.start()
        dock.stop(0.1)
    mark = read_mark(FileBlobStore(folder.blobs))
    database = Database(folder.database_url)
    assert mark is not None
    assert mark.dock_id == dock_id(database)
    database.close()
