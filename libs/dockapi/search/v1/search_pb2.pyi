from dockapi.learnware.v1 import learnware_pb2 as _learnware_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class MixtureStrategy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MIXTURE_STRATEGY_UNSPECIFIED: _ClassVar[MixtureStrategy]
    MIXTURE_STRATEGY_NONE: _ClassVar[MixtureStrategy]
    MIXTURE_STRATEGY_GREEDY: _ClassVar[MixtureStrategy]
    MIXTURE_STRATEGY_WEIGHTS: _ClassVar[MixtureStrategy]

class Fit(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FIT_UNSPECIFIED: _ClassVar[Fit]
    FIT_FITS: _ClassVar[Fit]
    FIT_IN_PART: _ClassVar[Fit]
    FIT_NOT: _ClassVar[Fit]
    FIT_CANNOT_TELL: _ClassVar[Fit]
MIXTURE_STRATEGY_UNSPECIFIED: MixtureStrategy
MIXTURE_STRATEGY_NONE: MixtureStrategy
MIXTURE_STRATEGY_GREEDY: MixtureStrategy
MIXTURE_STRATEGY_WEIGHTS: MixtureStrategy
FIT_UNSPECIFIED: Fit
FIT_FITS: Fit
FIT_IN_PART: Fit
FIT_NOT: Fit
FIT_CANNOT_TELL: Fit

class SearchRequest(_message.Message):
    __slots__ = ("rkme", "semantic_query_json", "text", "limit", "mixture_strategy", "mixture_size", "min_revision")
    RKME_FIELD_NUMBER: _ClassVar[int]
    SEMANTIC_QUERY_JSON_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    MIXTURE_STRATEGY_FIELD_NUMBER: _ClassVar[int]
    MIXTURE_SIZE_FIELD_NUMBER: _ClassVar[int]
    MIN_REVISION_FIELD_NUMBER: _ClassVar[int]
    rkme: _learnware_pb2.Rkme
    semantic_query_json: str
    text: str
    limit: int
    mixture_strategy: MixtureStrategy
    mixture_size: int
    min_revision: int
    def __init__(self, rkme: _Optional[_Union[_learnware_pb2.Rkme, _Mapping]] = ..., semantic_query_json: _Optional[str] = ..., text: _Optional[str] = ..., limit: _Optional[int] = ..., mixture_strategy: _Optional[_Union[MixtureStrategy, str]] = ..., mixture_size: _Optional[int] = ..., min_revision: _Optional[int] = ...) -> None: ...

class Hit(_message.Message):
    __slots__ = ("learnware", "score", "distance", "peer_distance", "peer_score", "peer_rank", "fit")
    LEARNWARE_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    DISTANCE_FIELD_NUMBER: _ClassVar[int]
    PEER_DISTANCE_FIELD_NUMBER: _ClassVar[int]
    PEER_SCORE_FIELD_NUMBER: _ClassVar[int]
    PEER_RANK_FIELD_NUMBER: _ClassVar[int]
    FIT_FIELD_NUMBER: _ClassVar[int]
    learnware: _learnware_pb2.Learnware
    score: float
    distance: float
    peer_distance: float
    peer_score: float
    peer_rank: int
    fit: Fit
    def __init__(self, learnware: _Optional[_Union[_learnware_pb2.Learnware, _Mapping]] = ..., score: _Optional[float] = ..., distance: _Optional[float] = ..., peer_distance: _Optional[float] = ..., peer_score: _Optional[float] = ..., peer_rank: _Optional[int] = ..., fit: _Optional[_Union[Fit, str]] = ...) -> None: ...

class Verdict(_message.Message):
    __slots__ = ("fit", "reason", "ratio", "strangers")
    FIT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    RATIO_FIELD_NUMBER: _ClassVar[int]
    STRANGERS_FIELD_NUMBER: _ClassVar[int]
    fit: Fit
    reason: str
    ratio: float
    strangers: int
    def __init__(self, fit: _Optional[_Union[Fit, str]] = ..., reason: _Optional[str] = ..., ratio: _Optional[float] = ..., strangers: _Optional[int] = ...) -> None: ...

class MixtureMember(_message.Message):
    __slots__ = ("learnware", "weight")
    LEARNWARE_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    learnware: _learnware_pb2.Learnware
    weight: float
    def __init__(self, learnware: _Optional[_Union[_learnware_pb2.Learnware, _Mapping]] = ..., weight: _Optional[float] = ...) -> None: ...

class Mixture(_message.Message):
    __slots__ = ("members", "distance", "score")
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    DISTANCE_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    members: _containers.RepeatedCompositeFieldContainer[MixtureMember]
    distance: float
    score: float
    def __init__(self, members: _Optional[_Iterable[_Union[MixtureMember, _Mapping]]] = ..., distance: _Optional[float] = ..., score: _Optional[float] = ...) -> None: ...

class SearchResponse(_message.Message):
    __slots__ = ("hits", "mixture", "revision", "notes", "compared", "verdict", "stale")
    HITS_FIELD_NUMBER: _ClassVar[int]
    MIXTURE_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    COMPARED_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    STALE_FIELD_NUMBER: _ClassVar[int]
    hits: _containers.RepeatedCompositeFieldContainer[Hit]
    mixture: Mixture
    revision: int
    notes: _containers.RepeatedScalarFieldContainer[str]
    compared: int
    verdict: Verdict
    stale: bool
    def __init__(self, hits: _Optional[_Iterable[_Union[Hit, _Mapping]]] = ..., mixture: _Optional[_Union[Mixture, _Mapping]] = ..., revision: _Optional[int] = ..., notes: _Optional[_Iterable[str]] = ..., compared: _Optional[int] = ..., verdict: _Optional[_Union[Verdict, _Mapping]] = ..., stale: bool = ...) -> None: ...

class GetIndexRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetIndexResponse(_message.Message):
    __slots__ = ("revision", "learnwares")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    LEARNWARES_FIELD_NUMBER: _ClassVar[int]
    revision: int
    learnwares: int
    def __init__(self, revision: _Optional[int] = ..., learnwares: _Optional[int] = ...) -> None: ...
