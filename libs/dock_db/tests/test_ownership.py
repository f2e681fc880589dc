"""A store is one dock's: marked when it is new or known to the rows, and refused to every other database."""

from __future__ import annotations

import pytest

from dock_blob.file import FileBlobStore
from dock_blob.mark import BACKUPS, KEY, Mark, put_mark
from dock_db import Database, Identity, schema
from dock_db.ownership import mark, ownership, require_own
from dock_db.tests.making import insert
from learndock.errors import FailedPrecondition


@pytest.fixture
def store(tmp_path) -> FileBlobStore:
    return FileBlobStore(tmp_path / "blobs")


@pytest.fixture
def another(tmp_path):
    database = Database(f"sqlite:///{tmp_path / 'another.db'}")
    database.create()
    yield database
    database.close()


def refused(database, store) -> str:
    with pytest.raises(FailedPrecondition) as error:
        require_own(database, store)
    assert error.value.hint
    return error.value.reason


def test_every_database_is_a_dock_of_its_own_and_stays_it(database, another):
    ids = []
    for each in (database, another, database):
        each.create()
        with each.read() as session:
            ids.append(Identity().get(session))
    assert len(ids[0]) == 32
    assert ids[0] == ids[2] != ids[1]


def test_an_empty_store_is_whose_dock_comes_first(database, another, store):
    assert ownership(database, store).mark is None
    require_own(database, store)
    require_own(database, store)
    assert ownership(database, store).certain
    assert refused(another, store) == "STORE_OF_ANOTHER_DOCK"


def test_a_dock_of_before_gets_its_id_and_its_store_without_anybodys_help(database_url, store, another):
    database = Database(database_url)
    with database.transaction() as session:
        schema.migrate(session, 8)
        key = insert(session).blob_key
    database.create()
    store.put(key, [b"package"])
    store.put("packages/default/aa/orphan", [b"nobody's"])
    assert refused(another, store) == "STORE_UNKNOWN"  # else it would sweep what it does not know
    require_own(database, store)
    assert ownership(database, store).certain
    assert key in {info.key for info in store.list()}
    database.close()


def test_a_place_of_backups_is_no_store(database, store):
    put_mark(store, Mark(ownership(database, store).dock_id, BACKUPS))
    assert refused(database, store) == "STORE_HOLDS_BACKUPS"
    with pytest.raises(FailedPrecondition):
        mark(database, store)


def test_a_mark_that_cannot_be_read_lets_nobody_in(database, store):
    store.put(KEY, [b"?"])
    assert refused(database, store) == "STORE_MARK_UNREADABLE"


def test_the_newest_backup_is_remembered_whatever_comes_later(database):
    with database.transaction() as session:
        assert Identity().backed_up_at(session) == 0.0
        for at in (5.0, 9.0, 7.0):
            Identity().backed_up(session, at)
        assert Identity().backed_up_at(session) == 9.0
