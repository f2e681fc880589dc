"""A small dock for the client's tests: real servers and stubs, everything in memory, faults on request."""

from __future__ import annotations

import hashlib
import threading
import zlib
from dataclasses import dataclass, field

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from dock_rpc.convert import array_to_tensor, tensor_to_array
from dock_rpc.server import Server, build_server
from dockapi.checking.v1 import checking_pb2, checking_pb2_grpc
from dockapi.ingestion.v1 import ingestion_pb2 as pb
from dockapi.ingestion.v1 import ingestion_pb2_grpc
from dockapi.learnware.v1 import learnware_pb2
from dockapi.reuse.v1 import reuse_pb2, reuse_pb2_grpc
from dockapi.search.v1 import search_pb2, search_pb2_grpc
from dockapi.specification.v1 import specification_pb2, specification_pb2_grpc
from learndock.errors import InvalidInput, NotFound, Overloaded, Unavailable
from learndock.provenance import SignedRecord, VerdictRecord

# ruff: noqa: N802 - the protos' names


@dataclass
class Pushed:
    """An upload: what was declared, and the bytes so far."""

    request: pb.BeginUploadRequest
    data: bytearray = field(default_factory=bytearray)
    learnware: learnware_pb2.Learnware | None = None


@dataclass
class Faults:
    """What goes wrong, and how often."""

    cut_writes: int = 0
    damage_chunks: int = 0
    cut_commits: int = 0
    cut_downloads: int = 0
    flip_downloads: int = 0
    cut_watches: int = 0
    busy_watches: int = 0
    wrong_sha256: bool = False


class Ingestion(ingestion_pb2_grpc.IngestionServiceServicer):
    def __init__(self) -> None:
        self.faults = Faults()
        self.uploads: dict[str, Pushed] = {}
        self.packages: dict[str, bytes] = {}
        self.learnwares: dict[str, learnware_pb2.Learnware] = {}
        self.received = 0
        self.sent = 0
        self.lock = threading.Lock()

    def BeginUpload(self, request, context):
        pushed = self.uploads.setdefault(request.upload_id, Pushed(request))
        return pb.BeginUploadResponse(
            persisted_bytes=len(pushed.data), committed=pushed.learnware is not None, max_chunk_bytes=1 << 16
        )

    def WriteUpload(self, request_iterator, context):
        for chunk in request_iterator:
            pushed = self.uploads[chunk.upload_id]
            if self.faults.cut_writes:
                self.faults.cut_writes -= 1
                raise Unavailable("The line was cut.", reason="CUT")
            damaged = self.faults.damage_chunks > 0
            self.faults.damage_chunks -= damaged
            if damaged or zlib.crc32(chunk.data) != chunk.crc32:
                raise InvalidInput("Damaged.", reason="UPLOAD_CHUNK_DAMAGED")
            if chunk.offset != len(pushed.data):
                raise InvalidInput("A gap.", reason="UPLOAD_OFFSET_GAP")
            pushed.data += chunk.data
            self.received += len(chunk.data)
        return pb.WriteUploadResponse(persisted_bytes=len(pushed.data))

    def QueryUpload(self, request, context):
        pushed = self.uploads[request.upload_id]
        return pb.QueryUploadResponse(
            persisted_bytes=len(pushed.data), committed=True, learnware=pushed.learnware, size_bytes=len(pushed.data)
        )

    def CommitUpload(self, request, context):
        pushed = self.uploads[request.upload_id]
        declared = pushed.request
        assert hashlib.sha256(pushed.data).hexdigest() == declared.sha256
        if pushed.learnware is None:
            learnware_id = declared.learnware_id or f"lw-{len(self.learnwares)}"
            pushed.learnware = self.add(learnware_id, bytes(pushed.data), owner=declared.owner)
        if self.faults.cut_commits:
            self.faults.cut_commits -= 1
            raise Unavailable("Cut after it was committed.", reason="CUT")
        return pb.CommitUploadResponse(learnware=pushed.learnware)

    def add(self, learnware_id: str, data: bytes = b"", **values) -> learnware_pb2.Learnware:
        learnware = learnware_pb2.Learnware(
            learnware_id=learnware_id,
            version=1,
            content_sha256=hashlib.sha256(data).hexdigest(),
            size_bytes=len(data),
            **{"state": learnware_pb2.STATE_INDEXED, **values},
        )
        self.learnwares[learnware_id], self.packages[learnware_id] = learnware, data
        return learnware

    def GetLearnware(self, request, context):
        if request.learnware_id not in self.learnwares:
            raise NotFound("No such learnware.", reason="LEARNWARE_NOT_FOUND")
        return pb.GetLearnwareResponse(learnware=self.learnwares[request.learnware_id])

    def ListLearnwares(self, request, context):
        fitting = [each for each in self.learnwares.values() if request.owner in ("", each.owner)]
        fitting = [each for each in fitting if not request.states or each.state in request.states]
        start = int(request.page_token or 0)
        end = start + 2
        token = str(end) if end < len(fitting) else ""
        return pb.ListLearnwaresResponse(learnwares=fitting[start:end], next_page_token=token)

    def DownloadPackage(self, request, context):
        learnware = self.learnwares[request.learnware_id]
        sha256 = "0" * 64 if self.faults.wrong_sha256 else learnware.content_sha256
        yield pb.DownloadPackageResponse(size_bytes=learnware.size_bytes, sha256=sha256)
        data = self.packages[request.learnware_id]
        flip = self.faults.flip_downloads > 0
        self.faults.flip_downloads -= flip
        for number, start in enumerate(range(request.offset, len(data), 1000)):
            if number == 3 and self.faults.cut_downloads:
                self.faults.cut_downloads -= 1
                raise Unavailable("The line was cut.", reason="CUT")
            chunk = data[start : start + 1000]
            self.sent += len(chunk)
            yield pb.DownloadPackageResponse(data=chunk[::-1] if flip else chunk)

    def DeleteLearnware(self, request, context):
        self.learnwares[request.learnware_id].state = learnware_pb2.STATE_DELETED
        return pb.DeleteLearnwareResponse(deleted_versions=1)

    def WatchLearnware(self, request, context):
        if self.faults.busy_watches:
            self.faults.busy_watches -= 1
            raise Overloaded("Too many watch.", reason="STREAMS_BUSY", retry_after_s=0.02)
        learnware = learnware_pb2.Learnware()
        learnware.CopyFrom(self.learnwares[request.learnware_id])
        final = learnware.state
        for state in (learnware_pb2.STATE_RECEIVED, learnware_pb2.STATE_CHECKING, final):
            if state == final and self.faults.cut_watches:
                self.faults.cut_watches -= 1
                raise Unavailable("The line was cut.", reason="CUT")
            learnware.state = state
            yield pb.WatchLearnwareResponse(learnware=learnware)
        while final in (learnware_pb2.STATE_RECEIVED, learnware_pb2.STATE_CHECKING) and context.is_active():
            threading.Event().wait(0.02)


