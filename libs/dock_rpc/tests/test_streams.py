"""Streams hold threads; short calls are answered all the same."""

from __future__ import annotations

import threading

import pytest

from dock_rpc.channel import channel
from dock_rpc.server import build_server
from dockapi.ingestion.v1 import ingestion_pb2, ingestion_pb2_grpc
from learndock.errors import Overloaded

INGESTION = "dockapi.ingestion.v1.IngestionService"


class Watching(ingestion_pb2_grpc.IngestionServiceServicer):
    """Shows a learnware once, then holds the stream until it may end."""

    def __init__(self) -> None:
        self.end = threading.Event()

    def WatchLearnware(self, request, context):  # noqa: N802 - the proto's name
        yield ingestion_pb2.WatchLearnwareResponse()
        self.end.wait(60)

    def GetLearnware(self, request, context):  # noqa: N802 - the proto's name
        return ingestion_pb2.GetLearnwareResponse()


def test_watchers_leave_half_of_the_threads_to_others():
    watching = Watching()
    services = [(INGESTION, ingestion_pb2_grpc.add_IngestionServiceServicer_to_server, watching)]
    with (
        build_server(services, address="127.0.0.1:0", max_workers=4) as server,
        channel(f"127.0.0.1:{server.port}") as link,
    ):
        stub = ingestion_pb2_grpc.IngestionServiceStub(link)
        request = ingestion_pb2.WatchLearnwareRequest()
        held = [stub.WatchLearnware(request) for _ in range(2)]
        for stream in held:
            next(stream)
        with pytest.raises(Overloaded) as refused:
            next(stub.WatchLearnware(request))
        assert refused.value.reason == "STREAMS_BUSY"
        assert refused.value.retry_after_s
        assert stub.GetLearnware(ingestion_pb2.GetLearnwareRequest()) is not None
        watching.end.set()
        for stream in held:
            assert list(stream) == []
        next(stub.WatchLearnware(request))
