"""Search and the catalogue over a real standby: held up, it hides nothing new and brings nothing back."""

from __future__ import annotations

import pytest
from sqlalchemy import make_url, text

from dock_db import Database, State
from dock_db.tests.standby import StandbyServer
from dock_ingestion.catalogue import Catalogue
from dock_search.tests.test_search import Library, at


@pytest.fixture
def standby(own_postgres):
    standby = StandbyServer(own_postgres)
    try:
        standby.start()
        yield standby
    finally:
        standby.close()


@pytest.fixture
def house(house, own_postgres, standby):
    """The same, over the two servers."""
    url = own_postgres.new_database()
    embedded, house.database = house.database, Database(url, clock=house.clock)
    embedded.close()
    house.database.create()
    standby.catch_up(url)
    house.database.close()
    house.database = Database(url, read_url=standby.url(make_url(url).database), clock=house.clock)
    yield house
    house.database.close()


def test_what_one_wrote_one_finds_and_what_one_deleted_one_does_not(house, standby, own_postgres):
    library = Library(house)
    catalogue = Catalogue(house.database, house.blobs, "default", 1.0)

    def listed() -> list[str]:
        page = catalogue.list(owner="", states=[], name_contains="", page_size=10, page_token="")
        return [row.learnware_id for row in page.rows]

    kept = house.embedded(**at(0.0))
    library.follower.catch_up()
    standby.catch_up(own_postgres.url())
    with house.database.read_at() as session:
        assert session.scalar(text("SELECT pg_is_in_recovery()"))
    assert listed() == [kept.learnware_id]

    standby.hold()
    new = house.embedded(**at(5.0))
    library.follower.catch_up()
    assert house.now(new).state is State.INDEXED
    assert next(row.learnware_id for row, _ in library.find(5.0).hits) == new.learnware_id
    assert listed() == [kept.learnware_id, new.learnware_id]

    house.delete(new)
    assert [row.learnware_id for row, _ in library.find(5.0).hits] == [kept.learnware_id]
    assert listed() == [kept.learnware_id]

    standby.go_on()
    standby.catch_up(own_postgres.url())
    assert listed() == [kept.learnware_id]
