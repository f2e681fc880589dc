from dockapi.learnware.v1 import learnware_pb2 as _learnware_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Method(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    METHOD_UNSPECIFIED: _ClassVar[Method]
    METHOD_RAW: _ClassVar[Method]
    METHOD_MEAN: _ClassVar[Method]
    METHOD_VOTE_BY_LABEL: _ClassVar[Method]
    METHOD_VOTE_BY_PROBABILITY: _ClassVar[Method]
    METHOD_JOB_SELECTOR: _ClassVar[Method]
METHOD_UNSPECIFIED: Method
METHOD_RAW: Method
METHOD_MEAN: Method
METHOD_VOTE_BY_LABEL: Method
METHOD_VOTE_BY_PROBABILITY: Method
METHOD_JOB_SELECTOR: Method

class Member(_message.Message):
    __slots__ = ("learnware_id", "version", "weight")
    LEARNWARE_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    learnware_id: str
    version: int
    weight: float
    def __init__(self, learnware_id: _Optional[str] = ..., version: _Optional[int] = ..., weight: _Optional[float] = ...) -> None: ...

class PredictRequest(_message.Message):
    __slots__ = ("members", "method", "inputs")
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    members: _containers.RepeatedCompositeFieldContainer[Member]
    method: Method
    inputs: _learnware_pb2.Tensor
    def __init__(self, members: _Optional[_Iterable[_Union[Member, _Mapping]]] = ..., method: _Optional[_Union[Method, str]] = ..., inputs: _Optional[_Union[_learnware_pb2.Tensor, _Mapping]] = ...) -> None: ...

class PredictResponse(_message.Message):
    __slots__ = ("outputs", "isolation", "notes")
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    ISOLATION_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    outputs: _containers.RepeatedCompositeFieldContainer[_learnware_pb2.Tensor]
    isolation: str
    notes: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, outputs: _Optional[_Iterable[_Union[_learnware_pb2.Tensor, _Mapping]]] = ..., isolation: _Optional[str] = ..., notes: _Optional[_Iterable[str]] = ...) -> None: ...
