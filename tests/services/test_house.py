"""A dock as separate processes: they come up on real servers, come back at their addresses, and leave nothing."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time

import pytest
from tools.services.foundation import Foundation
from tools.services.house import House, dock_environment
from tools.services.missing import ServerDied
from tools.services.places import ROOT
from tools.services.ports import PortBook, listens

from dock_db import Database
from dock_rpc.peers import Peers, peer_addresses
from dockapi.ingestion.v1 import ingestion_pb2

pytestmark = pytest.mark.e2e


def _wait_for(what):
    # The test's own limit is the one that counts.
    while not what():
        time.sleep(0.1)


@pytest.fixture
def environment(postgres_server, nats_server, s3_server):
    named = dock_environment(
        db_url=postgres_server.new_database(), bus_url=nats_server.url, blob_url=s3_server.new_bucket()
    )
    return {**named, "DOCK_BUS_PREFIX": f"house-{os.urandom(4).hex()}", "DOCK_DRAIN_S": "0"}


def test_services_die_and_come_back_where_they_were(environment, tmp_path):
    with House(tmp_path, environment, targets=("ingestion", "search"), replicas={"search": 2}) as house:
        house.migrate()
        house.start()
        assert [member.name for member in house.members] == ["ingestion-1", "search-1", "search-2"]
        assert house.peers()["DOCK_PEERS_SEARCH"].startswith("ipv4:127.0.0.1:")
        with Peers.connect("127.0.0.1:1", peer_addresses(house.peers())) as peers:
            assert not peers.ingestion.ListLearnwares(ingestion_pb2.ListLearnwaresRequest()).learnwares
            victim = house["ingestion"]
            victim.kill()
            assert (victim.exit_status, victim.wanted, listens(victim.port)) == (-9, False, False)
            victim.start()
            assert not peers.ingestion.ListLearnwares(ingestion_pb2.ListLearnwaresRequest()).learnwares
        os.kill(house["search-2"].pid, 9)
        _wait_for(lambda: house.revive() == [house["search-2"]])
        house["search-2"].wait_until_ready()
        house["search-1"].pause()
        house["search-1"].go_on()
        assert house["search-1"].ready
        assert house.stop()
        assert [member.exit_status for member in house.members] == [0, 0, 0]
    assert not any(listens(member.port) for member in house.members)


def test_a_service_that_cannot_start_says_why(environment, tmp_path):
    with House(tmp_path, {**environment, "DOCK_BLOB_URL": "nonsense://x"}, targets=("ingestion",)) as house:
        with pytest.raises(ServerDied, match="ingestion-1 ended with status"):
            house.start()
        assert "ADAPTER_UNKNOWN" in house["ingestion"].last_lines()


def test_ports_are_kept_for_the_next_run(tmp_path):
    first = PortBook(tmp_path / "ports.json").port("search-1")
    assert PortBook(tmp_path / "ports.json").port("search-1") == first


def test_a_port_that_somebody_took_meanwhile_is_exchanged_and_that_is_known(tmp_path):
    book = PortBook(tmp_path / "ports.json")
    kept, other = book.port("search-1"), book.port("nats")
    with socket.socket() as somebody:
        somebody.bind(("127.0.0.1", kept))
        somebody.listen()
        later = PortBook(tmp_path / "ports.json")
        fresh = later.port("search-1")
        assert later.port("nats") == other
    assert fresh != kept
    assert later.moved == {"search-1": (kept, fresh)}
    assert book.moved == {}


def test_the_store_is_named_without_its_secret():
    named = dock_environment(db_url="d", bus_url="b", blob_url="s3://dock:s%2Fcret@127.0.0.1:9000/dock?secure=false")
    assert named["DOCK_BLOB_URL"] == "s3://127.0.0.1:9000/dock?secure=false"
    assert (named["DOCK_BLOB_ACCESS_KEY"], named["DOCK_BLOB_SECRET_KEY"]) == ("dock", "s/cret")


def test_what_lies_under_a_dock_keeps_its_data_and_its_ports(tmp_path, postgres_server, s3_server):
    environments = []
    for _ in range(2):
        foundation = Foundation(tmp_path, PortBook(tmp_path / "ports.json"))
        try:
            foundation.start()
            environments.append(foundation.environment())
            database = Database(environments[-1]["DOCK_DB_URL"])
            assert database.schema().behind == (len(environments) == 1)
            database.create()
            database.close()
        finally:
            foundation.close()
        assert not any(listens(int(server.address.rpartition(":")[2])) for server in foundation.servers)
    assert environments[0] == environments[1]


def test_make_services_starts_a_dock_tells_its_addresses_and_ends_with_all_it_started(tmp_path, environment):
    up = [sys.executable, "-m", "tools.services.up", "--folder", str(tmp_path)]
    with subprocess.Popen([*up, "--only", "ingestion"], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        said = ""
        while "ingestion-1 ready" not in said:
            line = process.stdout.readline()
            assert line, said
            said += line
        told = json.loads(subprocess.check_output([*up, "--json"], cwd=ROOT, text=True))
        assert f". {tmp_path / 'env'}" in said
        script = f". {tmp_path / 'env'}; echo $DOCK_URL $DOCK_PEERS_INGESTION $DOCK_DB_URL"
        address = told["services"]["ingestion-1"]["address"]
        assert subprocess.check_output(["/bin/sh", "-c", script], text=True).split() == [address, address]
        assert "DOCK_DB_URL" in (tmp_path / "service-env").read_text()
        assert (tmp_path / "service-env").stat().st_mode & 0o077 == 0
        second = subprocess.run(up, cwd=ROOT, capture_output=True, text=True, check=False)
        assert second.returncode == 1
        assert "they run already" in second.stderr
        with Peers.connect("127.0.0.1:1", peer_addresses(told["client_environment"])) as peers:
            assert not peers.ingestion.ListLearnwares(ingestion_pb2.ListLearnwaresRequest()).learnwares
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
    assert process.returncode == 0
    assert "stopped" in rest
    ports = [told["services"]["ingestion-1"]["address"], *told["servers"].values()]
    assert not any(listens(int(address.rpartition(":")[2])) for address in ports)
    later = subprocess.run([*up, "--json"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "nothing runs" in later.stderr
