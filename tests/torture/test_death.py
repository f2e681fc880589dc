"""kill -9 at every failpoint, once: the short form of tools/torture/death.py."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

import death
from dock_blob.file import FileBlobStore
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


@pytest.mark.parametrize(("moment", "left"), [("before_rename", []), ("after_rename", ["a/1"])])
def test_an_object_is_whole_or_not_there(tmp_path, moment, left):
    code = "import sys, pathlib, dock_blob.file as d; d.FileBlobStore(pathlib.Path(sys.argv[1])).put('a/1', [b'x'])"
    environment = {**os.environ, "DOCK_FAILPOINTS": f"blob.put.{moment}=kill"}
    died = subprocess.run([sys.executable, "-c", code, str(tmp_path)], env=environment, check=False)
    assert died.returncode == -signal.SIGKILL
    store = FileBlobStore(tmp_path)
    assert [info.key for info in store.list()] == left
    assert [b"".join(store.read(key)) for key in left] == [b"x"] * len(left)
    assert sum(path.is_file() for path in tmp_path.rglob("*")) == len(left)


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
