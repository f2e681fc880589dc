"""Rows 14 and 28 of the fault matrix: a backlog behind slow checkers, and uploads whose clients die or meet."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from backlog import OWNERS, SHARE, ages, fairness, misjudged, newest, turns
from estate import until
from flow import Flow, all_at_once

GROWTH_MIB = 48.0
"""Of processes that are not warm yet; tools/torture/backlog.py weighs warm ones."""
_DIES = """
import os, signal, sys, zlib
from dockapi.ingestion.v1 import ingestion_pb2 as pb
from learndock.client import Dock
from learndock.client.upload import make_parcel
from pathlib import Path

path, address, after = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
parcel = make_parcel(path, owner="ann", learnware_id="", semantic_json="")
stub = Dock(address, owner="ann", peers={"ingestion": address})._peers.ingestion
stub.BeginUpload(pb.BeginUploadRequest(
    upload_id=parcel.upload_id, size_bytes=parcel.size_bytes, sha256=parcel.sha256, owner="ann"))

def chunks():
    with path.open("rb") as file:
        for offset in range(0, after, 1 << 20):
            data = file.read(1 << 20)
            yield pb.WriteUploadRequest(upload_id=parcel.upload_id, offset=offset, data=data, crc32=zlib.crc32(data))
    os.kill(os.getpid(), signal.SIGKILL)

stub.WriteUpload(chunks())
"""


def same_push(flow: Flow, size: int) -> str:
    """Row 28: a client dies in a push, then three push the same upload at once; one version comes of it."""
    for package in flow.packages(size, ballast=12 << 20):
        flow.note(package)
        died = _die_in_a_push(flow, package)
        if died != -9:
            flow.breaches.append(f"the client was to die and ended with {died}")
        clients = [flow.client() for _ in range(3)]
        with ThreadPoolExecutor(3) as pool:
            keys = list(pool.map(partial(flow.push, package=package), clients))
        for client in clients:
            client.close()
        if len(set(keys)) != 1 or None in keys:
            flow.breaches.append(f"three pushes of one upload became {keys}")
    flow.breaches += [f"failed: {each}" for each in flow.failed]
    return f"{size} clients killed in a push, {3 * size} pushes of the same upload"


def _die_in_a_push(flow: Flow, package: Path) -> int:
    after = flow.rng.randrange(1, 11) << 20
    address = flow.rng.choice(flow.estate.house.of("ingestion")).address
    words = [sys.executable, "-c", _DIES, str(package), address, str(after)]
    return subprocess.run(words, check=False, capture_output=True).returncode


def backlog(flow: Flow, size: int) -> str:
    """Row 14: checkers are slow and three owners have many waiting; memory stays, and turns are shared."""
    estate, each = flow.estate, 10 * size
    checkers = estate.house.of("checking")
    estate.house.stop([member.name for member in checkers])
    before = estate.memory_mib()

    def one(owner: str) -> None:
        packages = flow.packages(each)
        with flow.client(owner) as client:
            for package in packages:
                flow.push(client, package)

    all_at_once([partial(one, owner) for owner in OWNERS])
    waiting = estate.ask("SELECT count(*) FROM learnwares WHERE state = 'RECEIVED'")[0][0]
    begun = newest(estate)
    estate.arm(checkers, "checking.before_verdict=sleep:1")
    until(lambda: sum(turns(flow, begun).values()) >= 2 * each)
    shares = turns(flow, begun)
    flow.breaches += misjudged(ages(estate))
    after = estate.memory_mib()
    grown = max(after[name] - before[name] for name in before if name in after)
    if fairness(shares) > SHARE:
        flow.breaches.append(f"turns were shared {dict(shares)}")
    if grown > GROWTH_MIB:
        flow.breaches.append(f"memory grew by {grown:.0f} MiB")
    flow.breaches += [f"failed: {each}" for each in flow.failed]
    told = ", ".join(str(shares[owner]) for owner in OWNERS)
    return f"{waiting} waiting, then turns of the owners {told}; memory grew by {grown:.0f} MiB at most"
