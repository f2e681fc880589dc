"""gRPC in and out of ingestion: converts, calls, converts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import grpc

from dock_db import State
from dock_db.message import learnware_message
from dock_ingestion.breaches import BreachDesk
from dock_ingestion.catalogue import Catalogue
from dock_ingestion.chunks import Chunk
from dock_ingestion.uploads import Declaration, Progress, UploadDesk
from dock_rpc.principal import current_principal
from dockapi.ingestion.v1 import ingestion_pb2 as pb
from dockapi.ingestion.v1 import ingestion_pb2_grpc as rpc
from dockapi.learnware.v1 import learnware_pb2
from learndock.errors import InvalidInput


class IngestionServicer(rpc.IngestionServiceServicer):
    """The service of protos/dockapi/ingestion/v1."""

    def __init__(self, desk: UploadDesk, catalogue: Catalogue, breaches: BreachDesk, max_chunk_bytes: int) -> None:
        self._desk = desk
        self._breaches = breaches
        self._catalogue = catalogue
        self._max_chunk_bytes = max_chunk_bytes

    def BeginUpload(self, request: pb.BeginUploadRequest, context: grpc.ServicerContext) -> pb.BeginUploadResponse:
        """Declare an upload."""
        progress = self._desk.begin(
            Declaration(
                upload_id=request.upload_id,
                size_bytes=request.size_bytes,
                sha256=request.sha256,
                owner=request.owner,
                learnware_id=request.learnware_id,
                semantic_json=request.semantic_specification_json,
            )
        )
        return pb.BeginUploadResponse(
            persisted_bytes=progress.persisted_bytes,
            committed=progress.learnware is not None,
            max_chunk_bytes=self._max_chunk_bytes,
        )

    def WriteUpload(
        self, request_iterator: Iterable[pb.WriteUploadRequest], context: grpc.ServicerContext
    ) -> pb.WriteUploadResponse:
        """Persist chunks as they come."""
        chunks = (Chunk(each.upload_id, each.offset, each.data, each.crc32) for each in request_iterator)
        persisted = self._desk.receive(chunks)
        return pb.WriteUploadResponse(persisted_bytes=persisted)

    def QueryUpload(self, request: pb.QueryUploadRequest, context: grpc.ServicerContext) -> pb.QueryUploadResponse:
        """Where a cut push goes on."""
        return _query_response(self._desk.query(request.upload_id))

    def CommitUpload(self, request: pb.CommitUploadRequest, context: grpc.ServicerContext) -> pb.CommitUploadResponse:
        """Turn the upload into a learnware."""
        row, present = self._desk.commit(request.upload_id)
        return pb.CommitUploadResponse(learnware=learnware_message(row), already_present=present)

    def GetLearnware(self, request: pb.GetLearnwareRequest, context: grpc.ServicerContext) -> pb.GetLearnwareResponse:
        """One record."""
        get = self._catalogue.usable if request.usable else self._catalogue.get
        row = get(request.learnware_id, request.version)
        return pb.GetLearnwareResponse(learnware=learnware_message(row))

    def ListLearnwares(
        self, request: pb.ListLearnwaresRequest, context: grpc.ServicerContext
    ) -> pb.ListLearnwaresResponse:
        """Records page by page."""
        page = self._catalogue.list(
            owner=request.owner,
            states=[_state(number) for number in request.states],
            name_contains=request.name_contains,
            page_size=request.page_size,
            page_token=request.page_token,
        )
        return pb.ListLearnwaresResponse(
            learnwares=[learnware_message(row) for row in page.rows], next_page_token=page.next_token
        )

    def DownloadPackage(
        self, request: pb.DownloadPackageRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.DownloadPackageResponse]:
        """The package: first size and digest, then data."""
        row, chunks = self._catalogue.open(request.learnware_id, request.version, request.offset)
        yield pb.DownloadPackageResponse(size_bytes=row.size_bytes, sha256=row.content_sha256)
        for chunk in chunks:
            yield pb.DownloadPackageResponse(data=chunk)

    def DeleteLearnware(
        self, request: pb.DeleteLearnwareRequest, context: grpc.ServicerContext
    ) -> pb.DeleteLearnwareResponse:
        """Delete one version or all."""
        deleted = self._catalogue.delete(request.learnware_id, request.version)
        return pb.DeleteLearnwareResponse(deleted_versions=deleted)

    def WatchLearnware(
        self, request: pb.WatchLearnwareRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.WatchLearnwareResponse]:
        """States as they change."""
        for row in self._catalogue.watch(request.learnware_id, request.version, context.is_active):
            yield pb.WatchLearnwareResponse(learnware=learnware_message(row))

    def ReportBreach(self, request: pb.ReportBreachRequest, context: grpc.ServicerContext) -> pb.ReportBreachResponse:
        """A prediction broke a rule."""
        suspended = self._breaches.report(
            request.learnware_id,
            request.version,
            rule=request.rule,
            rows=request.rows,
            confirmed=request.confirmed,
            tenant=request.tenant,
        )
        return pb.ReportBreachResponse(suspended=suspended)

    def ListBreaches(self, request: pb.ListBreachesRequest, context: grpc.ServicerContext) -> pb.ListBreachesResponse:
        """What was told of a version."""
        response = pb.ListBreachesResponse()
        for row in self._breaches.list(request.learnware_id, request.version):
            added = response.breaches.add(rule=row.rule, detail=row.detail, confirmed=row.confirmed, tenant=row.tenant)
            added.at.FromNanoseconds(int(row.at * 1e9))
        return response

    def GetPrincipal(self, request: pb.GetPrincipalRequest, context: grpc.ServicerContext) -> pb.GetPrincipalResponse:
        """Whom the caller's token stands for."""
        who = current_principal()
        if who is None:
            return pb.GetPrincipalResponse()
        return pb.GetPrincipalResponse(
            tenant=who.tenant, owner=who.owner, scopes=sorted(who.scopes), token_id=who.token_id
        )


def _query_response(progress: Progress) -> pb.QueryUploadResponse:
    response = pb.QueryUploadResponse(persisted_bytes=progress.persisted_bytes, size_bytes=progress.size_bytes)
    if progress.learnware is not None:
        response.committed = True
        response.learnware.CopyFrom(learnware_message(progress.learnware))
    return response


def _state(number: int) -> State:
    known = number in learnware_pb2.State.values()  # whoever is newer than this dock may send others
    name = learnware_pb2.State.Name(number).removeprefix("STATE_") if known else ""
    if name not in State.__members__:
        raise InvalidInput(f"State number {number} is unknown.", reason="STATE_UNKNOWN")
    return State[name]
