from __future__ import annotations

import threading

import pytest

from dock_db import State
from learndock.errors import FailedPrecondition, InvalidInput, NotFound


def listed(office, **wanted):
    given = {"owner": "", "states": (), "name_contains": "", "page_size": 0, "page_token": "", **wanted}
    return office.catalogue.list(**given)


def walk(office, **wanted):
    page = listed(office, **wanted)
    rows = list(page.rows)
    while page.next_token:
        page = listed(office, **{**wanted, "page_token": page.next_token})
        assert page.rows
        rows += page.rows
    return rows


@pytest.mark.parametrize("page_size", [0, 1, 2, 3, 5, 6, 7, 10_000, -1])
def test_pages_together_are_the_whole_list(office, house, page_size):
    first = house.indexed()
    rows = [house.received(learnware_id=first.learnware_id), *(house.received() for _ in range(4))]
    expected = [(first.learnware_id, 1), *((row.learnware_id, row.version) for row in rows)]
    found = walk(office, page_size=page_size)
    assert [(row.learnware_id, row.version) for row in found] == expected


def test_rows_that_come_or_go_between_pages_move_nothing_else(office, house):
    rows = [house.received() for _ in range(4)]
    page = listed(office, page_size=2)
    house.delete(rows[0])
    house.delete(rows[1])
    new = house.received()
    rest = walk(office, page_size=2, page_token=page.next_token)
    assert [row.learnware_id for row in rest] == [rows[2].learnware_id, rows[3].learnware_id, new.learnware_id]


def test_a_full_last_page_has_no_token(office, house):
    for _ in range(2):
        house.received()
    assert listed(office, page_size=2).next_token == ""
    assert listed(office, page_size=2, owner="nobody").rows == []


@pytest.mark.parametrize("token", ["x", ":1", "00000001:", "00000001:²", "00000001:-1", "00000001:" + "9" * 40])
def test_a_token_of_somebody_elses_is_refused(office, token):
    with pytest.raises(InvalidInput) as refused:
        listed(office, page_token=token)
    assert refused.value.reason == "PAGE_TOKEN_INVALID"


def test_it_lists_by_owner_state_and_part_of_the_name(office, house):
    mine, other = house.received(), house.accepted(owner="bob")
    gone = house.received()
    house.delete(gone)
    assert [row.learnware_id for row in walk(office)] == [mine.learnware_id, other.learnware_id]
    assert [row.learnware_id for row in walk(office, owner="bob")] == [other.learnware_id]
    assert [row.learnware_id for row in walk(office, states=[State.DELETED])] == [gone.learnware_id]
    assert len(walk(office, name_contains="SMALL")) == 2
    assert walk(office, name_contains="%") == []


def test_a_package_is_read_from_any_offset(office, house):
    row = house.received()
    whole = b"".join(house.blobs.read(row.blob_key))
    for offset in (0, 1, len(whole) - 1, len(whole)):
        found, chunks = office.catalogue.open(row.learnware_id, 0, offset)
        assert found == row
        assert b"".join(chunks) == whole[offset:]
    for offset in (-1, len(whole) + 1):
        with pytest.raises(InvalidInput) as outside:
            office.catalogue.open(row.learnware_id, 0, offset)
        assert outside.value.reason == "OFFSET_OUT_OF_RANGE"


def test_deleting_a_version_brings_the_one_before_to_the_front(office, house):
    first = house.indexed()
    second = house.received(learnware_id=first.learnware_id)
    assert office.catalogue.get(first.learnware_id).version == 2
    assert office.catalogue.delete(first.learnware_id, 2) == 1
    assert office.catalogue.get(first.learnware_id).version == 1
    assert office.catalogue.get(first.learnware_id, 2).state is State.DELETED
    with pytest.raises(FailedPrecondition) as deleted:
        office.catalogue.open(first.learnware_id, second.version, 0)
    assert deleted.value.reason == "LEARNWARE_DELETED"
    assert office.catalogue.delete(first.learnware_id, 2) == 0


def test_deleting_all_counts_those_that_were_there(office, house):
    first = house.indexed()
    house.received(learnware_id=first.learnware_id)
    assert office.catalogue.delete(first.learnware_id, 0) == 2
    for version in (0, 3):
        with pytest.raises(NotFound):
            office.catalogue.delete(first.learnware_id, version)
    with pytest.raises(NotFound):
        office.catalogue.get(first.learnware_id)


def test_watching_shows_changes_until_a_terminal_state(office, house):
    row = house.received()
    seen = []

    def watch():
        for each in office.catalogue.watch(row.learnware_id, 0, lambda: True):
            seen.append(each.state)
            advance.set()

    advance = threading.Event()
    thread = threading.Thread(target=watch)
    thread.start()
    assert advance.wait(60)
    advance.clear()
    claimed = house.claimed(row)
    assert advance.wait(60)
    house.finished(claimed, State.REJECTED)
    thread.join(60)
    assert seen == [State.RECEIVED, State.CHECKING, State.REJECTED]


def test_a_watcher_stays_with_the_version_it_began_with(office, house):
    first = house.received()
    watching = office.catalogue.watch(first.learnware_id, 0, lambda: True)
    assert next(watching).version == 1
    house.received(learnware_id=first.learnware_id)
    house.delete(first)
    assert [(row.version, row.state) for row in watching] == [(1, State.DELETED)]


def test_a_watcher_that_went_away_is_forgotten(office, house):
    row = house.received()
    turns = iter([True, True, False])
    assert [each.state for each in office.catalogue.watch(row.learnware_id, 0, lambda: next(turns))] == [State.RECEIVED]


def test_watching_nothing_is_not_found(office):
    with pytest.raises(NotFound):
        next(office.catalogue.watch("00000001", 0, lambda: True))
