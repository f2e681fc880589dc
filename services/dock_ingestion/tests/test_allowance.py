from __future__ import annotations

import pytest

from dock_ingestion.allowance import Allowance
from learndock.errors import Overloaded


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def taken(allowance: Allowance, owner: str) -> int:
    """How many uploads the owner gets before one is refused."""
    for count in range(10_000):
        try:
            allowance.take(owner)
        except Overloaded:
            return count
    raise AssertionError("nothing is refused")


def test_some_at_once_then_as_many_as_the_time_brings():
    clock = Clock()
    allowance = Allowance(600, clock=clock)
    assert taken(allowance, "ann") == 60
    clock.now += 1.001
    assert taken(allowance, "ann") == 10
    clock.now += 3600.001
    assert taken(allowance, "ann") == 60, "what was not used does not add up"


def test_what_one_owner_spends_is_not_anothers():
    allowance = Allowance(50, clock=Clock())
    assert taken(allowance, "ann") == taken(allowance, "bob") == 5


def test_who_waits_as_told_is_let_in():
    clock = Clock()
    allowance = Allowance(30, clock=clock)
    taken(allowance, "ann")
    with pytest.raises(Overloaded) as refused:
        allowance.take("ann")
    assert refused.value.reason == "UPLOADS_TOO_FAST"
    assert refused.value.retry_after_s >= 1
    clock.now += refused.value.retry_after_s + 0.001
    allowance.take("ann")


def test_a_flood_of_owners_is_not_remembered_for_ever():
    clock = Clock()
    allowance = Allowance(60, clock=clock)
    for number in range(30_000):
        clock.now += 0.01
        allowance.take(f"owner-{number}")
    assert len(allowance._spent_until) <= 10_000
