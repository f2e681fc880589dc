from dockapi.learnware.v1 import learnware_pb2 as _learnware_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetSpecificationRequest(_message.Message):
    __slots__ = ("learnware_id", "version")
    LEARNWARE_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    learnware_id: str
    version: int
    def __init__(self, learnware_id: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

class GetSpecificationResponse(_message.Message):
    __slots__ = ("rkme", "self_norm", "effective_size", "flags")
    RKME_FIELD_NUMBER: _ClassVar[int]
    SELF_NORM_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_SIZE_FIELD_NUMBER: _ClassVar[int]
    FLAGS_FIELD_NUMBER: _ClassVar[int]
    rkme: _learnware_pb2.Rkme
    self_norm: float
    effective_size: float
    flags: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, rkme: _Optional[_Union[_learnware_pb2.Rkme, _Mapping]] = ..., self_norm: _Optional[float] = ..., effective_size: _Optional[float] = ..., flags: _Optional[_Iterable[str]] = ...) -> None: ...

class Island(_message.Message):
    __slots__ = ("data_type", "task_type", "input_dimension", "output_dimension", "learnwares", "scale")
    DATA_TYPE_FIELD_NUMBER: _ClassVar[int]
    TASK_TYPE_FIELD_NUMBER: _ClassVar[int]
    INPUT_DIMENSION_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_DIMENSION_FIELD_NUMBER: _ClassVar[int]
    LEARNWARES_FIELD_NUMBER: _ClassVar[int]
    SCALE_FIELD_NUMBER: _ClassVar[int]
    data_type: str
    task_type: str
    input_dimension: int
    output_dimension: int
    learnwares: int
    scale: _learnware_pb2.Tensor
    def __init__(self, data_type: _Optional[str] = ..., task_type: _Optional[str] = ..., input_dimension: _Optional[int] = ..., output_dimension: _Optional[int] = ..., learnwares: _Optional[int] = ..., scale: _Optional[_Union[_learnware_pb2.Tensor, _Mapping]] = ...) -> None: ...

class ListIslandsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListIslandsResponse(_message.Message):
    __slots__ = ("islands",)
    ISLANDS_FIELD_NUMBER: _ClassVar[int]
    islands: _containers.RepeatedCompositeFieldContainer[Island]
    def __init__(self, islands: _Optional[_Iterable[_Union[Island, _Mapping]]] = ...) -> None: ...
