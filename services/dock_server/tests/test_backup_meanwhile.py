"""A backup of a dock that people push to, delete from and that is swept meanwhile comes back whole."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from services.conftest import House

from dock_blob import BlobStore
from dock_blob.file import FileBlobStore
from dock_blob.s3 import S3BlobStore
from dock_db import Database
from dock_db.ownership import mark
from dock_ingestion.settings import IngestionSettings
from dock_ingestion.sweeper import Sweeper
from dock_server.backup.restoring import restore
from dock_server.backup.taking import BackupTaker
from dock_server.backup.vault import Vault
from dock_server.folder import DockFolder
from dock_server.inspection import Inspection
from dock_server.opened import OpenedDock
from dock_server.settings import DockSettings

BACKUPS = 3
SWEEPS_ALL = IngestionSettings().model_copy(update={"abandoned_after_s": -1.0})


class Traffic:
    """Pushes, deletions and sweeps until the block ends. A push and a sweep exclude each other: there is no grace."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._sweeper = Sweeper(house.database, house.blobs, SWEEPS_ALL)
        self._over = threading.Event()
        self._whole = threading.Lock()
        self._errors: list[Exception] = []
        self.pushed = self.deleted = self.swept = 0
        self.went_on = threading.Condition()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let it go on beside the block."""
        threads = [threading.Thread(target=self._again, args=[work]) for work in (self._push_and_delete, self._sweep)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join()
        assert self._errors == []

    def some(self) -> None:
        """Wait until more came and more went."""
        with self.went_on:
            wanted = self.pushed + 2, self.deleted + 1
            assert self.went_on.wait_for(lambda: (self.pushed, self.deleted) >= wanted or self._errors, 120.0)

    def _push_and_delete(self) -> None:
        with self._whole:
            row = self._house.received(kwargs={"threshold": float(self.pushed)})
        if self.pushed % 2:
            self._house.delete(row)
        with self.went_on:
            self.deleted += self.pushed % 2
            self.pushed += 1
            self.went_on.notify_all()

    def _sweep(self) -> None:
        with self._whole:
            self.swept += self._sweeper.sweep()

    def _again(self, work: Callable[[], None]) -> None:
        try:
            while not self._over.wait(0.002):
                work()
        except Exception as error:  # noqa: BLE001 - told by the thread that waits
            self._errors.append(error)


@pytest.fixture(params=["laptop", "servers"])
def busy(request, house) -> Iterator[House]:
    """A house in a folder, or with its rows on PostgreSQL and its packages in a bucket."""
    if request.param == "laptop":
        yield house
        return
    postgres, s3 = (request.getfixturevalue(f"{name}_server") for name in ("postgres", "s3"))
    house.database.close()
    house.database = Database(postgres.new_database(), clock=house.clock)
    house.database.create()
    house.blobs = S3BlobStore.connect(s3.new_bucket())
    mark(house.database, house.blobs)
    yield house
    house.blobs.close()
    house.database.close()


def test_whatever_goes_on_a_backup_comes_back_whole(busy, tmp_path):
    vault = Vault.open(str(tmp_path / "vault"), make=True)
    taker = BackupTaker(busy.database, busy.blobs, tenant="default")
    traffic = Traffic(busy)
    with traffic.running():
        for _ in range(BACKUPS):
            traffic.some()
            made = taker.take(vault, progress=lambda done, _: traffic.some() if done == 1 else None)
            assert list(made.manifest.missing) == []
        traffic.some()
    assert traffic.swept > 0
    for number, manifest in enumerate(vault.manifests()):
        database = Database(f"sqlite:///{tmp_path / f'{number}.db'}")
        store = FileBlobStore(tmp_path / f"restored-{number}")
        restore(vault, manifest, database, store, keys=tmp_path / "keys")
        assert findings(database, store, tmp_path) == []
        database.close()


def findings(database: Database, store: BlobStore, folder) -> list[tuple[str, str]]:
    """What `dock fsck` says of it, but for the key, which nobody had."""
    dock = OpenedDock(DockSettings(data=folder), DockFolder(folder), database, store)
    found = Inspection(dock, keys=folder / "keys", grace_s=60.0).findings()
    return [(each.kind, each.detail) for each in found if each.kind != "SIGNING_KEY_MISSING"]
