"""Breaches count within a window: a model that fails once a day is not one that fails three times an hour."""

from __future__ import annotations

import pytest

from dock_db import LearnwareRow, Learnwares, State
from dock_db.tests.making import bring_to
from dock_ingestion.breaches import BreachDesk
from dock_ingestion.settings import IngestionSettings

WINDOW_S = 3600.0


@pytest.fixture
def book(house):
    return BreachDesk(house.database, IngestionSettings(suspend_after=3, suspend_window_s=WINDOW_S))


@pytest.fixture
def row(house) -> LearnwareRow:
    with house.database.transaction() as session:
        return bring_to(session, State.INDEXED)


def breach(book, row, *, confirmed: bool = True) -> bool:
    return book.report(
        row.learnware_id, row.version, rule="OUTPUT_NOT_FINITE", rows=3, confirmed=confirmed, tenant="default"
    )


def state(house, row) -> State:
    with house.database.read() as session:
        return Learnwares().get(session, row.learnware_id, row.version).state


def test_the_third_within_the_window_suspends_and_says_so(house, book, row):
    assert not breach(book, row)
    house.clock.pass_by(WINDOW_S / 3)
    assert not breach(book, row)
    house.clock.pass_by(WINDOW_S / 3)
    assert state(house, row) is State.INDEXED
    assert breach(book, row)
    assert state(house, row) is State.SUSPENDED
    with house.database.read() as session:
        said = Learnwares().get(session, row.learnware_id, row.version).reason_text
    assert "3 times within 1 h" in said
    assert breach(book, row), "it is out of use"


def test_breaches_that_are_older_than_the_window_do_not_count(house, book, row):
    for _ in range(6):
        assert not breach(book, row)
        house.clock.pass_by(WINDOW_S / 2 + 1)
    assert state(house, row) is State.INDEXED
    assert not breach(book, row)
    assert breach(book, row), "the one before, half a window ago, and the two now"


def test_what_the_dock_could_not_repeat_suspends_nothing(house, book, row):
    for _ in range(5):
        assert not breach(book, row, confirmed=False)
    breach(book, row)
    breach(book, row)
    assert not breach(book, row, confirmed=False)
    assert state(house, row) is State.INDEXED


def test_after_a_reinstatement_the_count_begins_anew(house, book, row):
    for _ in range(3):
        breach(book, row)
    with house.database.transaction() as session:
        Learnwares().reinstate(session, row.learnware_id, row.version)
        book._breaches.record(session, row.learnware_id, row.version, rule="REINSTATED", detail="")
    assert not breach(book, row)
    assert not breach(book, row)
    assert breach(book, row)


def test_zero_never_suspends(house, row):
    book = BreachDesk(house.database, IngestionSettings(suspend_after=0, suspend_window_s=WINDOW_S))
    assert not any(breach(book, row) for _ in range(5))
