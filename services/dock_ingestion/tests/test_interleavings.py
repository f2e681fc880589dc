"""Sweeper and commits that meet at the worst moment, on a database where several write at a time.

Whatever they do to one another, what a commit returned keeps its object (guarantee G1).
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable

import pytest
from sqlalchemy import text

from dock_blob.file import FileBlobStore
from dock_blob.mark import KEY
from dock_db import Database, Uploads
from dock_db.ownership import mark
from dock_ingestion.sweeper import Sweeper
from learndock.errors import DockError, InvalidInput, NotFound
from learndock.package import PackageLimits

LONG_S = 1_000.0
PATIENCE_S = 60.0


class Pause:
    """A moment at which a thread stands still until it is let go."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.over = threading.Event()

    def here(self) -> None:
        """Stand still."""
        self.reached.set()
        assert self.over.wait(PATIENCE_S)


class SlowToDelete(FileBlobStore):
    """A store whose deletions take as long as the test wants."""

    def __init__(self, folder, pause: Pause) -> None:
        super().__init__(folder)
        self.pause = pause

    def delete(self, key: str) -> None:
        """Stand still, then delete: as a request that is long under way."""
        self.pause.here()
        super().delete(key)


class Doing(threading.Thread):
    """Something done on a thread; its result or its error."""

    def __init__(self, act: Callable[[], object]) -> None:
        super().__init__(daemon=True)
        self._act = act
        self.result: object = None
        self.error: DockError | None = None
        self.start()

    def run(self) -> None:
        """Do it."""
        try:
            self.result = self._act()
        except DockError as error:
            self.error = error

    def ended(self) -> Doing:
        """Wait for it."""
        self.join(PATIENCE_S)
        assert not self.is_alive()
        return self


@pytest.fixture
def house(house, postgres_server):
    """The house of the other tests, with its rows on a server."""
    house.database.close()
    house.database = Database(postgres_server.new_database(), clock=house.clock)
    house.database.create()
    house.blobs.delete(KEY)
    mark(house.database, house.blobs)
    yield house
    house.database.close()


@pytest.fixture
def pause():
    pause = Pause()
    yield pause
    pause.over.set()


def grow_old(house):
    house.age_blobs(LONG_S)
    house.clock.pass_by(LONG_S)


def waits_for_a_lock(house) -> bool:
    with house.database.read() as session:
        mine = "datname = current_database() AND wait_event_type = 'Lock'"
        return bool(session.scalar(text(f"SELECT count(*) FROM pg_stat_activity WHERE {mine}")))


def assert_nothing_accepted_is_lost(house):
    for row in house.rows():
        stored = b"".join(house.blobs.read(row.blob_key))
        assert hashlib.sha256(stored).hexdigest() == row.content_sha256


def left_whole(office, house, package):
    """An upload whose object is whole and whose row is gone: what the sweeper takes."""
    declaration = office.sent(package)
    (unfinished,) = house.blobs.list_unfinished()
    house.blobs.complete(unfinished.key)
    grow_old(house)
    return declaration


def send_again(office, declaration, package):
    office.desk.begin(declaration)
    office.write(declaration, package.read_bytes())
    return office.desk.commit(declaration.upload_id)[0]


def test_an_upload_begun_again_and_committed_while_its_old_object_is_swept(office, house, pause):
    package = house.package()
    declaration = left_whole(office, house, package)
    sweeper = Sweeper(house.database, SlowToDelete(house.folder / "blobs", pause), office.settings)
    sweep = Doing(sweeper.sweep)
    assert pause.reached.wait(PATIENCE_S)
    row = send_again(office, declaration, package)
    pause.over.set()
    assert sweep.ended().result == 1
    assert_nothing_accepted_is_lost(house)
    assert house.keys() == {row.blob_key}


def test_a_deletion_that_reaches_the_store_when_its_transaction_is_long_over(office, house, monkeypatch):
    """A store may carry out what its client has given up: no lock of the database lasts until then."""
    package = house.package()
    declaration = left_whole(office, house, package)
    late = []
    with monkeypatch.context() as patch:
        patch.setattr(house.blobs, "delete", late.append)
        office.sweeper.sweep()
    send_again(office, declaration, package)
    assert len(late) == 1
    house.blobs.delete(late[0])
    assert_nothing_accepted_is_lost(house)


def test_a_refusal_that_is_late_does_not_drop_what_was_committed_meanwhile(
    office, open_office, house, pause, until, monkeypatch
):
    """Two processes commit one upload, the second by stricter limits than the first."""
    declaration = office.sent(house.package())
    strict = open_office().desk
    strict._package_limits = PackageLimits(entries=1)
    drop = Uploads.drop

    def drop_after_a_pause(self, session, upload_id):
        pause.here()
        drop(self, session, upload_id)

    monkeypatch.setattr(Uploads, "drop", drop_after_a_pause)
    refused = Doing(lambda: strict.commit(declaration.upload_id))
    assert pause.reached.wait(PATIENCE_S)
    accepted = Doing(lambda: office.desk.commit(declaration.upload_id)[0])
    until(lambda: not accepted.is_alive() or waits_for_a_lock(house), PATIENCE_S)
    pause.over.set()
    assert isinstance(refused.ended().error, InvalidInput)
    assert isinstance(accepted.ended().error, NotFound)
    assert house.rows() == []
    assert house.keys() == set()
