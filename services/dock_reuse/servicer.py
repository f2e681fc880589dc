"""gRPC in and out of reuse: converts, calls, converts."""

from __future__ import annotations

import grpc

from dock_reuse.predictor import MemberRef, Predictor
from dock_rpc.convert import array_to_tensor, tensor_to_array
from dock_rpc.principal import current_principal
from dockapi.reuse.v1 import reuse_pb2 as pb
from dockapi.reuse.v1 import reuse_pb2_grpc as rpc

_METHODS = {
    pb.METHOD_UNSPECIFIED: "auto",
    pb.METHOD_RAW: "raw",
    pb.METHOD_MEAN: "mean",
    pb.METHOD_VOTE_BY_LABEL: "vote_by_label",
    pb.METHOD_VOTE_BY_PROBABILITY: "vote_by_probability",
    pb.METHOD_JOB_SELECTOR: "job_selector",
}


class ReuseServicer(rpc.ReuseServiceServicer):
    """The service of protos/dockapi/reuse/v1."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor

    def Predict(self, request: pb.PredictRequest, context: grpc.ServicerContext) -> pb.PredictResponse:
        """Predictions of a learnware or a mixture."""
        refs = [MemberRef(each.learnware_id, each.version, each.weight) for each in request.members]
        prediction = self._predictor.predict(
            refs, _METHODS.get(request.method, "auto"), tensor_to_array(request.inputs), tenant=_tenant()
        )
        return pb.PredictResponse(
            outputs=[array_to_tensor(output) for output in prediction.outputs],
            isolation=prediction.isolation,
            notes=prediction.notes,
        )


def _tenant() -> str:
    """The caller's, "" where callers are not told apart."""
    principal = current_principal()
    return principal.tenant if principal is not None else ""
