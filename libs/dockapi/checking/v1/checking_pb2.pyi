from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class StepStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STEP_STATUS_UNSPECIFIED: _ClassVar[StepStatus]
    STEP_STATUS_RUNNING: _ClassVar[StepStatus]
    STEP_STATUS_PASSED: _ClassVar[StepStatus]
    STEP_STATUS_FAILED: _ClassVar[StepStatus]
    STEP_STATUS_WARNED: _ClassVar[StepStatus]
    STEP_STATUS_SKIPPED: _ClassVar[StepStatus]
STEP_STATUS_UNSPECIFIED: StepStatus
STEP_STATUS_RUNNING: StepStatus
STEP_STATUS_PASSED: StepStatus
STEP_STATUS_FAILED: StepStatus
STEP_STATUS_WARNED: StepStatus
STEP_STATUS_SKIPPED: StepStatus

class CheckStep(_message.Message):
    __slots__ = ("name", "status", "detail", "at", "seconds", "sequence")
    NAME_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    name: str
    status: StepStatus
    detail: str
    at: _timestamp_pb2.Timestamp
    seconds: float
    sequence: int
    def __init__(self, name: _Optional[str] = ..., status: _Optional[_Union[StepStatus, str]] = ..., detail: _Optional[str] = ..., at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., seconds: _Optional[float] = ..., sequence: _Optional[int] = ...) -> None: ...

class Verdict(_message.Message):
    __slots__ = ("verdict_id", "learnware_id", "version", "attempt", "accepted", "reason", "reason_text", "steps", "log", "content_sha256", "environment_lock_sha256", "dropped_requirements", "isolation", "made_at")
    VERDICT_ID_FIELD_NUMBER: _ClassVar[int]
    LEARNWARE_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REASON_TEXT_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    LOG_FIELD_NUMBER: _ClassVar[int]
    CONTENT_SHA256_FIELD_NUMBER: _ClassVar[int]
    ENVIRONMENT_LOCK_SHA256_FIELD_NUMBER: _ClassVar[int]
    DROPPED_REQUIREMENTS_FIELD_NUMBER: _ClassVar[int]
    ISOLATION_FIELD_NUMBER: _ClassVar[int]
    MADE_AT_FIELD_NUMBER: _ClassVar[int]
    verdict_id: str
    learnware_id: str
    version: int
    attempt: int
    accepted: bool
    reason: str
    reason_text: str
    steps: _containers.RepeatedCompositeFieldContainer[CheckStep]
    log: str
    content_sha256: str
    environment_lock_sha256: str
    dropped_requirements: _containers.RepeatedScalarFieldContainer[str]
    isolation: str
    made_at: _timestamp_pb2.Timestamp
    def __init__(self, verdict_id: _Optional[str] = ..., learnware_id: _Optional[str] = ..., version: _Optional[int] = ..., attempt: _Optional[int] = ..., accepted: bool = ..., reason: _Optional[str] = ..., reason_text: _Optional[str] = ..., steps: _Optional[_Iterable[_Union[CheckStep, _Mapping]]] = ..., log: _Optional[str] = ..., content_sha256: _Optional[str] = ..., environment_lock_sha256: _Optional[str] = ..., dropped_requirements: _Optional[_Iterable[str]] = ..., isolation: _Optional[str] = ..., made_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class GetVerdictRequest(_message.Message):
    __slots__ = ("learnware_id", "version")
    LEARNWARE_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    learnware_id: str
    version: int
    def __init__(self, learnware_id: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

class GetVerdictResponse(_message.Message):
    __slots__ = ("verdict",)
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    verdict: Verdict
    def __init__(self, verdict: _Optional[_Union[Verdict, _Mapping]] = ...) -> None: ...

class GetVerdictRecordRequest(_message.Message):
    __slots__ = ("learnware_id", "version")
    LEARNWARE_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    learnware_id: str
    version: int
    def __init__(self, learnware_id: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

class GetVerdictRecordResponse(_message.Message):
    __slots__ = ("signed_record", "bill_of_materials", "key_rotations")
    SIGNED_RECORD_FIELD_NUMBER: _ClassVar[int]
    BILL_OF_MATERIALS_FIELD_NUMBER: _ClassVar[int]
    KEY_ROTATIONS_FIELD_NUMBER: _ClassVar[int]
    signed_record: str
    bill_of_materials: str
    key_rotations: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, signed_record: _Optional[str] = ..., bill_of_materials: _Optional[str] = ..., key_rotations: _Optional[_Iterable[str]] = ...) -> None: ...

class WatchCheckRequest(_message.Message):
    __slots__ = ("learnware_id", "version")
    LEARNWARE_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    learnware_id: str
    version: int
    def __init__(self, learnware_id: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

class WatchCheckResponse(_message.Message):
    __slots__ = ("step", "verdict", "queue_position")
    STEP_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    QUEUE_POSITION_FIELD_NUMBER: _ClassVar[int]
    step: CheckStep
    verdict: Verdict
    queue_position: int
    def __init__(self, step: _Optional[_Union[CheckStep, _Mapping]] = ..., verdict: _Optional[_Union[Verdict, _Mapping]] = ..., queue_position: _Optional[int] = ...) -> None: ...
