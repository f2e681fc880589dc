"""Whatever a model prints can be stored, and is the same on every database."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dock_db import State, Verdicts
from dock_db.tests.making import LEARNWARES, bring_to, finish, insert, verdict
from learndock.errors import InvalidInput

ODD = "a\0b \ud800 \U0001f600 ü\n" + "x" * 100_000


def test_a_log_with_odd_characters_is_kept(database):
    with database.transaction() as session:
        row = bring_to(session, State.CHECKING)
        Verdicts().record(session, replace(verdict(row), log=ODD, reason_text=ODD))
        finish(session, row, State.REJECTED, reason="R", reason_text=ODD)
    with database.read() as session:
        found = Verdicts().get(session, row.learnware_id, 1)
        moved = LEARNWARES.get(session, row.learnware_id)
    clean = "a\ufffdb \ufffd \U0001f600 ü\n" + "x" * 100_000
    assert found.log == found.reason_text == moved.reason_text == clean


@pytest.mark.parametrize("bad", ["a\0b", "a\ud800"])
def test_a_name_is_what_it_is_or_not_at_all(database, bad):
    for deed in (lambda s: insert(s, owner=bad), lambda s: LEARNWARES.get(s, bad)):
        with pytest.raises(InvalidInput) as caught, database.transaction() as session:
            deed(session)
        assert caught.value.reason == "TEXT_INVALID"
    with database.transaction() as session:
        insert(session)
