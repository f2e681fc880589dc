from __future__ import annotations

import json
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
import threadpoolctl

from learndock.specification import blas
from learndock.specification.threads import one_thread

OPEN = [each for each in threadpoolctl.threadpool_info() if each["internal_api"] == "openblas"]
needs_openblas = pytest.mark.skipif(not OPEN, reason="this numpy has another BLAS")


def threads():
    np.ones((2, 2)) @ np.ones((2, 2))
    return sorted(each["num_threads"] for each in threadpoolctl.threadpool_info() if each["user_api"] == "blas")


def test_one_thread_is_held_until_the_last_leaves():
    before = threads()
    with one_thread():
        with one_thread():
            assert set(threads()) == {1}
        assert set(threads()) == {1}
    assert threads() == before


@needs_openblas
def test_it_is_held_again_after_the_first_to_come_was_not_the_last_to_leave():
    before = threads()
    inside, leave = threading.Event(), threading.Event()

    def first():
        with one_thread():
            inside.set()
            leave.wait(60)

    def last():
        with one_thread():
            leave.set()
            came.join(60)

    came, left = threading.Thread(target=first), threading.Thread(target=last)
    came.start()
    inside.wait(60)
    left.start()
    left.join(60)
    assert threads() == before
    with one_thread():
        assert set(threads()) == {1}
    assert threads() == before


@needs_openblas
def test_openblas_is_held_without_threadpoolctl_too():
    import scipy.linalg  # noqa: F401 - it brings an OpenBLAS of its own

    before = threads()
    held = blas.OneThread()
    try:
        assert set(threads()) == {1}
    finally:
        held.restore_original_limits()
    assert threads() == before


@needs_openblas
def test_threads_are_held_where_threadpoolctl_is_missing_and_scipy_stays_out():
    code = """
import json, os, sys
sys.modules["threadpoolctl"] = None
import numpy as np
from learndock.specification import blas
from learndock.specification.threads import one_thread
blas.loaded()[0].set(2)
before = [each.get() for each in blas.loaded()]
with one_thread():
    inside = [each.get() for each in blas.loaded()]
after = [each.get() for each in blas.loaded()]
print(json.dumps([before, inside, after, "scipy.linalg" in sys.modules]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [[2], [1], [2], False]


@needs_openblas
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_child_that_is_forked_inside_is_not_held_forever():
    code = """
import os
from learndock.specification import blas, threads
blas.loaded()[0].set(2)
with threads.one_thread():
    child = os.fork()
if child == 0:
    with threads.one_thread():
        inside = blas.loaded()[0].get()
    os._exit(10 * inside + blas.loaded()[0].get())
print(os.waitstatus_to_exitcode(os.wait()[1]))
"""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "12\n"
