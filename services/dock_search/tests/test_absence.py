"""Search while a real database is away: it goes on from the last revision, says so, and comes back by itself."""

from __future__ import annotations

import pytest

from dock_db import Database, State
from dock_search.records import ASK_AGAIN_S
from dock_search.tests.test_search import Library, at
from learndock.errors import FailedPrecondition


@pytest.fixture
def house(house, own_postgres):
    """The same, over a server that can be stopped."""
    house.database.close()
    house.database = Database(own_postgres.new_database(), clock=house.clock)
    house.database.create()
    yield house
    house.database.close()


def test_search_goes_on_without_the_database_and_says_so(house, own_postgres, until, monkeypatch):
    library = Library(house, max_wait_s=0.1)
    near, far = house.embedded(**at(0.0)), house.embedded(**at(40.0))
    library.follower.start()
    until(lambda: house.now(far).state is State.INDEXED)
    until(lambda: library.follower.revision == house.now(far).revision)
    before = library.find(0.0)
    assert not before.stale

    own_postgres.stop()
    away = library.find(0.0)
    assert away.stale
    assert away.revision == before.revision
    assert [row.learnware_id for row, _ in away.hits] == [row.learnware_id for row, _ in before.hits]
    assert [hit for _, hit in away.hits] == [hit for _, hit in before.hits]
    assert any("does not answer" in note for note in away.notes)
    assert library.find(0.0, min_revision=before.revision).stale
    with pytest.raises(FailedPrecondition) as behind:
        library.find(0.0, min_revision=before.revision + 1)
    assert behind.value.reason == "INDEX_BEHIND"

    own_postgres.start()
    until(lambda: not library.find(0.0).stale, seconds=60.0 + ASK_AGAIN_S)
    house.delete(near)
    assert near.learnware_id not in [row.learnware_id for row, _ in library.find(0.0).hits]
    until(lambda: len(library.index) == 1, seconds=60.0)
    library.follower.stop()


def test_that_nothing_was_found_is_stale_too_without_the_database(house, own_postgres):
    library = Library(house)
    library.follower.catch_up()
    assert not library.find(0.0).stale
    own_postgres.stop()
    empty = library.find(0.0)
    assert (empty.hits, empty.stale) == ([], True)
    assert any("does not answer" in note for note in empty.notes)
    own_postgres.start()
