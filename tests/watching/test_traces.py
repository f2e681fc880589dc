"""One trace from a push to its being found, over all services; and a collector that is away is nobody's trouble."""

from __future__ import annotations

import json
import time
import uuid

import pytest
from opentelemetry.proto.trace.v1 import trace_pb2

from dock_rpc.channel import channel
from dock_server.traces import MOST_WAITING, Traces
from dock_trace import span
from dockapi.checking.v1 import checking_pb2, checking_pb2_grpc
from dockapi.ingestion.v1 import ingestion_pb2, ingestion_pb2_grpc
from dockapi.reuse.v1 import reuse_pb2, reuse_pb2_grpc
from dockapi.search.v1 import search_pb2, search_pb2_grpc
from dockapi.specification.v1 import specification_pb2, specification_pb2_grpc
from learndock.errors import DockError
from tests.watching.conftest import TRACE

COMMIT = "dockapi.ingestion.v1.IngestionService/CommitUpload"
PIPELINE = {COMMIT, "ingestion.commit", "check", "check package", "check environment", "sandbox", "embed", "index"}
EVENTS = {f"{what} dock.learnware.{state}" for what in ("publish", "process") for state in ("received", "accepted")}


@pytest.fixture(scope="module")
def spans(watched):
    return watched.collector.wait_for(TRACE, PIPELINE | EVENTS)


def one(spans, name, **wanted):
    found = [each for each in spans if each.name == name and wanted.items() <= vars(each).items()]
    assert found, f"no {name}"
    return found[0]


def above(spans, span):
    return next((each for each in spans if each.span_id == span.parent_id), None)


def test_the_services_share_one_trace(spans):
    assert {span.service for span in spans} == {"dock-ingestion", "dock-checking", "dock-specification", "dock-search"}
    assert not [span for span in spans if span.failed]


@pytest.mark.parametrize(
    ("name", "parent"),
    [
        ("ingestion.commit", COMMIT),
        ("check", "ingestion.commit"),
        ("check package", "check"),
        ("check environment", "check"),
        ("sandbox", "check"),
        ("embed", "check"),
        ("index", "embed"),
        ("publish dock.learnware.received", "ingestion.commit"),
        ("process dock.learnware.received", "publish dock.learnware.received"),
        ("publish dock.learnware.accepted", "check"),
        ("process dock.learnware.accepted", "publish dock.learnware.accepted"),
    ],
)
def test_each_span_has_what_caused_it_as_its_parent(spans, name, parent):
    # Each transition has its event, and searches see all of them.
    assert above(spans, one(spans, name)).name == parent


def test_calls_are_named_as_the_conventions_say(spans):
    call = one(spans, COMMIT)
    assert call.kind == trace_pb2.Span.SPAN_KIND_SERVER
    assert call.attributes["rpc.system.name"] == "grpc"
    assert call.attributes["rpc.method"] == COMMIT
    assert call.attributes["rpc.response.status_code"] == "OK"
    kinds = {each.name: each.kind for each in spans}
    assert kinds["publish dock.learnware.received"] == trace_pb2.Span.SPAN_KIND_PRODUCER
    assert kinds["process dock.learnware.received"] == trace_pb2.Span.SPAN_KIND_CONSUMER


def test_spans_lie_within_those_above_them_and_say_which_learnware(watched, spans):
    check = one(spans, "check")
    for name in ("check package", "check environment", "sandbox"):
        inner = one(spans, name)
        assert check.began <= inner.began <= inner.ended <= check.ended
    for name in ("check", "embed", "index"):
        assert one(spans, name).attributes["dock.learnware"] == watched.record.learnware_id


