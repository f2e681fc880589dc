"""gRPC in and out of search: converts, calls, converts."""

from __future__ import annotations

import grpc

from dock_db.message import learnware_message
from dock_rpc.convert import rkme_to_specification
from dock_search.finder import Answer, Finder, Question
from dockapi.search.v1 import search_pb2 as pb
from dockapi.search.v1 import search_pb2_grpc as rpc
from learndock.semantic import SemanticSpecification

_STRATEGIES = {
    pb.MIXTURE_STRATEGY_UNSPECIFIED: "greedy",
    pb.MIXTURE_STRATEGY_NONE: "none",
    pb.MIXTURE_STRATEGY_GREEDY: "greedy",
    pb.MIXTURE_STRATEGY_WEIGHTS: "weights",
}

_FITS = {
    "fits": pb.FIT_FITS,
    "fits in part": pb.FIT_IN_PART,
    "nothing fits": pb.FIT_NOT,
    "does not fit": pb.FIT_NOT,
    "cannot tell": pb.FIT_CANNOT_TELL,
}


class SearchServicer(rpc.SearchServiceServicer):
    """The service of protos/dockapi/search/v1."""

    def __init__(self, finder: Finder) -> None:
        self._finder = finder

    def Search(self, request: pb.SearchRequest, context: grpc.ServicerContext) -> pb.SearchResponse:
        """Hits and mixture for a task."""
        left = context.time_remaining()
        answer = self._finder.find(
            _question(request),
            timeout_s=30.0 if left is None else max(0.0, left - 0.5),
            cancelled=lambda: not context.is_active(),
        )
        return _response(answer)

    def GetIndex(self, request: pb.GetIndexRequest, context: grpc.ServicerContext) -> pb.GetIndexResponse:
        """How far the index is."""
        return pb.GetIndexResponse(revision=self._finder.revision, learnwares=self._finder.size)


def _question(request: pb.SearchRequest) -> Question:
    return Question(
        task=rkme_to_specification(request.rkme) if request.HasField("rkme") else None,
        query=SemanticSpecification.from_json(request.semantic_query_json or "{}", query=True),
        text=request.text,
        limit=request.limit,
        mixture=_STRATEGIES.get(request.mixture_strategy, "greedy"),
        mixture_size=request.mixture_size,
        min_revision=request.min_revision,
    )


def _response(answer: Answer) -> pb.SearchResponse:
    response = pb.SearchResponse(
        revision=answer.revision, notes=answer.notes, compared=answer.compared, stale=answer.stale
    )
    for row, hit in answer.hits:
        response.hits.add(
            learnware=learnware_message(row),
            score=hit.score,
            distance=hit.distance,
            peer_distance=hit.peer_distance,
            peer_score=hit.peer_score,
            peer_rank=hit.peer_rank,
            fit=_FITS.get(hit.fits, pb.FIT_UNSPECIFIED),
        )
    if answer.verdict is not None:
        said = answer.verdict
        fit = _FITS.get(said.word, pb.FIT_UNSPECIFIED)
        response.verdict.CopyFrom(pb.Verdict(fit=fit, reason=said.reason, ratio=said.ratio, strangers=said.strangers))
    if answer.mixture is not None:
        response.mixture.distance = answer.mixture.distance
        response.mixture.score = answer.mixture.score
        for row, weight in zip(answer.members, answer.mixture.weights, strict=True):
            response.mixture.members.add(learnware=learnware_message(row), weight=weight)
    return response
