"""Work shared out: each piece once, nothing left running, and the caller's own functions on the caller's thread."""

import os
import subprocess
import sys
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


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_has_threads_of_its_own_and_leaves_no_work_behind():
    code = """
import os, time
from learndock.search import workers
workers._cores = lambda: 4
workers.share_out(lambda _: time.sleep(0.01), 40)
assert len(workers._pool._threads) == 3
if os.fork() == 0:
    workers.share_out(lambda _: time.sleep(0.01), 40)
    os._exit(len(workers._pool._threads) + 10 * workers._pool._work_queue.qsize())
print(os.waitstatus_to_exitcode(os.wait()[1]))
"""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "3\n"


def test_work_is_still_done_by_a_thread_that_outlives_the_main_one():
    code = """
import threading
from learndock.search import workers
workers._cores = lambda: 4
def late():
    threading.main_thread().join()
    done = []
    workers.share_out(done.append, 5)
    print(sorted(done))
threading.Thread(target=late).start()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[0, 1, 2, 3, 4]\n", done.stderr
