"""A server with more calls than it can hold says so at once, with a time; clients come back at that time."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from prometheus_client import CollectorRegistry

from dock_rpc.channel import channel
from dock_rpc.server import WAITING_PER_WORKER, build_server
from dock_rpc.tests.test_server import health_of
from dockapi.search.v1 import search_pb2, search_pb2_grpc
from dockapi.status.v1 import status_pb2
from learndock.errors import Overloaded

SEARCH = "dockapi.search.v1.SearchService"
THREADS = 2
FULL = THREADS * WAITING_PER_WORKER


class Gated(search_pb2_grpc.SearchServiceServicer):
    """Holds every call until the gate opens."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.busy_for = 0

    def GetIndex(self, request, context):  # noqa: N802 - the proto's name
        self.gate.wait(60)
        return search_pb2.GetIndexResponse(revision=7)

    def Search(self, request, context):  # noqa: N802 - the proto's name
        if self.busy_for:
            self.busy_for -= 1
            raise Overloaded("Not now.", reason="NOT_NOW", retry_after_s=0.05)
        return search_pb2.SearchResponse(revision=7)


@pytest.fixture
def gated():
    gated = Gated()
    yield gated
    gated.gate.set()


@pytest.fixture
def registry():
    return CollectorRegistry()


@pytest.fixture
def server(gated, registry):
    services = [(SEARCH, search_pb2_grpc.add_SearchServiceServicer_to_server, gated)]
    with build_server(services, address="127.0.0.1:0", max_workers=THREADS, registry=registry) as server:
        yield server


def fill(link: grpc.Channel) -> list[grpc.Future]:
    """As many calls as the server holds, and as many again: those that are refused have ended on return."""
    stub = search_pb2_grpc.SearchServiceStub(link)
    futures = [stub.GetIndex.future(search_pb2.GetIndexRequest(), timeout=60) for _ in range(2 * FULL)]
    end = time.monotonic() + 60
    while sum(future.done() for future in futures) < FULL and time.monotonic() < end:
        time.sleep(0.01)
    return futures


def test_what_does_not_fit_is_refused_with_a_time_while_the_rest_waits(gated, server, registry):
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as link:
        futures = fill(link)
        refused = [future for future in futures if future.done()]
        assert len(refused) == FULL
        for future in refused:
            assert future.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            (status,) = [value for key, value in future.trailing_metadata() if key == "grpc-status-details-bin"]
            types = {detail.type_url.rpartition(".")[2] for detail in status_pb2.Status.FromString(status).details}
            assert "RetryInfo" in types
        assert health_of(link, SEARCH) == 1, "who asks for the health is not turned away"
        gated.gate.set()
        assert {future.result(timeout=60).revision for future in futures if future not in refused} == {7}
    labels = {"target": "search", "method": "GetIndex", "code": "RESOURCE_EXHAUSTED"}
    assert registry.get_sample_value("dock_rpc_server_handled_total", labels) == FULL


def test_calls_that_left_make_room(gated, server):
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as link:
        for future in fill(link):
            future.cancel()
        gated.gate.set()
        with channel(f"127.0.0.1:{server.port}", patience_s=20) as patient:
            stub = search_pb2_grpc.SearchServiceStub(patient)
            assert {stub.GetIndex(search_pb2.GetIndexRequest()).revision for _ in range(FULL)} == {7}


def test_a_patient_client_comes_back_until_there_is_room(gated, server):
    address = f"127.0.0.1:{server.port}"
    with channel(address) as crowd, channel(address, patience_s=20) as patient, channel(address) as hasty:
        fill(crowd)
        with pytest.raises(Overloaded) as refused:
            search_pb2_grpc.SearchServiceStub(hasty).GetIndex(search_pb2.GetIndexRequest())
        assert (refused.value.reason, refused.value.retry_after_s) == ("CALLS_WAITING", 1.0)
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(search_pb2_grpc.SearchServiceStub(patient).GetIndex, search_pb2.GetIndexRequest())
            time.sleep(0.1)
            assert not answer.done()
            gated.gate.set()
            assert answer.result(timeout=60).revision == 7


def test_patience_ends(gated, server):
    gated.busy_for = 10**6
    with channel(f"127.0.0.1:{server.port}", patience_s=0.3) as link, pytest.raises(Overloaded) as refused:
        search_pb2_grpc.SearchServiceStub(link).Search(search_pb2.SearchRequest())
    assert refused.value.reason == "NOT_NOW"
    assert gated.busy_for < 10**6 - 1
