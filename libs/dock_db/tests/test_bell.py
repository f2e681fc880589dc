"""Watchers are woken at once after a quiet time, and left alone while commits come by the dozen."""

from __future__ import annotations

import itertools
import threading
import time

from dock_db import Bell
from dock_db.tests.making import LEARNWARES, insert


def commit(database, number: int) -> None:
    with database.transaction() as session:
        insert(session, content=str(number))


def committed(database) -> int:
    with database.read() as session:
        return LEARNWARES.revision(session)


def test_a_commit_after_a_quiet_time_is_seen_at_once(database):
    bell = Bell(database, poll_s=60.0, least_s=0.05)
    looks = bell.looks()
    next(looks)
    time.sleep(0.1)
    timer = threading.Timer(0.1, commit, (database, 0))
    timer.start()
    while not committed(database):  # a listener's own beginning is a look too
        next(looks)  # would take a minute
    timer.join()


def test_a_commit_while_one_looks_is_not_missed(database):
    looks = Bell(database, poll_s=60.0, least_s=0.05).looks()
    next(looks)
    commit(database, 0)
    next(looks)


def test_many_commits_are_one_look(database):
    looks = Bell(database, poll_s=60.0, least_s=30.0).looks()
    next(looks)
    for number in range(20):
        commit(database, number)
    done = threading.Event()
    threading.Thread(target=lambda: (next(looks), done.set()), daemon=True).start()
    assert not done.wait(0.3)


def test_without_commits_one_looks_all_the_same(database):
    looks = Bell(database, poll_s=0.02).looks()
    assert len(list(itertools.islice(looks, 5))) == 5
