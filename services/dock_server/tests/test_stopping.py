"""A process that is asked to end hears it, whatever line it is at."""

from __future__ import annotations

import subprocess
import sys

ASKED_WITHIN_A_WAIT = """
import signal
from dock_server.stopping import stop_on_signals, wait
stopping = stop_on_signals()
with stopping._cond:  # as a wait for the event holds it between two of its lines
    signal.raise_signal(signal.SIGTERM)
wait(stopping)
print("heard", flush=True)
signal.raise_signal(signal.SIGTERM)
"""


def test_a_signal_at_the_worst_moment_is_heard_and_the_second_one_ends():
    done = subprocess.run(
        [sys.executable, "-c", ASKED_WITHIN_A_WAIT], capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.stdout, done.returncode) == ("heard\n", 130), done.stderr
