from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from dock_failpoint import Action, failpoint, parse_failpoints
from learndock.errors import InvalidInput, Unavailable


def test_without_the_setting_nothing_happens(monkeypatch):
    monkeypatch.delenv("DOCK_FAILPOINTS", raising=False)
    failpoint("anything")


def test_only_the_named_moment_acts(monkeypatch):
    monkeypatch.setenv("DOCK_FAILPOINTS", "here=error,there=sleep:0.05")
    failpoint("elsewhere")
    with pytest.raises(Unavailable, match="here") as caught:
        failpoint("here")
    assert caught.value.reason == "FAILPOINT"
    start = time.monotonic()
    failpoint("there")
    assert time.monotonic() - start >= 0.05


def test_the_nth_pass(monkeypatch):
    monkeypatch.setenv("DOCK_FAILPOINTS", "third.time=error@3")
    failpoint("third.time")
    failpoint("third.time")
    with pytest.raises(Unavailable):
        failpoint("third.time")
    failpoint("third.time")


def test_kill_ends_the_process_at_once():
    code = "from dock_failpoint import failpoint\ntry:\n failpoint('now')\nfinally:\n print('ran on')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "DOCK_FAILPOINTS": "now=kill"},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == -signal.SIGKILL
    assert done.stdout == b""


def test_parsing():
    assert parse_failpoints("a=kill, b=sleep:2@4 ,") == {"a": Action("kill"), "b": Action("sleep", 2.0, 4)}


@pytest.mark.parametrize("setting", ["a", "a=", "a=explode", "a=sleep:soon", "a=kill@x"])
def test_a_setting_without_sense_is_refused(setting):
    with pytest.raises(InvalidInput) as caught:
        parse_failpoints(setting)
    assert caught.value.reason == "FAILPOINT_INVALID"
