from __future__ import annotations

import pytest

from dock_db import Breaches, State
from dock_db.breaches import KEPT, REINSTATED
from dock_db.tests.making import LEARNWARES, bring_to
from dock_db.transitions import serialise

BREACHES = Breaches()


def record(session, row, rule="OUTPUT_NOT_FINITE", **more):
    return BREACHES.record(session, row.learnware_id, row.version, rule=rule, detail="asked for 3 rows", **more)


def confirmed(session, row, within_s=100.0):
    return BREACHES.confirmed(session, row.learnware_id, row.version, within_s=within_s)


def test_confirmed_ones_count_within_a_window_and_since_the_last_pardon(database, clock):
    with database.transaction() as session:
        row = bring_to(session, State.INDEXED)
        record(session, row)
        record(session, row, confirmed=True)
        clock.pass_by(90)
        record(session, row, confirmed=True, tenant="acme")
        assert confirmed(session, row) == 2
        clock.pass_by(20)
        assert confirmed(session, row) == 1
        record(session, row, REINSTATED)
        assert confirmed(session, row) == 0
        record(session, row, confirmed=True)
        assert confirmed(session, row) == 1
        listed = BREACHES.list(session, row.learnware_id, row.version)
        assert [each.rule for each in listed[:2]] == ["OUTPUT_NOT_FINITE", REINSTATED]
        assert [each.sequence for each in listed] == [5, 4, 3, 2, 1]
        assert listed[2].tenant == "acme"
        assert BREACHES.list(session, row.learnware_id, 2) == []


def test_the_oldest_go_and_pardons_stay(database):
    with database.transaction() as session:
        row = bring_to(session, State.INDEXED)
        record(session, row, REINSTATED)
        for _ in range(KEPT + 5):
            record(session, row)
        listed = BREACHES.list(session, row.learnware_id, row.version, limit=2 * KEPT)
        assert len(listed) == KEPT + 1
        assert listed[-1].rule == REINSTATED


@pytest.mark.parametrize("state", [State.INDEXED, State.SUSPENDED])
def test_without_a_version_the_indexed_one_is_used_and_a_suspended_one_is_not_passed_over(database, state):
    with database.transaction() as session:
        old = bring_to(session, State.INDEXED)
        new = bring_to(session, State.INDEXED, learnware_id=old.learnware_id, content="d")
        if state is State.SUSPENDED:
            serialise(session)
            LEARNWARES.suspend(session, new, "It broke rules.")
        rejected = bring_to(session, State.REJECTED, learnware_id=old.learnware_id, content="e")
        assert LEARNWARES.get(session, old.learnware_id).version == rejected.version == 3
        chosen = LEARNWARES.newest_usable(session, old.learnware_id)
        assert (chosen.version, chosen.state) == (2, state)


def test_where_nothing_was_accepted_the_newest_says_why(database):
    with database.transaction() as session:
        row = bring_to(session, State.REJECTED)
        assert LEARNWARES.newest_usable(session, row.learnware_id).state is State.REJECTED


def test_one_that_was_outrun_comes_back_deprecated(database):
    with database.transaction() as session:
        old = bring_to(session, State.INDEXED)
        serialise(session)
        LEARNWARES.suspend(session, old, "It broke rules.")
        bring_to(session, State.INDEXED, learnware_id=old.learnware_id, content="d")
        assert LEARNWARES.reinstate(session, old.learnware_id, 1).state is State.DEPRECATED
        assert LEARNWARES.get(session, old.learnware_id, 2).state is State.INDEXED
