from google.protobuf import timestamp_pb2 as _timestamp_pb2
from dockapi.learnware.v1 import learnware_pb2 as _learnware_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class LearnwareEvent(_message.Message):
    __slots__ = ("event_id", "tenant", "learnware_id", "version", "state", "revision", "attempt", "content_sha256", "occurred_at", "trace_parent")
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    LEARNWARE_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    CONTENT_SHA256_FIELD_NUMBER: _ClassVar[int]
    OCCURRED_AT_FIELD_NUMBER: _ClassVar[int]
    TRACE_PARENT_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    tenant: str
    learnware_id: str
    version: int
    state: _learnware_pb2.State
    revision: int
    attempt: int
    content_sha256: str
    occurred_at: _timestamp_pb2.Timestamp
    trace_parent: str
    def __init__(self, event_id: _Optional[str] = ..., tenant: _Optional[str] = ..., learnware_id: _Optional[str] = ..., version: _Optional[int] = ..., state: _Optional[_Union[_learnware_pb2.State, str]] = ..., revision: _Optional[int] = ..., attempt: _Optional[int] = ..., content_sha256: _Optional[str] = ..., occurred_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., trace_parent: _Optional[str] = ...) -> None: ...
