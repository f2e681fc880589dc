"""Who is believed where tokens can't be looked up, for how long, and what tokens that do not count cost."""

from __future__ import annotations

import threading

import pytest

from dock_rpc import recognition as module
from dock_rpc.bearer import Token
from dock_rpc.recognition import ASK_AGAIN_S, FRESH_S, STRANGERS, Recognition, Standing
from dock_rpc.recollection import Recollection
from dock_rpc.tests.directory import Known
from learndock.errors import Overloaded, Unauthenticated, Unavailable

MEMORY_S = 600.0
DOWN = Unavailable("Gone.", reason="DATABASE_DOWN")


@pytest.fixture
def recognition(known, clock):
    return Recognition(known, tenant="default", memory_s=MEMORY_S, clock=clock)


def test_who_was_known_reads_on_while_nobody_answers_and_changes_nothing(known, clock, recognition):
    token = known.add("search")
    recognition.principal(token.secret)
    known.fault = DOWN
    clock.now += FRESH_S + 1
    assert recognition.principal(token.secret, reading=True).owner == "ann"
    with pytest.raises(Unavailable):
        recognition.principal(token.secret)


def test_who_was_not_known_stays_out_while_nobody_answers(known, recognition):
    token = known.add("search")
    known.fault = DOWN
    for secret in (token.secret, Token.mint().secret):
        with pytest.raises(Unavailable):
            recognition.principal(secret, reading=True)


def test_the_memory_ends_and_its_end_is_counted_from_the_last_good_look(known, clock, recognition):
    token = known.add("search")
    recognition.principal(token.secret)
    clock.now += 100.0
    recognition.principal(token.secret)
    known.fault = DOWN
    clock.now += MEMORY_S - 0.1
    assert recognition.principal(token.secret, reading=True).owner == "ann"
    clock.now += 0.2
    with pytest.raises(Unavailable):
        recognition.principal(token.secret, reading=True)


def test_without_a_memory_nobody_comes_in_unseen(known, clock):
    recognition = Recognition(known, tenant="default", clock=clock)
    token = known.add("search")
    recognition.principal(token.secret)
    known.fault = DOWN
    clock.now += FRESH_S + 1
    with pytest.raises(Unavailable):
        recognition.principal(token.secret, reading=True)


def test_a_token_that_expires_meanwhile_is_not_remembered_past_that(known, clock, recognition):
    token = known.add("search", left_s=30.0)
    recognition.principal(token.secret)
    known.fault = DOWN
    clock.now += 29.0
    recognition.principal(token.secret, reading=True)
    clock.now += 1.5
    with pytest.raises(Unauthenticated) as caught:
        recognition.principal(token.secret, reading=True)
    assert caught.value.reason == "TOKEN_EXPIRED"


def test_a_revocation_counts_as_soon_as_somebody_answers_again_and_is_kept_when_nobody_does(known, clock, recognition):
    token, other = known.add("search"), known.add("search")
    recognition.principal(token.secret)
    recognition.principal(other.secret)
    known.fault = DOWN
    clock.now += FRESH_S + 1
    recognition.principal(token.secret, reading=True)
    known.fault = None
    known.revoke(token)
    clock.now += ASK_AGAIN_S
    assert ASK_AGAIN_S + FRESH_S < 5.0, "what is promised"
    with pytest.raises(Unauthenticated):
        recognition.principal(token.secret, reading=True)
    known.fault = DOWN
    clock.now += FRESH_S + 1
    with pytest.raises(Unavailable):
        recognition.principal(token.secret, reading=True)
    assert recognition.principal(other.secret, reading=True).owner == "ann"


def test_who_reads_does_not_wait_for_an_answer_that_others_waited_for_in_vain(known, clock, recognition):
    tokens = [known.add("search") for _ in range(3)]
    for token in tokens:
        recognition.principal(token.secret)
    known.fault = DOWN
    clock.now += FRESH_S + 1
    before = known.lookups
    for token in tokens * 10:
        recognition.principal(token.secret, reading=True)
    assert known.lookups == before + 1
    clock.now += ASK_AGAIN_S
    recognition.principal(tokens[0].secret, reading=True)
    assert known.lookups == before + 2


def test_that_tokens_cannot_be_looked_up_is_said_once_and_its_end_too(known, clock, recognition, caplog):
    caplog.set_level("INFO")
    token = known.add("search")
    recognition.principal(token.secret)
    known.fault = DOWN
    for _ in range(3):
        clock.now += FRESH_S + 1
        recognition.principal(token.secret, reading=True)
    known.fault = None
    clock.now += FRESH_S + 1
    recognition.principal(token.secret, reading=True)
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2
    assert "cannot be looked up" in said[0]
    assert said[1] == "tokens are looked up again"


def test_a_token_that_does_not_count_is_looked_up_once_in_three_seconds(known, clock, recognition):
    revoked = known.add("search")
    known.revoke(revoked)
    for secret, reason in ((Token.mint().secret, "TOKEN_UNKNOWN"), (revoked.secret, "TOKEN_REVOKED")):
        before = known.lookups
        for _ in range(50):
            with pytest.raises(Unauthenticated) as caught:
                recognition.principal(secret)
            assert caught.value.reason == reason
            assert caught.value.hint
        assert known.lookups == before + 1
        clock.now += FRESH_S
        with pytest.raises(Unauthenticated):
            recognition.principal(secret)
        assert known.lookups == before + 2


class Slow(Known):
    """Answers about those who are not in it only when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = threading.Semaphore(0)
        self.go_on = threading.Event()

    def token(self, token_id: str) -> Standing | None:
        found = super().token(token_id)
        if found is None:
            self.asked.release()
            self.go_on.wait()
        return found


def test_made_up_tokens_fill_no_more_than_their_own_line(clock, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE_S", 0.01)
    slow = Slow()
    recognition = Recognition(slow, tenant="default", clock=clock)
    friend = slow.add("search")
    recognition.principal(friend.secret)
    clock.now += FRESH_S + 1
    crowd = [threading.Thread(target=_refused, args=(recognition,)) for _ in range(STRANGERS)]
    for each in crowd:
        each.start()
        assert slow.asked.acquire(timeout=60)
    with pytest.raises(Overloaded) as caught:
        recognition.principal(Token.mint().secret)
    assert caught.value.reason == "TOKENS_WAITING"
    assert caught.value.retry_after_s
    assert recognition.principal(friend.secret).owner == "ann", "who is known does not stand in their line"
    slow.go_on.set()
    for each in crowd:
        each.join()
    _refused(recognition)


def _refused(recognition: Recognition) -> None:
    with pytest.raises(Unauthenticated):
        recognition.principal(Token.mint().secret)


def test_a_crowd_of_tokens_takes_no_more_than_its_place():
    kept: Recollection[int] = Recollection(3)
    for number in range(3):
        kept.keep(str(number), number)
    assert kept.get("0") == 0
    kept.keep("3", 3)
    assert (len(kept), kept.get("1"), kept.get("0")) == (3, None, 0)
    kept.forget("0")
    kept.forget("0")
    assert kept.get("0") is None
