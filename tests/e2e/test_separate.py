"""What only separate services can show: others take over from one that leaves, and do without those that are gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from learndock.specification import specify
from tests.e2e.learnwares import classifier_package, cloud, slow_package
from tests.e2e.separate import SeparateDock

pytestmark = [pytest.mark.e2e, pytest.mark.sandbox]


@pytest.fixture
def services(separate_services: SeparateDock) -> SeparateDock:
    return separate_services.start()


def test_a_check_at_hand_goes_over_to_another_checker_when_its_own_is_stopped(services, tmp_path: Path):
    services.house["checking-2"].stop()
    client = services.client("in-no-hurry")
    record = client.push(slow_package(tmp_path, seconds=15.0))
    steps = client.watch(record.learnware_id)
    next(step for step in steps if getattr(step, "name", "") == "instantiate")
    steps.close()
    services.house["checking-1"].stop()
    assert services.house["checking-1"].exit_status == 0
    services.house["checking-2"].start()
    assert client.wait(record.learnware_id, timeout=180).state == "INDEXED"
    assert client.verdict(record.learnware_id).attempt == 2


def test_search_goes_on_while_everything_else_is_down(services, tmp_path: Path):
    client = services.client()
    record = client.wait(client.push(classifier_package(tmp_path, 30)).learnware_id, timeout=180)
    others = [member.name for member in services.house.members if member.target != "search"]
    services.house.stop([*others, "search-2"])
    for _ in range(4):
        answer = client.search(specify(cloud(30, seed=2)))
        assert answer.hits[0].record.learnware_id == record.learnware_id
