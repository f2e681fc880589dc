"""A package that the disk has damaged can't be checked: it fails alone, nobody is blamed, and there is a way back."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from learndock.errors import DockError
from tests.e2e.conftest import RunningDock
from tests.e2e.learnwares import classifier_package

pytestmark = [pytest.mark.e2e, pytest.mark.sandbox]


def damaged(whole: bytes) -> bytes:
    return whole[:100] + bytes([whole[100] ^ 8]) + whole[101:]


def test_what_fails_again_and_again_is_given_up_alone_and_comes_back(tmp_path):
    dock = RunningDock(tmp_path / "data", tmp_path / "dock.log")
    dock.start(DOCK_FAILPOINTS="checking.claimed=sleep:1000")
    poisoned = dock.client().push(classifier_package(tmp_path, 0)).learnware_id
    dock.kill()
    [package] = [path for path in (dock.data / "blobs" / "objects" / "packages").rglob("*") if path.is_file()]
    whole = package.read_bytes()
    package.write_bytes(damaged(whole))

    dock.start(DOCK_CHECKING_LEASE_S="5", DOCK_CHECKING_POLL_S="0.2", DOCK_RECONCILE_PERIOD_S="1")
    client = dock.client()
    healthy = client.push(classifier_package(tmp_path, 1)).learnware_id
    assert client.wait(healthy, timeout=120).state == "INDEXED"
    assert client.get(poisoned).state in ("CHECKING", "FAILED_INTERNAL")
    given_up = client.wait(poisoned, timeout=150)
    assert (given_up.state, given_up.reason) == ("FAILED_INTERNAL", "TRIES_EXHAUSTED")

    package.write_bytes(whole)
    command = [sys.executable, "-m", "learndock.cli.main", "retry", poisoned, "--data", str(dock.data)]
    subprocess.run(command, check=True)
    assert client.wait(poisoned, timeout=120).state == "INDEXED"
    assert client.verdict(poisoned).accepted

    package.write_bytes(damaged(whole))  # what is served is looked at again
    with pytest.raises(DockError):
        client.pull(poisoned, tmp_path / "pulled.zip")
    assert not (tmp_path / "pulled.zip").exists()
    with pytest.raises(DockError):
        client.predict([poisoned], np.zeros((2, 3)))
    assert dock.stop() == 0
