from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class State(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STATE_UNSPECIFIED: _ClassVar[State]
    STATE_RECEIVED: _ClassVar[State]
    STATE_CHECKING: _ClassVar[State]
    STATE_REJECTED: _ClassVar[State]
    STATE_ACCEPTED: _ClassVar[State]
    STATE_EMBEDDING: _ClassVar[State]
    STATE_INDEXED: _ClassVar[State]
    STATE_DEPRECATED: _ClassVar[State]
    STATE_DELETED: _ClassVar[State]
    STATE_FAILED_INTERNAL: _ClassVar[State]
    STATE_SUSPENDED: _ClassVar[State]
STATE_UNSPECIFIED: State
STATE_RECEIVED: State
STATE_CHECKING: State
STATE_REJECTED: State
STATE_ACCEPTED: State
STATE_EMBEDDING: State
STATE_INDEXED: State
STATE_DEPRECATED: State
STATE_DELETED: State
STATE_FAILED_INTERNAL: State
STATE_SUSPENDED: State

class Learnware(_message.Message):
    __slots__ = ("learnware_id", "version", "tenant", "owner", "state", "revision", "content_sha256", "size_bytes", "semantic_specification_json", "statistical_specification_type", "attempt", "reason", "reason_text", "created_at", "updated_at", "name")
    LEARNWARE_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    CONTENT_SHA256_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    SEMANTIC_SPECIFICATION_JSON_FIELD_NUMBER: _ClassVar[int]
    STATISTICAL_SPECIFICATION_TYPE_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REASON_TEXT_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    learnware_id: str
    version: int
    tenant: str
    owner: str
    state: State
    revision: int
    content_sha256: str
    size_bytes: int
    semantic_specification_json: str
    statistical_specification_type: str
    attempt: int
    reason: str
    reason_text: str
    created_at: _timestamp_pb2.Timestamp
    updated_at: _timestamp_pb2.Timestamp
    name: str
    def __init__(self, learnware_id: _Optional[str] = ..., version: _Optional[int] = ..., tenant: _Optional[str] = ..., owner: _Optional[str] = ..., state: _Optional[_Union[State, str]] = ..., revision: _Optional[int] = ..., content_sha256: _Optional[str] = ..., size_bytes: _Optional[int] = ..., semantic_specification_json: _Optional[str] = ..., statistical_specification_type: _Optional[str] = ..., attempt: _Optional[int] = ..., reason: _Optional[str] = ..., reason_text: _Optional[str] = ..., created_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., updated_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., name: _Optional[str] = ...) -> None: ...

class Tensor(_message.Message):
    __slots__ = ("dtype", "shape", "data", "strings")
    DTYPE_FIELD_NUMBER: _ClassVar[int]
    SHAPE_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    STRINGS_FIELD_NUMBER: _ClassVar[int]
    dtype: str
    shape: _containers.RepeatedScalarFieldContainer[int]
    data: bytes
    strings: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, dtype: _Optional[str] = ..., shape: _Optional[_Iterable[int]] = ..., data: _Optional[bytes] = ..., strings: _Optional[_Iterable[str]] = ...) -> None: ...

class Rkme(_message.Message):
    __slots__ = ("type", "z", "beta", "gamma", "num_points", "json")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    Z_FIELD_NUMBER: _ClassVar[int]
    BETA_FIELD_NUMBER: _ClassVar[int]
    GAMMA_FIELD_NUMBER: _ClassVar[int]
    NUM_POINTS_FIELD_NUMBER: _ClassVar[int]
    JSON_FIELD_NUMBER: _ClassVar[int]
    type: str
    z: Tensor
    beta: Tensor
    gamma: float
    num_points: int
    json: str
    def __init__(self, type: _Optional[str] = ..., z: _Optional[_Union[Tensor, _Mapping]] = ..., beta: _Optional[_Union[Tensor, _Mapping]] = ..., gamma: _Optional[float] = ..., num_points: _Optional[int] = ..., json: _Optional[str] = ...) -> None: ...