class Checking(checking_pb2_grpc.CheckingServiceServicer):
    cuts = 0
    busy = 0
    verdict = checking_pb2.Verdict(
        verdict_id="v-1",
        learnware_id="lw-0",
        version=1,
        reason="OUTPUT_SHAPE",
        reason_text="<b>It</b> gave\x1b[2J five columns.",
        steps=[
            checking_pb2.CheckStep(name="environment", status=checking_pb2.STEP_STATUS_PASSED, seconds=1.5, sequence=1),
            checking_pb2.CheckStep(name="predict", status=99, sequence=2, detail="<script>"),
        ],
    )

    def __init__(self, ingestion: Ingestion) -> None:
        self.ingestion = ingestion
        self.secret = Ed25519PrivateKey.generate()

    def GetVerdictRecord(self, request, context):
        learnware = self.ingestion.learnwares[request.learnware_id]
        record = VerdictRecord(
            learnware_id=learnware.learnware_id,
            version=learnware.version,
            attempt=1,
            accepted=True,
            reason="",
            reason_text="",
            content_sha256=learnware.content_sha256,
            environment_lock_sha256="",
            sbom_sha256="",
            isolation="bubblewrap",
            checks=[],
            checked_by={},
            advisories=[],
            made_at="2026-01-01T00:00:00+00:00",
        )
        text = record.to_text()
        signed = SignedRecord(text, self.secret.public_key().public_bytes_raw(), self.secret.sign(text.encode()))
        return checking_pb2.GetVerdictRecordResponse(signed_record=signed.to_json())

    def GetVerdict(self, request, context):
        return checking_pb2.GetVerdictResponse(verdict=self.verdict)

    def WatchCheck(self, request, context):
        if self.busy:
            self.busy -= 1
            raise Overloaded("Too many watch.", reason="STREAMS_BUSY", retry_after_s=0.02)
        yield checking_pb2.WatchCheckResponse(queue_position=2)
        for step in self.verdict.steps:
            yield checking_pb2.WatchCheckResponse(step=step)
            if self.cuts:
                self.cuts -= 1
                raise Unavailable("The line was cut.", reason="CUT")
        yield checking_pb2.WatchCheckResponse(verdict=self.verdict)


