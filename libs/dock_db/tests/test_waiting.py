"""Whose turn it is where many wait, seen by workers that claim, work and claim again."""

from __future__ import annotations

import collections

import pytest

from dock_db import State
from dock_db.tests.making import LEARNWARES, claim, finish, insert


@pytest.fixture
def session(database):
    with database.transaction() as session:
        yield session


def queue(session, owner: str, count: int) -> None:
    for number in range(count):
        insert(session, owner=owner, content=f"{owner}{number}")


class Workers:
    """`count` workers, each of which ends its row and claims the next; the one that began first ends first."""

    def __init__(self, session, count: int) -> None:
        self._session = session
        self._running = collections.deque([None] * count)

    def turn(self) -> str:
        """The owner of the next row that is claimed."""
        ended = self._running.popleft()
        if ended is not None:
            finish(self._session, ended, State.REJECTED)
        row = claim(self._session, LEARNWARES.next_waiting(self._session, State.RECEIVED, 1)[0])
        self._running.append(row)
        return row.owner


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_five_hundred_of_one_owner_do_not_delay_anothers_first(session, workers):
    queue(session, "greedy", 500)
    bench = Workers(session, workers)
    assert [bench.turn() for _ in range(workers + 2)] == ["greedy"] * (workers + 2)
    queue(session, "late", 1)
    assert bench.turn() == "late"


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_shares_are_even_however_long_the_queues_are(session, workers):
    for owner, count in {"many": 60, "some": 30, "few": 15}.items():
        queue(session, owner, count)
    bench = Workers(session, workers)
    shares = collections.Counter(bench.turn() for _ in range(45))
    assert set(shares) == {"many", "some", "few"}
    assert max(shares.values()) <= min(shares.values()) + 1


def test_newcomers_do_not_pass_those_that_came_before_them(session):
    queue(session, "regular", 2)
    bench = Workers(session, 1)
    assert bench.turn() == "regular"
    turns = []
    for number in range(4):
        queue(session, f"new{number}", 2)
        turns.append(bench.turn())
    assert turns == ["new0", "regular", "new1", "new0"]


def test_the_place_in_the_queue_is_the_turn_that_comes(session):
    queue(session, "greedy", 10)
    bench = Workers(session, 1)
    bench.turn()
    queue(session, "late", 1)
    late = LEARNWARES.list(session, tenant="default", owner="late")[0]
    place = LEARNWARES.queue(session, State.RECEIVED)[late.learnware_id, late.version]
    assert [bench.turn() for _ in range(place)][-1] == "late"
