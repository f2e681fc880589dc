"""kill -9 at every failpoint, once: the short form of tools/torture/death.py."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

import death
from dock_checking.signer import Signer
from learndock.provenance import follow_rotations

pytestmark = [pytest.mark.e2e, pytest.mark.sandbox]


@pytest.mark.timeout(900)
def test_nothing_accepted_is_lost_wherever_the_dock_dies(tmp_path):
    ended = death.run(tmp_path, 0, death.mortal())
    assert [breach for each in ended for breach in each.breaches] == []
    assert [life for each in ended for life in each.lives if not life.killed] == []
    killed = {life.failpoint for each in ended for life in each.lives}
    assert killed | death.ELSEWHERE == set(death.NAMES)


def test_an_exchange_of_the_key_that_dies_halfway_can_be_made_again(tmp_path):
    old = Signer(tmp_path).key
    code = "import sys, pathlib; from dock_checking.signer import Signer; Signer(pathlib.Path(sys.argv[1])).rotate()"
    environment = {**os.environ, "DOCK_FAILPOINTS": "signing_key.before_replace=kill"}
    died = subprocess.run([sys.executable, "-c", code, str(tmp_path)], env=environment, check=False)
    assert died.returncode == -signal.SIGKILL
    again = Signer(tmp_path)
    assert again.key == old
    new = again.rotate()
    assert new != old
    assert follow_rotations(old, Signer(tmp_path).rotations(), new) == [old, new]
