"""gRPC in and out of specification: converts, calls, converts."""

from __future__ import annotations

import grpc

from dock_rpc.convert import array_to_tensor, specification_to_rkme
from dock_specification.catalogue import SpecificationCatalogue
from dockapi.specification.v1 import specification_pb2 as pb
from dockapi.specification.v1 import specification_pb2_grpc as rpc


class SpecificationServicer(rpc.SpecificationServiceServicer):
    """The service of protos/dockapi/specification/v1."""

    def __init__(self, catalogue: SpecificationCatalogue) -> None:
        self._catalogue = catalogue

    def GetSpecification(
        self, request: pb.GetSpecificationRequest, context: grpc.ServicerContext
    ) -> pb.GetSpecificationResponse:
        """The reduced set of a learnware, with the dock's own figures of it."""
        stored, specification = self._catalogue.get(request.learnware_id, request.version)
        return pb.GetSpecificationResponse(
            rkme=specification_to_rkme(specification),
            self_norm=stored.self_norm,
            effective_size=stored.effective_size,
            flags=self._catalogue.flags(request.learnware_id, request.version),
        )

    def ListIslands(self, request: pb.ListIslandsRequest, context: grpc.ServicerContext) -> pb.ListIslandsResponse:
        """Every island with its scale."""
        return pb.ListIslandsResponse(
            islands=[
                pb.Island(
                    data_type=view.island.data_type,
                    task_type=view.island.task_type,
                    input_dimension=view.island.input_dimension,
                    output_dimension=view.island.output_dimension,
                    learnwares=view.learnwares,
                    scale=array_to_tensor(view.scale),
                )
                for view in self._catalogue.islands()
            ]
        )
