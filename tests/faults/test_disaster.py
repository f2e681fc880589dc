"""Rows 4, 5, 21 and 25 of the fault matrix: the bus away or wiped, the index lost, everything lost and restored."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import psycopg2
import pytest
from tools.services.house import House, dock_environment

from dock_blob.s3 import S3BlobStore
from learndock.client import Dock
from learndock.specification import specify
from tests.e2e.learnwares import classifier_package, cloud

pytestmark = [pytest.mark.e2e, pytest.mark.sandbox]
PATIENCE_S = 240.0


@dataclass
class Servers:
    """A house with all that it stands on."""

    house: House
    environment: dict[str, str]
    blob_url: str
    folder: Path

    def client(self) -> Dock:
        peers = {name.removeprefix("DOCK_PEERS_").lower(): where for name, where in self.house.peers().items()}
        return Dock(self.house["ingestion"].address, owner="tester", peers=peers)

    def push(self, centre: float) -> str:
        return self.client().push(classifier_package(self.folder, centre)).learnware_id

    def indexed(self, *ids: str) -> None:
        for learnware_id in ids:
            assert self.client().wait(learnware_id, timeout=PATIENCE_S).state == "INDEXED"

    def answer(self) -> tuple[object, ...]:
        """Everything that a search for each region says, to the last digit."""
        found = [self.client().search(specify(cloud(region, seed=9)), mixture="none") for region in (0, 8)]
        hits = [
            [(hit.record.learnware_id, hit.record.version, hit.score, hit.distance) for hit in each.hits]
            for each in found
        ]
        return tuple(map(tuple, hits))

    def command(self, *words: str) -> dict[str, object]:
        keys = {"DOCK_CHECKING_KEYS": str(self.house.folder / "data" / "keys")}
        command = [sys.executable, "-m", "learndock.cli.main", *words, "--json"]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env={**os.environ, **self.environment, **keys}
        )
        assert done.returncode == 0, done.stdout + done.stderr
        said: dict[str, object] = json.loads(done.stdout)
        return said

    def wipe(self) -> None:
        """Lose every row and every package."""
        connection = psycopg2.connect(self.environment["DOCK_DB_URL"].replace("+psycopg2", ""))
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("DROP SCHEMA public CASCADE")
            cursor.execute("CREATE SCHEMA public")
        connection.close()
        store = S3BlobStore.connect(self.blob_url)
        for info in list(store.list()):
            store.delete(info.key)
        store.close()


@pytest.fixture
def servers(postgres_server, own_nats, s3_server, tmp_path: Path):
    blob_url = s3_server.new_bucket()
    environment = {
        **dock_environment(db_url=postgres_server.new_database(), bus_url=own_nats.url, blob_url=blob_url),
        "DOCK_DRAIN_S": "0",
        "DOCK_RECONCILE_PERIOD_S": "1",
        "DOCK_RECONCILE_GRACE_S": "2",
    }
    targets = ("ingestion", "checking", "specification", "search")
    with House(tmp_path / "house", environment, targets=targets) as house:
        house.migrate()
        house.start(patience_s=PATIENCE_S)
        yield Servers(house, environment, blob_url, tmp_path)


def test_bus_index_and_in_the_end_everything_may_be_lost(servers: Servers, own_nats, tmp_path):
    servers.indexed(servers.push(0), servers.push(8))

    own_nats.stop()
    meanwhile = servers.push(4)  # taken, though no event goes anywhere
    own_nats.start()
    own_nats.wipe()  # and the server has forgotten every stream and consumer
    servers.indexed(meanwhile, servers.push(12))
    before = servers.answer()
    assert len(before[0]) == 4

    servers.house["search"].kill()
    servers.house["search"].start(patience_s=PATIENCE_S)
    assert servers.answer() == before

    vault = str(tmp_path / "vault")
    made = servers.command("backup", vault)
    assert (made["packages"], made["missing"]) == (4, [])
    servers.push(16)  # after the backup: it is lost, and nothing else is
    assert servers.house.stop()
    servers.wipe()
    own_nats.wipe()
    restored = servers.command("restore", vault)
    assert (restored["findings"], restored["rows"]) == ([], made["rows"])
    servers.house.start(patience_s=PATIENCE_S)
    assert servers.answer() == before
    found = servers.command("fsck")
    assert (found["versions"], found["findings"]) == (4, [])
    servers.indexed(servers.push(16))
