from __future__ import annotations

from contextlib import contextmanager

import pytest

from dock_db import State
from dock_ingestion.sweeper import Sweeper
from learndock.errors import NotFound, Unavailable
from tests.packages.models import build_package

LONG_S = 1_000.0


def grow_old(house):
    house.age_blobs(LONG_S)
    house.clock.pass_by(LONG_S)


def test_what_is_referenced_is_never_touched(office, house):
    kept = [office.push(house.package(kwargs={"threshold": float(n)}))[0] for n in range(3)]
    house.finished(house.claimed(kept[1]), State.REJECTED)
    grow_old(house)
    assert office.sweeper.sweep() == 0
    assert house.keys() == {row.blob_key for row in kept}


def test_what_is_young_is_never_touched(office, house):
    package = house.package()
    half = office.declaration(package)
    office.desk.begin(half)
    office.write(half, package.read_bytes()[:50])
    whole = office.sent(package)
    house.blobs.put("packages/default/orphan/upload-orphan", [b"x"])
    assert office.sweeper.sweep() == 0
    assert office.desk.query(half.upload_id).persisted_bytes == 50
    assert office.desk.query(whole.upload_id).persisted_bytes == whole.size_bytes


def test_an_upload_that_still_grows_is_not_abandoned_however_long_it_takes(office, house):
    package = house.package()
    data = package.read_bytes()
    declaration = office.declaration(package)
    office.desk.begin(declaration)
    office.write(declaration, data[:50])
    grow_old(house)
    office.write(declaration, data[50:], 50)
    office.sweeper.sweep()
    assert office.desk.commit(declaration.upload_id)[0].state is State.RECEIVED


def test_abandoned_uploads_go_with_their_bytes(office, house):
    package = house.package()
    declaration = office.declaration(package)
    office.desk.begin(declaration)
    office.write(declaration, package.read_bytes()[:50])
    grow_old(house)
    assert office.sweeper.sweep() == 1
    assert house.keys() == set()
    with pytest.raises(NotFound) as gone:
        office.desk.query(declaration.upload_id)
    assert gone.value.reason == "UPLOAD_NOT_FOUND"
    assert office.desk.begin(declaration).persisted_bytes == 0


def test_blobs_without_a_record_and_of_deleted_learnwares_go(office, house):
    kept, _ = office.push(house.package())
    deleted, _ = office.push(house.package(kwargs={"threshold": 1.0}))
    office.catalogue.delete(deleted.learnware_id, 0)
    house.blobs.put("packages/default/orphan/upload-orphan", [b"x"])
    grow_old(house)
    assert office.sweeper.sweep() == 2
    assert house.keys() == {kept.blob_key}
    assert office.sweeper.sweep() == 0


@pytest.mark.parametrize("moment", ["after_complete", "before_transaction"])
def test_a_whole_object_whose_commit_was_cut_is_swept_only_after_the_grace(office, house, monkeypatch, moment):
    declaration = office.sent(house.package())
    monkeypatch.setenv("DOCK_FAILPOINTS", f"ingestion.commit.{moment}=error")
    with pytest.raises(Unavailable):
        office.desk.commit(declaration.upload_id)
    monkeypatch.delenv("DOCK_FAILPOINTS")
    assert office.sweeper.sweep() == 0
    assert len(house.keys()) == 1
    grow_old(house)
    assert office.sweeper.sweep() == 1
    assert house.keys() == set()
    assert house.rows() == []


def test_a_commit_under_a_sweep_is_kept_or_refused_as_a_whole(office, house, monkeypatch):
    declaration = office.sent(house.package())
    house.age_blobs(LONG_S)  # its bytes came long ago, and somebody asked for it just now
    office.desk.begin(declaration)
    monkeypatch.setenv("DOCK_FAILPOINTS", "ingestion.commit.before_transaction=error")
    with pytest.raises(Unavailable):
        office.desk.commit(declaration.upload_id)
    monkeypatch.delenv("DOCK_FAILPOINTS")
    office.sweeper.sweep()
    row, _ = office.desk.commit(declaration.upload_id)
    assert house.keys() == {row.blob_key}


def test_an_upload_that_comes_back_while_orphans_are_swept_keeps_its_object(office, house, monkeypatch):
    declaration = office.sent(house.package())
    (unfinished,) = house.blobs.list_unfinished()
    house.blobs.complete(unfinished.key)
    grow_old(house)
    read, rows = house.database.read, []

    def come_back():
        office.desk.begin(declaration)
        rows.append(office.desk.commit(declaration.upload_id)[0])

    def reading():
        monkeypatch.undo()
        return _then(read(), come_back)

    monkeypatch.setattr(house.database, "read", reading)
    assert office.sweeper.sweep() == 0
    assert house.keys() == {rows[0].blob_key}


@contextmanager
def _then(context, act):
    with context as value:
        yield value
    act()


def test_it_sweeps_by_itself_and_survives_a_failure(open_office, house, until, monkeypatch):
    monkeypatch.setenv("DOCK_FAILPOINTS", "db.commit.before=error@1")
    office = open_office()
    settings = office.settings.model_copy(update={"sweep_period_s": 0.05})
    build_package(house.folder / "packages" / "x.zip")
    house.blobs.put("packages/default/orphan/upload-orphan", [b"x"])
    house.age_blobs(LONG_S)
    sweeper = Sweeper(house.database, house.blobs, settings)
    sweeper.start()
    until(lambda: house.keys() == set())
    sweeper.stop()
