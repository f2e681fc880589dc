"""Work shared out: each piece once, nothing left running, and the caller's own functions on the caller's thread."""

import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learndock.errors import DeadlineExceeded
from learndock.search.workers import share_out


@settings(derandomize=True, deadline=None, max_examples=30)
@given(st.integers(0, 60))
def test_each_piece_is_done_once(count):
    done = []
    share_out(done.append, count)
    assert sorted(done) == list(range(count))


def test_progress_rises_and_is_told_by_the_callers_thread():
    told, threads = [], set()

    def tell(share):
        told.append(share)
        threads.add(threading.get_ident())

    share_out(lambda _: time.sleep(0.001), 50, lambda: bool(threads.add(threading.get_ident())), tell)
    assert told == sorted(told)
    assert all(0 < share <= 1 for share in told)
    assert threads == {threading.get_ident()}


def test_when_called_off_nothing_more_begins():
    done = []

    def work(piece):
        time.sleep(0.001)
        done.append(piece)

    with pytest.raises(DeadlineExceeded):
        share_out(work, 1000, lambda: len(done) > 10)
    after = len(done)
    time.sleep(0.05)
    assert len(done) == after < 1000


@pytest.mark.parametrize("bad", [0, 1, 17])
def test_what_a_piece_raises_reaches_the_caller(bad):
    def work(piece):
        if piece == bad:
            raise ValueError(piece)
        time.sleep(0.001)

    with pytest.raises(ValueError, match=str(bad)):
        share_out(work, 40)


def test_several_may_share_out_at_once():
    done = [[] for _ in range(8)]
    threads = [threading.Thread(target=share_out, args=(each.append, 200)) for each in done]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(sorted(each) == list(range(200)) for each in done)


def test_pieces_may_share_out_their_own():
    done = []
    share_out(lambda piece: share_out(lambda part: done.append((piece, part)), 5), 20)
    assert len(set(done)) == 100
