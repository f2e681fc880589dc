"""Sends spans to an OpenTelemetry collector: in batches, from a bounded queue, and never in anybody's way."""

from __future__ import annotations

import importlib.metadata
import logging
import os
import socket
import threading
from collections.abc import Callable, Sequence

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from dock_trace import Span, TraceContext, record_to

MOST_WAITING = 2048
STOP_S = 3.0
_EVERY_MS = 1000
_TIMEOUT_S = 5
_KINDS = {kind.name.lower(): kind for kind in SpanKind}
_SCOPE = InstrumentationScope("learndock", importlib.metadata.version("learndock"))
_log = logging.getLogger(__name__)

OnSpans = Callable[[str, int], None]
"""Called with what became of spans, sent or lost, and how many."""


class Traces:
    """Records the spans of this process from `start` to `stop`. A collector that is away costs only the spans."""

    def __init__(
        self,
        url: str,
        service: str,
        *,
        ratio: float = 1.0,
        on_spans: OnSpans = lambda _what, _count: None,
    ) -> None:
        self._told = _Told(OTLPSpanExporter(url, insecure=not url.startswith("https:"), timeout=_TIMEOUT_S), on_spans)
        self._below = int(ratio * (1 << 64))
        self._resource = Resource.create(
            {
                "service.name": os.environ.get("OTEL_SERVICE_NAME") or service,
                "service.version": _SCOPE.version or "",
                "service.instance.id": f"{socket.gethostname()}-{os.getpid()}",
            }
        )
        self._processor = BatchSpanProcessor(
            self._told,
            max_queue_size=2 * MOST_WAITING,  # ours is the bound that counts, so that its own never drops and warns
            schedule_delay_millis=_EVERY_MS,
            max_export_batch_size=512,
        )

    def start(self) -> None:
        """Record from now on."""
        # It would tell of each try and each span; ours tells when a collector goes and comes.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        record_to(self.record)

    def record(self, span: Span) -> None:
        """Take a span that ended. Beyond MOST_WAITING it is lost."""
        if not span.context.sampled or int(span.context.trace_id[16:], 16) >= self._below:
            return
        if self._told.take():
            self._processor.on_end(self._readable(span))

    def stop(self) -> None:
        """Record no more, and send what waits, as far as that goes within STOP_S."""
        record_to(None)
        sending = threading.Thread(target=self._processor.shutdown, name="traces-last", daemon=True)
        sending.start()
        sending.join(STOP_S)

    def _readable(self, span: Span) -> ReadableSpan:
        return ReadableSpan(
            span.name,
            context=_context(span.context),
            parent=_context(span.parent) if span.parent else None,
            resource=self._resource,
            attributes=span.attributes,
            kind=_KINDS[span.kind],
            status=Status(StatusCode.ERROR, span.error) if span.error else Status(),
            start_time=span.began,
            end_time=span.ended,
            instrumentation_scope=_SCOPE,
        )


class _Told(SpanExporter):
    """An exporter that counts, and says in the log when the collector goes and comes back."""

    def __init__(self, exporter: SpanExporter, on_spans: OnSpans) -> None:
        self._exporter = exporter
        self._on_spans = on_spans
        self._lock = threading.Lock()
        self._waiting = 0
        self._away = False

    def take(self) -> bool:
        """Whether there is room for one more span."""
        with self._lock:
            room = self._waiting < MOST_WAITING
            self._waiting += room
        if not room:
            self._on_spans("lost", 1)
        return room

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send a batch."""
        try:
            result = self._exporter.export(spans)
        except Exception:  # noqa: BLE001 - whatever is wrong with a collector, the dock goes on
            result = SpanExportResult.FAILURE
        with self._lock:
            self._waiting -= len(spans)
        away = result is not SpanExportResult.SUCCESS
        self._on_spans("lost" if away else "sent", len(spans))
        if away and not self._away:
            _log.warning("the collector of traces does not take them; spans are lost until it does")
        elif self._away and not away:
            _log.info("the collector takes traces again")
        self._away = away
        return result

    def shutdown(self) -> None:
        """End."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Nothing is held back here."""
        return self._exporter.force_flush(timeout_millis)


def _context(of: TraceContext) -> SpanContext:
    flags = TraceFlags(TraceFlags.SAMPLED if of.sampled else TraceFlags.DEFAULT)
    return SpanContext(int(of.trace_id, 16), int(of.span_id, 16), is_remote=False, trace_flags=flags)
