"""gRPC in and out of checking: converts, calls, converts."""

from __future__ import annotations

from collections.abc import Iterator

import grpc

from dock_checking.record import CheckRecord
from dock_db import StepRow, VerdictRow
from dockapi.checking.v1 import checking_pb2 as pb
from dockapi.checking.v1 import checking_pb2_grpc as rpc


class CheckingServicer(rpc.CheckingServiceServicer):
    """The service of protos/dockapi/checking/v1."""

    def __init__(self, record: CheckRecord) -> None:
        self._record = record

    def GetVerdict(self, request: pb.GetVerdictRequest, context: grpc.ServicerContext) -> pb.GetVerdictResponse:
        """The verdict with its steps and log."""
        verdict, steps = self._record.verdict(request.learnware_id, request.version)
        return pb.GetVerdictResponse(verdict=_verdict_message(verdict, steps))

    def GetVerdictRecord(
        self, request: pb.GetVerdictRecordRequest, context: grpc.ServicerContext
    ) -> pb.GetVerdictRecordResponse:
        """The verdict as the dock signed it."""
        signed, bill, rotations = self._record.signed(request.learnware_id, request.version)
        return pb.GetVerdictRecordResponse(signed_record=signed, bill_of_materials=bill, key_rotations=rotations)

    def WatchCheck(
        self, request: pb.WatchCheckRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.WatchCheckResponse]:
        """Steps as they happen, then the verdict."""
        for seen in self._record.follow(request.learnware_id, request.version, context.is_active):
            if isinstance(seen, int):
                yield pb.WatchCheckResponse(queue_position=seen)
            elif isinstance(seen, StepRow):
                yield pb.WatchCheckResponse(step=_step_message(seen))
            else:
                yield pb.WatchCheckResponse(verdict=_verdict_message(seen, []))


def _step_message(step: StepRow) -> pb.CheckStep:
    message = pb.CheckStep(
        name=step.name,
        status=f"STEP_STATUS_{step.status.upper()}",
        detail=step.detail,
        seconds=step.seconds,
        sequence=step.sequence,
    )
    message.at.FromNanoseconds(int(step.at * 1e9))
    return message


def _verdict_message(verdict: VerdictRow, steps: list[StepRow]) -> pb.Verdict:
    message = pb.Verdict(
        verdict_id=verdict.verdict_id,
        learnware_id=verdict.learnware_id,
        version=verdict.version,
        attempt=verdict.attempt,
        accepted=verdict.accepted,
        reason=verdict.reason,
        reason_text=verdict.reason_text,
        steps=[_step_message(step) for step in steps],
        log=verdict.log,
        content_sha256=verdict.content_sha256,
        environment_lock_sha256=verdict.environment_lock_sha256,
        dropped_requirements=list(verdict.dropped_requirements),
        isolation=verdict.isolation,
    )
    message.made_at.FromNanoseconds(int(verdict.made_at * 1e9))
    return message