def test_a_call_that_a_service_makes_is_a_span_of_its_own(watched):
    with watched.client() as client:
        client.predict([watched.record.learnware_id], [[1.0, 2.0]])
    named, predict = "dockapi.ingestion.v1.IngestionService/GetLearnware", "dockapi.reuse.v1.ReuseService/Predict"

    def find(**wanted):
        return watched.collector.wait_until(
            lambda spans: [each for each in spans if wanted.items() <= vars(each).items()]
        )[0]

    call = find(name=named, service="dock-reuse")
    assert call.kind == trace_pb2.Span.SPAN_KIND_CLIENT
    assert find(span_id=call.parent_id).name == predict
    assert find(parent_id=call.span_id).service == "dock-ingestion"


def test_logs_of_the_pipeline_carry_the_trace_and_what_is_worked_on(watched):
    for target in ("checking", "specification", "search"):
        mine = [line for line in lines_of(watched.house[target].log, TRACE) if line.get("learnware")]
        assert mine, watched.house[target].log.read_text()
        assert {line["learnware"] for line in mine} == {watched.record.learnware_id}
        assert {(line["target"], line["version"]) for line in mine} == {(target, 1)}
        assert all(len(line["span_id"]) == 16 for line in mine)


WRONG_CALLS = {
    "ingestion": lambda link, **more: ingestion_pb2_grpc.IngestionServiceStub(link).GetLearnware(
        ingestion_pb2.GetLearnwareRequest(learnware_id="99999999"), **more
    ),
    "checking": lambda link, **more: checking_pb2_grpc.CheckingServiceStub(link).GetVerdict(
        checking_pb2.GetVerdictRequest(learnware_id="99999999"), **more
    ),
    "specification": lambda link, **more: specification_pb2_grpc.SpecificationServiceStub(link).GetSpecification(
        specification_pb2.GetSpecificationRequest(learnware_id="99999999"), **more
    ),
    "search": lambda link, **more: search_pb2_grpc.SearchServiceStub(link).Search(
        search_pb2.SearchRequest(limit=1 << 30), **more
    ),
    "reuse": lambda link, **more: reuse_pb2_grpc.ReuseServiceStub(link).Predict(reuse_pb2.PredictRequest(), **more),
}


@pytest.mark.parametrize("target", WRONG_CALLS)
def test_each_service_logs_a_call_that_failed_under_its_callers_trace(watched, target):
    trace = uuid.uuid4().hex
    metadata = [("traceparent", f"00-{trace}-00f067aa0ba902b7-01")]
    with channel(watched.house[target].address) as link, pytest.raises(DockError) as told:
        WRONG_CALLS[target](link, metadata=metadata)
    deadline = time.monotonic() + 60
    while not (mine := lines_of(watched.house[target].log, trace)) and time.monotonic() < deadline:
        time.sleep(0.05)  # the answer is sent before the line is written
    assert [(line["logger"], line["target"], line["reason"]) for line in mine] == [
        ("dock_rpc.calls", target, told.value.reason)
    ]


def lines_of(log, trace):
    """The objects in a log that belong to a trace."""
    lines = (json.loads(line) for line in log.read_text().splitlines() if line.startswith("{"))
    return [line for line in lines if line.get("trace_id") == trace]


def test_a_collector_that_is_away_costs_spans_and_nothing_else():
    counted: dict[str, int] = {}

    def count(what, number):
        counted[what] = counted.get(what, 0) + number

    traces = Traces("http://127.0.0.1:9", "alone", on_spans=count)
    traces.start()
    for _ in range(MOST_WAITING + 500):
        with span("work"):
            pass
    assert counted["lost"] >= 500
    traces.stop()


def test_a_share_of_the_traces_is_the_same_share_everywhere(watched):
    traces = Traces(watched.collector.url, "share", ratio=0.5)
    traces.start()
    ids = set()
    for _ in range(64):
        with span("sampled") as each:
            ids.add(each.context.trace_id)
    traces.stop()
    sent = {each.trace_id for each in watched.collector.all() if each.service == "share"}
    assert sent == {each for each in ids if int(each[16:], 16) < 1 << 63}
