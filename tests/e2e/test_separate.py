"""What only separate services can show: others take over from one that leaves, and do without those that are gone."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tools.services.health import ask

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


def searches_served(services: SeparateDock, name: str) -> int:
    """How many searches this replica has answered since it started."""
    status, metrics = ask(services.house[name].metrics_port, "/metrics")
    assert status == 200
    counted = (line for line in metrics.decode().splitlines() if line.startswith("dock_rpc_server_handled_total{"))
    return sum(int(float(line.rsplit(" ", 1)[1])) for line in counted if 'method="Search"' in line)


def test_searches_go_to_both_replicas_and_none_fails_when_one_is_killed_among_them(services, tmp_path: Path):
    record = services.client().wait(services.client().push(classifier_package(tmp_path, 31)).learnware_id, timeout=180)
    task, enough, killed = specify(cloud(31, seed=2)), threading.Barrier(5), threading.Event()
    before = {name: searches_served(services, name) for name in ("search-1", "search-2")}

    def search_on() -> int:
        client, found = services.client(), 0
        for number in range(10_000):
            if number == 10:
                enough.wait(120)
            found += client.search(task).hits[0].record.learnware_id == record.learnware_id
            if killed.is_set() and number >= 30:
                return number + 1 - found
        raise AssertionError("nobody killed a replica")

    with ThreadPoolExecutor(4) as pool:
        people = [pool.submit(search_on) for _ in range(4)]
        enough.wait(120)
        for name, count in before.items():
            assert searches_served(services, name) > count, f"{name} was asked nothing"
        services.house["search-1"].kill()
        killed.set()
        assert [each.result(timeout=300) for each in people] == [0, 0, 0, 0]
    services.start()  # all that a house has end by themselves when it is closed
