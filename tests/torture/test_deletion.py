"""A learnware deleted while somebody works on it stays deleted, wherever the work is."""

from __future__ import annotations

import time

import pytest

from learndock.errors import DockError
from tests.e2e.conftest import RunningDock
from tests.e2e.learnwares import classifier_package

pytestmark = [pytest.mark.e2e, pytest.mark.sandbox]
SLEEPS = {"checking.before_verdict": 3, "specification.before_store": 2, "search.before_indexed": 6}
SLOW = {
    "DOCK_FAILPOINTS": ",".join(f"{moment}=sleep:{seconds}" for moment, seconds in SLEEPS.items()),
    "DOCK_INGESTION_ABANDONED_AFTER_S": "5",
    "DOCK_INGESTION_SWEEP_PERIOD_S": "1",
}


def test_no_work_in_progress_brings_a_deleted_learnware_back(tmp_path):
    dock = RunningDock(tmp_path / "data", tmp_path / "dock.log", SLOW)
    dock.start()
    client = dock.client()
    deleted = []
    for number, (state, after_s) in enumerate([("CHECKING", 0), ("EMBEDDING", 0), ("EMBEDDING", 3)]):
        package = classifier_package(tmp_path, number)
        learnware_id = client.push(package).learnware_id
        end = time.monotonic() + 100
        while client.get(learnware_id).state != state and time.monotonic() < end:
            time.sleep(0.05)
        time.sleep(after_s)
        assert client.get(learnware_id).state == state
        client.delete(learnware_id)
        deleted.append(learnware_id)
    alive = client.push(classifier_package(tmp_path, 9)).learnware_id
    assert client.wait(alive, timeout=120).state == "INDEXED"
    assert [each.learnware_id for each in client.list()] == [alive]
    assert {each.learnware_id for each in client.list(states=["DELETED"])} == set(deleted)
    assert [hit.record.learnware_id for hit in client.search(mixture="none").hits] == [alive]
    end = time.monotonic() + 60
    while len(packages(dock)) > 1 and time.monotonic() < end:
        time.sleep(0.2)
    assert len(packages(dock)) == 1
    with pytest.raises(DockError):
        client.pull(deleted[0], tmp_path / "gone.zip", verified=False)
    assert dock.stop() == 0


def packages(dock: RunningDock):
    return [path for path in (dock.data / "blobs").rglob("*") if path.is_file() and path.name != "dock-id~"]
