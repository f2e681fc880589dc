"""A collector of traces in this process: OpenTelemetry's own service over gRPC, which keeps what it gets."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as pb
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as service

PATIENCE_S = 180.0


@dataclass(frozen=True)
class Seen:
    """A span as it came."""

    name: str
    service: str
    kind: int
    trace_id: str
    span_id: str
    parent_id: str
    began: int
    ended: int
    failed: bool
    attributes: dict[str, str | int]


class Collector(service.TraceServiceServicer):
    """Listens from the first on; closed at the end of a block."""

    def __init__(self) -> None:
        self._arrived = threading.Condition()
        self._spans: list[Seen] = []
        self._server = grpc.server(ThreadPoolExecutor(4))
        service.add_TraceServiceServicer_to_server(self, self._server)
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def Export(self, request: pb.ExportTraceServiceRequest, _context: object) -> pb.ExportTraceServiceResponse:  # noqa: N802
        with self._arrived:
            for resource in request.resource_spans:
                named = _values(resource.resource.attributes)["service.name"]
                for scope in resource.scope_spans:
                    self._spans += [_seen(span, str(named)) for span in scope.spans]
            self._arrived.notify_all()
        return pb.ExportTraceServiceResponse()

    def all(self) -> list[Seen]:
        """Every span that came so far."""
        with self._arrived:
            return list(self._spans)

    def wait_for(self, trace_id: str, names: set[str]) -> list[Seen]:
        """The spans of a trace, once all these names are among them."""
        return self.wait_until(
            lambda spans: [each for each in spans if each.trace_id == trace_id],
            lambda found: names <= {each.name for each in found},
        )

    def wait_until(
        self, choose: Callable[[list[Seen]], list[Seen]], enough: Callable[[list[Seen]], bool] = bool
    ) -> list[Seen]:
        """Those of all spans that are chosen, once they are enough."""
        with self._arrived:
            came = self._arrived.wait_for(lambda: enough(choose(self._spans)), PATIENCE_S)
            found = choose(self._spans)
        assert came, f"there are only {[span.name for span in found]}"
        return found

    def close(self) -> None:
        self._server.stop(0).wait()


def _seen(span, named: str) -> Seen:
    return Seen(
        name=span.name,
        service=named,
        kind=span.kind,
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        began=span.start_time_unix_nano,
        ended=span.end_time_unix_nano,
        failed=span.status.code == 2,
        attributes=_values(span.attributes),
    )


def _values(attributes) -> dict[str, str | int]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}
