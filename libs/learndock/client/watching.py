"""Follows what happens to a learnware in the dock, also over a cut."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from dockapi.checking.v1 import checking_pb2
from dockapi.ingestion.v1 import ingestion_pb2
from learndock.client.patience import Patience
from learndock.client.records import FINAL_STATES, CheckStep, LearnwareRecord, Verdict
from learndock.errors import DeadlineExceeded, DockError, Overloaded


def follow_check(
    stub: Any, request: checking_pb2.WatchCheckRequest, patience: Patience
) -> Iterator[CheckStep | Verdict]:
    """The steps of a check, each once, then the verdict. `stub` is a CheckingServiceStub."""
    last = 0
    while True:
        try:
            for message in stub.WatchCheck(request):
                patience.progress()
                if message.HasField("step") and 0 < message.step.sequence <= last:
                    continue
                last = max(last, message.step.sequence)
                yield from _seen(message)
        except Overloaded as error:
            patience.wait_turn(error)  # steps are kept: whoever comes later sees them all the same
        except DockError as error:
            patience.bear(error)
        else:
            return


def _seen(message: checking_pb2.WatchCheckResponse) -> Iterator[CheckStep | Verdict]:
    kind = message.WhichOneof("event")
    if kind == "step":
        yield CheckStep.from_message(message.step)
    elif kind == "verdict":
        yield Verdict.from_message(message.verdict)
    elif kind == "queue_position" and message.queue_position:
        yield CheckStep("queue", "running", f"place {message.queue_position}")


def wait_for_end(
    stub: Any, request: ingestion_pb2.WatchLearnwareRequest, patience: Patience, timeout: float
) -> LearnwareRecord:
    """The record in a state that nothing follows by itself. DeadlineExceeded WAIT_TIMEOUT after `timeout` seconds."""
    end = time.monotonic() + timeout
    state = "unknown"
    while (left := end - time.monotonic()) > 0:
        try:
            for record in _states(stub, request, patience, left):
                request.version, state = record.version, record.state
                patience.progress()
                if record.state in FINAL_STATES:
                    return record
        except DeadlineExceeded:
            continue
        except DockError as error:
            patience.bear(error)
    raise DeadlineExceeded(
        f"{request.learnware_id} is still {state} after {timeout:g} s.",
        reason="WAIT_TIMEOUT",
        hint=f"It goes on in the dock; follow it with `dock watch {request.learnware_id}`.",
        details={"state": state},
    )


def _states(
    stub: Any, request: ingestion_pb2.WatchLearnwareRequest, patience: Patience, seconds: float
) -> Iterator[LearnwareRecord]:
    """The states as they change; only the present one, after a pause, where the dock has no place for more watchers."""
    try:
        for message in stub.WatchLearnware(request, timeout=seconds):
            yield LearnwareRecord.from_message(message.learnware)
    except Overloaded as error:
        patience.wait_turn(error)
        now = ingestion_pb2.GetLearnwareRequest(learnware_id=request.learnware_id, version=request.version)
        yield LearnwareRecord.from_message(stub.GetLearnware(now).learnware)
