"""kill -9 in the middle of a push, of a check, and right after "accepted"."""

from __future__ import annotations

import signal

import pytest

from learndock.client import Dock
from learndock.errors import DockError
from tests.e2e.conftest import RunningDock
from tests.e2e.learnwares import classifier_package

pytestmark = [pytest.mark.e2e, pytest.mark.sandbox]

MOMENTS = ["ingestion.commit.after_transaction", "checking.before_verdict"]
"""One on each side of the answer; tests/torture/test_death.py goes through all there are."""


@pytest.mark.parametrize("moment", MOMENTS)
def test_after_a_kill_the_dock_goes_on_where_it_was(new_dock, tmp_path, moment):
    dock: RunningDock = new_dock()
    dock.start(DOCK_FAILPOINTS=f"{moment}=kill")
    package = classifier_package(tmp_path, 0)
    learnware_id = _push_into_death(dock, package)
    assert dock.wait_for_death() == -signal.SIGKILL

    dock.start()
    client = dock.client()
    record = client.push(package)
    assert learnware_id in (None, record.learnware_id)
    assert client.wait(record.learnware_id, timeout=120).state == "INDEXED"
    assert [each.learnware_id for each in client.list()] == [record.learnware_id]
    assert client.verdict(record.learnware_id).accepted
    assert _blobs(dock) == 1
    assert dock.stop() == 0


def test_a_push_goes_on_where_it_was_cut(new_dock, tmp_path):
    dock: RunningDock = new_dock()
    dock.start()
    package = classifier_package(tmp_path, 0, ballast=6 << 20)
    client = dock.client()

    def cut(sent: int, total: int) -> None:
        if sent >= total // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        client.push(package, on_progress=cut)
    dock.kill()
    dock.start()
    starts: list[int] = []
    dock.client().push(package, on_progress=lambda sent, _: starts.append(sent))
    assert starts[0] >= package.stat().st_size // 4


def _push_into_death(dock: RunningDock, package) -> str | None:
    try:
        return Dock(dock.address, owner="tester", patience_s=1).push(package).learnware_id
    except DockError:
        return None


def _blobs(dock: RunningDock) -> int:
    return sum(1 for path in (dock.data / "blobs").rglob("*") if path.is_file() and path.name != "dock-id~")
