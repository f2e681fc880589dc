"""What a built server has beside its services."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
import urllib.error
import urllib.request

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from prometheus_client import CollectorRegistry, generate_latest

from dock_rpc.channel import channel
from dock_rpc.logs import JsonFormatter, LineFormatter
from dock_rpc.metrics import serve_metrics
from dock_rpc.peers import Peers, peer_addresses
from dock_rpc.server import build_server
from dockapi.search.v1 import search_pb2, search_pb2_grpc
from learndock.errors import FailedPrecondition, InvalidInput, NotFound, Unavailable

SEARCH = "dockapi.search.v1.SearchService"


class SmallSearch(search_pb2_grpc.SearchServiceServicer):
    """Answers GetIndex; refuses to search; waits where it is told to."""

    def __init__(self) -> None:
        self.entered, self.go_on = threading.Event(), threading.Event()
        self.go_on.set()

    def GetIndex(self, request, context):  # noqa: N802 - the proto's name
        self.entered.set()
        self.go_on.wait(60)
        return search_pb2.GetIndexResponse(revision=7)

    def Search(self, request, context):  # noqa: N802 - the proto's name
        raise NotFound("Nothing.", reason="NOTHING_HERE")


def small_server(search: SmallSearch, address: str = "127.0.0.1:0", **options):
    return build_server(
        [(SEARCH, search_pb2_grpc.add_SearchServiceServicer_to_server, search)], address=address, **options
    )


@pytest.fixture
def search():
    return SmallSearch()


def health_of(link: grpc.Channel, service: str) -> int:
    return health_pb2_grpc.HealthStub(link).Check(health_pb2.HealthCheckRequest(service=service), timeout=60).status


def test_health_knows_every_service(search):
    with small_server(search) as server, channel(f"127.0.0.1:{server.port}") as link:
        assert health_of(link, "") == health_of(link, SEARCH) == health_pb2.HealthCheckResponse.SERVING
        with pytest.raises(NotFound):
            health_of(link, "nothing")


def test_health_can_be_watched_until_the_end(search):
    server = small_server(search)
    server.start()
    with channel(f"127.0.0.1:{server.port}") as link:
        watch = health_pb2_grpc.HealthStub(link).Watch(health_pb2.HealthCheckRequest(service=""), timeout=60)
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
        server.stop(1.0)
        assert next(watch).status == health_pb2.HealthCheckResponse.NOT_SERVING


def test_reflection_lists_the_services(search):
    with small_server(search) as server, channel(f"127.0.0.1:{server.port}") as link:
        ask = reflection_pb2.ServerReflectionRequest(list_services="")
        answer = next(reflection_pb2_grpc.ServerReflectionStub(link).ServerReflectionInfo(iter([ask])))
        assert SEARCH in {service.name for service in answer.list_services_response.service}


def test_calls_are_counted_and_timed_by_code(search):
    registry = CollectorRegistry()
    with small_server(search, registry=registry) as server, channel(f"127.0.0.1:{server.port}") as link:
        stub = search_pb2_grpc.SearchServiceStub(link)
        stub.GetIndex(search_pb2.GetIndexRequest())
        with pytest.raises(NotFound):
            stub.Search(search_pb2.SearchRequest())
    labels = {"target": "search", "method": "Search", "code": "NOT_FOUND"}
    assert registry.get_sample_value("dock_rpc_server_handled_total", labels) == 1
    labels = {"target": "search", "method": "GetIndex", "code": "OK"}
    assert registry.get_sample_value("dock_rpc_server_handled_total", labels) == 1
    labels = {"target": "search", "method": "GetIndex"}
    assert registry.get_sample_value("dock_rpc_server_handling_seconds_count", labels) == 1
    assert registry.get_sample_value("dock_rpc_server_running_calls", {"target": "search"}) == 0


def test_a_stop_lets_running_calls_end(search):
    search.go_on.clear()
    server = small_server(search)
    server.start()
    with channel(f"127.0.0.1:{server.port}") as link:
        call = search_pb2_grpc.SearchServiceStub(link).GetIndex.future(search_pb2.GetIndexRequest())
        assert search.entered.wait(60)
        stopping = threading.Thread(target=server.stop, args=(10.0,))
        stopping.start()
        search.go_on.set()
        assert call.result(timeout=60).revision == 7
        stopping.join(60)
        assert not stopping.is_alive()
    server.stop(0)


def test_a_taken_port_is_refused_with_its_address(search):
    with small_server(search) as server:
        with pytest.raises(FailedPrecondition) as caught:
            small_server(search, f"127.0.0.1:{server.port}")
        assert caught.value.reason == "ADDRESS_TAKEN"
        assert str(server.port) in caught.value.message


@pytest.mark.parametrize("address", ["nowhere", "127.0.0.1:99999", "203.0.113.7:0"])
def test_an_address_of_nobody_is_refused(search, address):
    with pytest.raises(InvalidInput) as caught:
        small_server(search, address)
    assert caught.value.reason == "ADDRESS_INVALID"


def test_metrics_are_read_over_http():
    registry = CollectorRegistry()
    port = serve_metrics(registry, 0)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
        assert answer.read() == generate_latest(registry)
    with pytest.raises(FailedPrecondition) as caught:
        serve_metrics(registry, port)
    assert caught.value.reason == "ADDRESS_TAKEN"


def test_readiness_is_read_over_http_and_says_what_is_missing():
    lacks = ["the database"]
    port = serve_metrics(CollectorRegistry(), 0, missing=lambda: ", ".join(lacks))
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=60)
    assert (refused.value.code, refused.value.read()) == (503, b"the database\n")
    refused.value.close()
    lacks.clear()
    for page in ("livez", "readyz"):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{page}", timeout=60) as answer:
            assert answer.read() == b"ok\n"


def test_a_server_is_ready_when_it_says_so_and_serves_while_it_drains(search):
    server = small_server(search)
    server.start(ready=False)
    with channel(f"127.0.0.1:{server.port}") as link:
        stub = search_pb2_grpc.SearchServiceStub(link)
        assert health_of(link, SEARCH) == health_pb2.HealthCheckResponse.NOT_SERVING
        server.be_ready()
        assert health_of(link, SEARCH) == health_pb2.HealthCheckResponse.SERVING
        server.drain()
        server.be_ready()  # as one does who waited for something in another thread
        assert health_of(link, SEARCH) == health_pb2.HealthCheckResponse.NOT_SERVING
        assert stub.GetIndex(search_pb2.GetIndexRequest()).revision == 7
    server.stop(0)


def test_a_connection_that_is_old_makes_way_for_another(search):
    with (
        small_server(search, max_connection_age_s=0.05) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.port}") as link,
    ):
        states: list[grpc.ChannelConnectivity] = []
        gone = threading.Event()

        def note(state: grpc.ChannelConnectivity) -> None:
            states.append(state)
            if grpc.ChannelConnectivity.READY in states and state is grpc.ChannelConnectivity.IDLE:
                gone.set()

        link.subscribe(note, try_to_connect=True)
        assert gone.wait(60)
        assert search_pb2_grpc.SearchServiceStub(link).GetIndex(search_pb2.GetIndexRequest(), timeout=60).revision == 7


def test_a_server_that_comes_back_is_found_again(search):
    server = small_server(search)
    server.start()
    port = server.port
    with channel(f"127.0.0.1:{port}") as link:
        stub = search_pb2_grpc.SearchServiceStub(link)
        assert stub.GetIndex(search_pb2.GetIndexRequest()).revision == 7
        server.stop(0)
        with pytest.raises(Unavailable):
            stub.GetIndex(search_pb2.GetIndexRequest(), timeout=3)
        with small_server(search, f"127.0.0.1:{port}"):
            ready = stub.GetIndex(search_pb2.GetIndexRequest(), wait_for_ready=True, timeout=60)
            assert ready.revision == 7


def test_peers_share_a_channel_where_they_share_an_address(search):
    with small_server(search) as server:
        default = f"127.0.0.1:{server.port}"
        with Peers.connect(default, {"checking": "127.0.0.1:1"}) as peers:
            assert len(peers.channels) == 2
            assert peers.search.GetIndex(search_pb2.GetIndexRequest()).revision == 7


def test_peer_addresses_come_from_the_environment():
    given = {"DOCK_PEERS_SEARCH": "dns:///search:50051", "DOCK_PEERS_REUSE": "", "HOME": "/"}
    assert peer_addresses(given) == {"search": "dns:///search:50051"}


def record(message: str, **extra: object) -> logging.LogRecord:
    made = logging.LogRecord("dock", logging.WARNING, "f.py", 1, message, (), None)
    made.__dict__ |= extra
    return made


def test_a_json_line_has_the_fields_and_stays_one_line():
    line = JsonFormatter().format(record("two\nlines", trace_id="ab" * 16, target="search"))
    document = json.loads(line)
    assert "\n" not in line
    assert (document["message"], document["target"], document["trace_id"]) == ("two\nlines", "search", "ab" * 16)


def test_no_message_forges_a_line_for_people():
    line = LineFormatter().format(record("name\n12:00:00 ERROR forged\x1b[31m"))
    assert "\n" not in line
    assert "\x1b" not in line


def test_the_client_side_needs_no_server_packages():
    text = (
        "import sys\n"
        "for name in ('prometheus_client', 'grpc_health', 'grpc_reflection'): sys.modules[name] = None\n"
        "import dock_rpc.channel, dock_rpc.convert, dock_rpc.peers, dock_rpc.status, learndock.client\n"
        "assert 'scipy' not in sys.modules and 'sklearn' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", text], check=True, timeout=60)


def test_a_call_that_failed_is_logged_with_its_trace_id(search, caplog):
    trace_id = "fedcba9876543210" * 2
    metadata = (("traceparent", f"00-{trace_id}-0123456789abcdef-01"),)
    caplog.set_level(logging.DEBUG, logger="dock_rpc.calls")
    with small_server(search) as server, channel(f"127.0.0.1:{server.port}") as link:
        stub = search_pb2_grpc.SearchServiceStub(link)
        with pytest.raises(NotFound):
            stub.Search(search_pb2.SearchRequest(), metadata=metadata)
    line = next(each for each in caplog.records if each.name == "dock_rpc.calls")
    assert (line.levelname, line.target, line.method, line.code) == ("INFO", "search", "Search", "NOT_FOUND")
    assert (line.trace_id, line.reason) == (trace_id, "NOTHING_HERE")
    assert line.getMessage().startswith("search Search NOT_FOUND NOTHING_HERE in ")
