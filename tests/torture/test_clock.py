"""The clock of the dock's machine jumps while it works: checks may be made twice, verdicts count once."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time

import pytest

from tests.e2e.conftest import RunningDock
from tests.e2e.learnwares import classifier_package

pytestmark = [pytest.mark.e2e, pytest.mark.sandbox]
SKEWED = """\
import sys, time
real, skew = time.time, sys.argv.pop(1)
time.time = lambda: real() + float(open(skew).read())
from learndock.cli.main import main
main()
"""


def test_a_jump_of_the_clock_makes_no_second_verdict(tmp_path):
    skew = tmp_path / "skew"
    skew.write_text("0")
    dock = RunningDock(tmp_path / "data", tmp_path / "dock.log")
    command = [sys.executable, "-c", SKEWED, str(skew), "up", "--data", str(dock.data), "--port", "0"]
    environment = {**os.environ, "DOCK_FAILPOINTS": "checking.before_verdict=sleep:4", "DOCK_CHECKING_POLL_S": "0.2"}
    with dock.log.open("wb") as log:
        dock.process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
    try:
        dock._wait_until_up()
        client = dock.client()
        ids = []
        for number, jump in enumerate([600, -1200]):
            ids.append(client.push(classifier_package(tmp_path, number)).learnware_id)
            end = time.monotonic() + 100
            while client.get(ids[-1]).state != "CHECKING" and time.monotonic() < end:
                time.sleep(0.05)
            written = skew.with_name("written")
            written.write_text(str(jump))
            written.replace(skew)
            assert client.wait(ids[-1], timeout=150).state == "INDEXED"
        attempts = [client.get(learnware_id).attempt for learnware_id in ids]
        assert attempts[0] > attempts[1]  # forward: the lease was over early, and the check was made again
        assert {hit.record.learnware_id for hit in client.search(mixture="none").hits} == set(ids)
        assert dock.stop() == 0
    finally:
        if dock.process.poll() is None:
            dock.kill()
    with sqlite3.connect(dock.data / "dock.db") as connection:
        verdicts = connection.execute("SELECT learnware_id, count(*) FROM verdicts GROUP BY 1").fetchall()
    connection.close()
    assert sorted(verdicts) == [(learnware_id, 1) for learnware_id in sorted(ids)]
