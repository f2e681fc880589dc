"""What `make faults` plays, in which order, and when it ends."""

from __future__ import annotations

import pytest

from campaign import FAVOURITE, Campaign
from sizes import FULL, LONG, SHORT, by_size

ROWS = ["1", "3", "4", "5"]


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def played(*, lasts=60.0, **choices):
    """What was played, and the seconds it took."""
    clock = Clock()
    campaign = Campaign(ROWS, clock=clock, **choices)
    plays = []
    for play in campaign.plays():
        plays.append(play)
        clock.now += lasts if isinstance(lasts, float) else lasts[play.row]
    return plays, clock.now - 100.0


def test_each_row_comes_once_before_any_comes_again():
    plays, took = played(budget_s=1800.0)
    assert sorted(play.row for play in plays[:4]) == ROWS
    assert {play.size for play in plays} == {LONG}
    assert len(plays) == 30
    assert took == 1800.0


def test_an_order_is_drawn_by_its_seed():
    orders = {tuple(play.row for play in played(budget_s=900.0, seed=seed)[0]) for seed in range(8)}
    assert len(orders) > 4
    assert played(budget_s=900.0, seed=5) == played(budget_s=900.0, seed=5)


def test_the_favourite_comes_most_and_every_other_row_again_too():
    rows = [play.row for play in played(budget_s=60_000.0)[0]]
    assert 0.4 < rows.count(FAVOURITE) / len(rows) < 0.6
    assert set(rows[4:]) == set(ROWS)


def test_seeds_go_on_so_that_no_play_is_the_same_again():
    plays, _ = played(budget_s=3600.0, seed=7)
    assert {play.seed for play in plays[:4]} == {7}
    assert [play.seed for play in plays[4:]] == list(range(8, 8 + len(plays) - 4))


def test_no_play_begins_that_would_not_end_in_time():
    _, took = played(budget_s=1000.0, lasts={"1": 300.0, "3": 70.0, "4": 90.0, "5": 40.0})
    assert 960.0 < took <= 1000.0


def test_rows_for_which_no_time_is_left_are_played_short():
    plays, _ = played(budget_s=100.0)
    assert sorted(play.row for play in plays) == ROWS
    assert [play.size for play in plays] == [LONG, LONG, SHORT, SHORT]


@pytest.mark.parametrize("size", [LONG, FULL])
def test_without_a_budget_each_row_is_played_once(size):
    plays, _ = played(size=size)
    assert sorted((play.row, play.size) for play in plays) == [(row, size) for row in ROWS]


@pytest.mark.parametrize(
    ("size", "what"), [(1, "short"), (2, "short"), (3, "long"), (19, "long"), (20, "full"), (50, "full")]
)
def test_what_belongs_to_a_size(size, what):
    assert by_size(size, "short", "long", "full") == what
