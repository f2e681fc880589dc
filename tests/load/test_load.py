"""A crowd on one dock: nobody's call fails, the process stays small, overload is said, and turns are fair."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest

import crowd
import gauge
import load
import wares
from dock_rpc.convert import specification_to_rkme
from dockapi.ingestion.v1 import ingestion_pb2, ingestion_pb2_grpc
from dockapi.search.v1 import search_pb2, search_pb2_grpc
from dockapi.status.v1 import status_pb2
from learndock.client import Dock

pytestmark = [pytest.mark.load, pytest.mark.e2e, pytest.mark.sandbox]

CLIENTS = 12
MEMORY_MIB = 64
WORKERS = 64
CONNECTIONS_KEPT = 16


def retry_named_by(call: grpc.RpcError) -> float:
    """Seconds of the RetryInfo that came with a refusal, for any gRPC client to read; 0 where none came."""
    for key, value in call.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            for detail in status_pb2.Status.FromString(value).details:
                if detail.type_url.endswith("google.rpc.RetryInfo"):
                    return status_pb2.RetryInfo.FromString(detail.value).retry_delay.ToNanoseconds() / 1e9
    return 0.0


def wave(dock: gauge.MeasuredDock, packages: list[Path], name: str) -> list[crowd.Call]:
    return load.crowd_of(dock.address, CLIENTS, packages, 100, name=name).run()


def test_no_call_of_a_crowd_fails_and_the_process_stays_small(tmp_path):
    packages = wares.make_packages(tmp_path / "wares", 28)
    with gauge.MeasuredDock(tmp_path / "dock") as dock:
        wave(dock, packages[:4], "first")
        before = dock.size()
        calls = [call for number in range(2) for call in wave(dock, packages[4 + number :: 2], f"w{number}-")]
        assert [call for call in calls if call.error] == []
        kinds = {kind: sum(call.kind == kind for call in calls) for kind in ("push", "search", "wait")}
        assert kinds == {"push": 24, "search": 200, "wait": 24}
        assert {call.outcome for call in calls if call.kind == "wait"} == {"INDEXED"}
        peak, after = dock.peak(), dock.size()
        assert peak.rss_mib - before.rss_mib < MEMORY_MIB
        assert peak.threads <= before.threads + WORKERS
        assert after.files <= before.files + 3 * CONNECTIONS_KEPT
        assert "Traceback" not in dock.log.read_text()


@pytest.fixture
def small(tmp_path):
    """A small dock that checks nothing, so that what waits stays waiting."""
    settings = {"DOCK_WORKERS": "4", "DOCK_INGESTION_MAX_WAITING_PER_OWNER": "2"}
    with gauge.MeasuredDock(tmp_path / "dock", targets="ingestion,search", **settings) as dock:
        yield dock


def test_who_has_too_much_waiting_is_turned_away_for_a_while(small, tmp_path):
    packages = wares.make_packages(tmp_path / "wares", 3)
    with Dock(small.address, owner="greedy", patience_s=60) as greedy, Dock(small.address, owner="other") as other:
        waiting = [greedy.push(package) for package in packages[:2]]
        request = ingestion_pb2.BeginUploadRequest(
            upload_id="up-by-hand", size_bytes=9, sha256="0" * 64, owner="greedy"
        )
        with grpc.insecure_channel(small.address) as link, pytest.raises(grpc.RpcError) as refused:
            ingestion_pb2_grpc.IngestionServiceStub(link).BeginUpload(request, timeout=60)
        assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert retry_named_by(refused.value) > 0
        assert other.push(packages[0]).state == "RECEIVED", "another owner is let in"
        timer = threading.Timer(1.0, greedy.delete, (waiting[0].learnware_id,))
        timer.start()
        assert greedy.push(packages[2]).state == "RECEIVED"
        timer.join()


def test_searches_that_wait_do_not_keep_others_out(small):
    with grpc.insecure_channel(small.address) as link, Dock(small.address, patience_s=60) as patient:
        # A search for a revision that never comes would hold its thread until its deadline.
        ask = search_pb2.SearchRequest(semantic_query_json="{}", min_revision=10**9)
        stub = search_pb2_grpc.SearchServiceStub(link)
        held = [stub.Search.future(ask, timeout=60) for _ in range(30)]
        assert patient.search(text="anything").hits == []
        end = time.monotonic() + 60
        while len(told := [call for call in held if call.done()]) < len(held) - 4 and time.monotonic() < end:
            time.sleep(0.05)
        assert len(told) >= len(held) - 4
        assert {call.code() for call in told} == {grpc.StatusCode.RESOURCE_EXHAUSTED}
        assert all(retry_named_by(call) > 0 for call in told)
        for call in held:
            call.cancel()


def _search(address: str, mebibytes: int) -> grpc.StatusCode:
    """How a search with a specification of that size is answered: it is too large in any case."""
    request = search_pb2.SearchRequest(semantic_query_json="{}")
    request.rkme.CopyFrom(specification_to_rkme(wares.task(1)))
    points = (mebibytes << 20) // (8 * wares.WIDTH)
    request.rkme.z.shape[:] = [points, wares.WIDTH]
    request.rkme.z.data = bytes(8 * wares.WIDTH * points)
    alone = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_send_message_length", -1)]
    with grpc.insecure_channel(address, options=alone) as link, pytest.raises(grpc.RpcError) as refused:
        search_pb2_grpc.SearchServiceStub(link).Search(request, timeout=60)
    return refused.value.code()


@pytest.mark.parametrize(
    ("mebibytes", "code", "peak_mib", "left_mib"),
    [(40, "RESOURCE_EXHAUSTED", 64, 64), (15, "INVALID_ARGUMENT", 1000, 350)],
)
def test_a_crowd_of_large_messages_does_not_stay_in_memory(tmp_path, mebibytes, code, peak_mib, left_mib):
    with gauge.MeasuredDock(tmp_path / "dock", targets="search") as dock:
        before = dock.size().rss_mib
        for _ in range(2):
            with ThreadPoolExecutor(20) as pool:
                codes = [each.name for each in pool.map(_search, [dock.address] * 20, [mebibytes] * 20)]
            assert set(codes) == {code}
        assert dock.peak_mib() - before < peak_mib
        assert dock.size().rss_mib - before < left_mib


def test_watchers_that_find_no_place_wait_all_the_same(small, tmp_path):
    with Dock(small.address, owner="many") as dock:
        record = dock.push(wares.make_packages(tmp_path / "wares", 1)[0])
        with grpc.insecure_channel(small.address) as link:
            stub = ingestion_pb2_grpc.IngestionServiceStub(link)
            request = ingestion_pb2.WatchLearnwareRequest(learnware_id=record.learnware_id)
            held = [stub.WatchLearnware(request, timeout=60) for _ in range(2)]
            for stream in held:
                next(stream)
            with pytest.raises(grpc.RpcError) as refused:
                next(stub.WatchLearnware(request, timeout=60))
            assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert retry_named_by(refused.value) > 0
            timer = threading.Timer(0.5, dock.delete, (record.learnware_id,))
            timer.start()
            assert dock.wait(record.learnware_id, record.version, timeout=60).state == "DELETED"
            timer.join()


def test_one_owners_queue_does_not_delay_anothers_first(tmp_path):
    packages = wares.make_packages(tmp_path / "wares", 9)
    with gauge.MeasuredDock(tmp_path / "dock", DOCK_CHECKING_PARALLEL="1") as dock, Dock(dock.address) as anybody:
        with Dock(dock.address, owner="greedy") as greedy:
            queue = [greedy.push(package) for package in packages[1:]]
        with Dock(dock.address, owner="late") as late:
            mine = late.push(packages[0])
            waiting = len(anybody.list(owner="greedy", states=["RECEIVED"]))
            assert late.wait(mine.learnware_id, timeout=120).state == "INDEXED"
        assert waiting > 2
        assert load.begun_before(anybody, mine) <= 1
        assert {anybody.wait(each.learnware_id, timeout=120).state for each in queue} == {"INDEXED"}
