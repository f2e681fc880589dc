"""Flags that several replicas write at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from dock_db import Flags
from dock_db.tests.making import insert

FOUND = [("COPY_OF_ANOTHER", "The same as another one."), ("TOO_FEW", "Few points.")]


def test_replicas_that_find_the_same_at_once_do_not_hinder_each_other(database):
    with database.transaction() as session:
        row = insert(session)
    both = threading.Barrier(2, timeout=60)

    def replace() -> None:
        with database.transaction() as session:
            if database.has_own_connections:  # writers of one file come one after the other
                both.wait()
            Flags().replace(session, row.learnware_id, row.version, FOUND)

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(replace) for _ in range(2)]:
            done.result()
    with database.read() as session:
        assert Flags().of(session, row.learnware_id, row.version) == FOUND
