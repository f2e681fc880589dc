"""A dock of separate services that is watched: its traces go to a collector in this process, its logs are objects."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tools.services.health import ask
from tools.services.house import House, dock_environment

from learndock.client import Dock
from learndock.client.records import LearnwareRecord
from tests.packages.models import build_package
from tests.watching.collector import Collector

TRACE = "0af7651916cd43dd8448eb211c80319c"


@dataclass
class Watched:
    """The house, and one learnware that was pushed within the trace TRACE."""

    house: House
    collector: Collector
    record: LearnwareRecord
    before: dict[str, dict[tuple[str, frozenset], float]]

    def scrape(self) -> dict[str, dict[tuple[str, frozenset], float]]:
        return {member.name: samples(member.metrics_port) for member in self.house.members}

    def client(self) -> Dock:
        return client(self.house)


def client(house: House) -> Dock:
    peers = {name.removeprefix("DOCK_PEERS_").lower(): where for name, where in house.peers().items()}
    return Dock(house["ingestion"].address, owner="ann", peers=peers)


def samples(port: int) -> dict[tuple[str, frozenset], float]:
    """A process's metrics: (name, labels) to value."""
    status, text = ask(port, "/metrics")
    assert status == 200
    families = text_string_to_metric_families(text.decode())
    return {(each.name, frozenset(each.labels.items())): each.value for family in families for each in family.samples}


@pytest.fixture(scope="session")
def watched(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """One house for all tests of watching."""
    postgres, nats, s3 = (request.getfixturevalue(f"{name}_server") for name in ("postgres", "nats", "s3"))
    collector = Collector()
    environment = {
        **dock_environment(
            db_url=postgres.new_database(), bus_url=nats.url, blob_url=s3.new_bucket(), monitor_url=nats.monitor_url
        ),
        "DOCK_BUS_PREFIX": f"watch-{os.urandom(4).hex()}",
        "DOCK_DRAIN_S": "0.1",
        "DOCK_TRACES_URL": collector.url,
        "DOCK_LOG_FORMAT": "json",
        "DOCK_LOG_LEVEL": "DEBUG",
    }
    folder: Path = tmp_path_factory.mktemp("watched")
    targets = ("ingestion", "checking", "specification", "search", "reuse")
    with House(folder, environment, targets=targets) as house, pytest.MonkeyPatch.context() as patch:
        house.migrate()
        house.start()
        before = {member.name: samples(member.metrics_port) for member in house.members}
        patch.setenv("TRACEPARENT", f"00-{TRACE}-00f067aa0ba902b7-01")
        with client(house) as dock:
            record = dock.wait(dock.push(build_package(folder / "package.zip")).learnware_id)
        assert record.state == "INDEXED", record
        yield Watched(house, collector, record, before)
    collector.close()
