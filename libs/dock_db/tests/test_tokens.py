"""Tokens as they are kept: by digest, by the database's clock, and gone when they are revoked."""

from __future__ import annotations

import pytest

from dock_db import Database, Tokens
from learndock.errors import NotFound


@pytest.fixture
def clock():
    class Clock:
        now = 1_000_000.0

        def __call__(self) -> float:
            return self.now

    return Clock()


@pytest.fixture
def database(tmp_path, clock):
    opened = Database(f"sqlite:///{tmp_path / 'dock.db'}", clock=clock)
    opened.create()
    yield opened
    opened.close()


def make(database, token_id="a" * 12, owner="ann", lasts_s=100.0):
    with database.transaction() as session:
        return Tokens().create(
            session,
            token_id=token_id,
            digest="d" * 64,
            tenant="default",
            owner=owner,
            scopes=["search", "push"],
            lasts_s=lasts_s,
            note="of a test",
        )


def test_what_is_kept_is_found(database, clock):
    made = make(database)
    assert (made.created_at, made.expires_at, made.scopes) == (clock.now, clock.now + 100.0, "push search")
    with database.read() as session:
        assert Tokens().find(session, made.token_id) == made
        assert Tokens().find(session, "b" * 12) is None
    assert made.digest not in repr(made)


def test_a_revoked_token_stays_revoked_from_the_first_time_on(database, clock):
    made = make(database)
    with database.transaction() as session:
        first = Tokens().revoke(session, made.token_id)
    clock.now += 5
    with database.transaction() as session:
        again = Tokens().revoke(session, made.token_id)
    assert first.revoked_at == again.revoked_at == 1_000_000.0
    with database.transaction() as session, pytest.raises(NotFound) as caught:
        Tokens().revoke(session, "b" * 12)
    assert caught.value.reason == "TOKEN_NOT_FOUND"


def test_lists_are_by_owner_and_leave_the_dead_out_where_asked(database, clock):
    ann, bob, gone = make(database), make(database, "b" * 12, "bob"), make(database, "c" * 12, lasts_s=1.0)
    clock.now += 2
    with database.transaction() as session:
        Tokens().revoke(session, bob.token_id)
        ids = [row.token_id for row in Tokens().list(session)]
        assert ids == [ann.token_id, bob.token_id, gone.token_id]
        assert [row.token_id for row in Tokens().list(session, owner="ann")] == [ann.token_id, gone.token_id]
        assert [row.token_id for row in Tokens().list(session, dead=False)] == [ann.token_id]


def test_the_last_use_is_kept(database, clock):
    made = make(database)
    clock.now += 7
    with database.transaction() as session:
        Tokens().note_use(session, made.token_id)
        found = Tokens().find(session, made.token_id)
    assert found is not None
    assert found.used_at == clock.now