class Search(search_pb2_grpc.SearchServiceServicer):
    def __init__(self, ingestion: Ingestion) -> None:
        self.ingestion = ingestion
        self.asked: search_pb2.SearchRequest | None = None
        self.weights = (0.5, 0.3, 0.2)
        self.fit = search_pb2.FIT_IN_PART

    def Search(self, request, context):
        self.asked = request
        learnwares = list(self.ingestion.learnwares.values())
        response = search_pb2.SearchResponse(compared=len(learnwares), revision=3, notes=["read <this>"])
        for place, each in enumerate(learnwares):
            response.hits.add(learnware=each, score=1 / (place + 1), distance=place / 10, peer_rank=place + 1)
            response.hits[place].fit = search_pb2.FIT_FITS if place == 0 else search_pb2.FIT_NOT
        if request.HasField("rkme"):
            said = search_pb2.Verdict(fit=self.fit, reason="Too far <off>.", ratio=1.5, strangers=4)
            response.verdict.CopyFrom(said)
        if len(learnwares) > 1 and request.mixture_strategy != search_pb2.MIXTURE_STRATEGY_NONE:
            response.mixture.distance = 0.05
            for each, weight in zip(learnwares, self.weights, strict=False):
                response.mixture.members.add(learnware=each, weight=weight)
        return response


class Reuse(reuse_pb2_grpc.ReuseServiceServicer):
    """A member's model answers the sum of a row plus the number in its id."""

    def __init__(self) -> None:
        self.calls: list[reuse_pb2.PredictRequest] = []
        self.notes: list[str] = []

    def Predict(self, request, context):
        self.calls.append(request)
        X = tensor_to_array(request.inputs)
        raw = [X.sum(1) + float(member.learnware_id.split("-")[1]) for member in request.members]
        if request.method != reuse_pb2.METHOD_RAW:
            raw = [np.mean(raw, axis=0)]
        return reuse_pb2.PredictResponse(
            outputs=[array_to_tensor(each) for each in raw], isolation="bubblewrap", notes=self.notes
        )


class Specification(specification_pb2_grpc.SpecificationServiceServicer):
    def __init__(self) -> None:
        self.stored: dict[str, learnware_pb2.Rkme] = {}

    def GetSpecification(self, request, context):
        if request.learnware_id not in self.stored:
            raise NotFound("It has none.", reason="SPECIFICATION_NOT_FOUND")
        return specification_pb2.GetSpecificationResponse(rkme=self.stored[request.learnware_id])


class House:
    """All five services on a port of their own."""

    def __init__(self) -> None:
        self.ingestion, self.reuse = Ingestion(), Reuse()
        self.checking = Checking(self.ingestion)
        self.search, self.specification = Search(self.ingestion), Specification()
        self.server = self._build()

    def _build(self) -> Server:
        return build_server(
            [
                (
                    "dockapi.ingestion.v1.IngestionService",
                    ingestion_pb2_grpc.add_IngestionServiceServicer_to_server,
                    self.ingestion,
                ),
                (
                    "dockapi.checking.v1.CheckingService",
                    checking_pb2_grpc.add_CheckingServiceServicer_to_server,
                    self.checking,
                ),
                ("dockapi.search.v1.SearchService", search_pb2_grpc.add_SearchServiceServicer_to_server, self.search),
                ("dockapi.reuse.v1.ReuseService", reuse_pb2_grpc.add_ReuseServiceServicer_to_server, self.reuse),
                (
                    "dockapi.specification.v1.SpecificationService",
                    specification_pb2_grpc.add_SpecificationServiceServicer_to_server,
                    self.specification,
                ),
            ],
            address="127.0.0.1:0",
        )

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server.port}"
