"""Ingestion and specification as reuse sees them: gRPC stubs, wherever they run."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from dock_reuse.served import Found
from dock_rpc.convert import rkme_to_specification
from dockapi.ingestion.v1 import ingestion_pb2, ingestion_pb2_grpc
from dockapi.learnware.v1 import learnware_pb2
from dockapi.specification.v1 import specification_pb2, specification_pb2_grpc
from learndock.errors import DockError
from learndock.semantic import SemanticSpecification
from learndock.specification import TableSpecification, need_table

_TELL_S = 10.0
_log = logging.getLogger(__name__)


class PeerSource:
    """Records, packages and specifications from the peers."""

    def __init__(
        self,
        ingestion: ingestion_pb2_grpc.IngestionServiceStub,
        specification: specification_pb2_grpc.SpecificationServiceStub,
    ) -> None:
        self._ingestion = ingestion
        self._specification = specification

    def get(self, learnware_id: str, version: int) -> Found:
        """The record of a learnware version; 0 is the one to use."""
        request = ingestion_pb2.GetLearnwareRequest(learnware_id=learnware_id, version=version, usable=True)
        learnware = self._ingestion.GetLearnware(request).learnware
        return Found(
            learnware_id=learnware.learnware_id,
            version=learnware.version,
            state=learnware_pb2.State.Name(learnware.state).removeprefix("STATE_"),
            content_sha256=learnware.content_sha256,
            semantic=SemanticSpecification.from_json(learnware.semantic_specification_json),
            reason_text=learnware.reason_text,
        )

    def package(self, found: Found) -> Iterator[bytes]:
        """The package's bytes."""
        request = ingestion_pb2.DownloadPackageRequest(learnware_id=found.learnware_id, version=found.version)
        for part in self._ingestion.DownloadPackage(request):
            if part.data:
                yield part.data

    def specification(self, found: Found) -> TableSpecification:
        """The statistical specification."""
        request = specification_pb2.GetSpecificationRequest(learnware_id=found.learnware_id, version=found.version)
        return need_table(rkme_to_specification(self._specification.GetSpecification(request).rkme))

    def report_breach(self, found: Found, rule: str, rows: int, *, confirmed: bool, tenant: str) -> None:
        """Told as well as may be: the caller's answer does not wait for it to succeed."""
        request = ingestion_pb2.ReportBreachRequest(
            learnware_id=found.learnware_id,
            version=found.version,
            rule=rule,
            rows=rows,
            confirmed=confirmed,
            tenant=tenant,
        )
        try:
            self._ingestion.ReportBreach(request, timeout=_TELL_S)
        except DockError as error:
            _log.warning("a breach could not be told: %s", error, extra={"learnware": found.learnware_id, "rule": rule})
