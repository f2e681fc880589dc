from google.protobuf import timestamp_pb2 as _timestamp_pb2
from dockapi.learnware.v1 import learnware_pb2 as _learnware_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class BeginUploadRequest(_message.Message):
    __slots__ = ("upload_id", "size_bytes", "sha256", "owner", "learnware_id", "semantic_specification_json")
    UPLOAD_ID_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    LEARNWARE_ID_FIELD_NUMBER: _ClassVar[int]
    SEMANTIC_SPECIFICATION_JSON_FIELD_NUMBER: _ClassVar[int]
    upload_id: str
    size_bytes: int
    sha256: str
    owner: str
    learnware_id: str
    semantic_specification_json: str
    def __init__(self, upload_id: _Optional[str] = ..., size_bytes: _Optional[int] = ..., sha256: _Optional[str] = ..., owner: _Optional[str] = ..., learnware_id: _Optional[str] = ..., semantic_specification_json: _Optional[str] = ...) -> None: ...

class BeginUploadResponse(_message.Message):
    __slots__ = ("persisted_bytes", "committed", "max_chunk_bytes")
    PERSISTED_BYTES_FIELD_NUMBER: _ClassVar[int]
    COMMITTED_FIELD_NUMBER: _ClassVar[int]
    MAX_CHUNK_BYTES_FIELD_NUMBER: _ClassVar[int]
    persisted_bytes: int
    committed: bool
    max_chunk_bytes: int
    def __init__(self, persisted_bytes: _Optional[int] = ..., committed: bool = ..., max_chunk_bytes: _Optional[int] = ...) -> None: ...

class WriteUploadRequest(_message.Message):
    __slots__ = ("upload_id", "offset", "data", "crc32")
    UPLOAD_ID_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    CRC32_FIELD_NUMBER: _ClassVar[int]
    upload_id: str
    offset: int
    data: bytes
    crc32: int
    def __init__(self, upload_id: _Optional[str] = ..., offset: _Optional[int] = ..., data: _Optional[bytes] = ..., crc32: _Optional[int] = ...) -> None: ...

class WriteUploadResponse(_message.Message):
    __slots__ = ("persisted_bytes",)
    PERSISTED_BYTES_FIELD_NUMBER: _ClassVar[int]
    persisted_bytes: int
    def __init__(self, persisted_bytes: _Optional[int] = ...) -> None: ...

class QueryUploadRequest(_message.Message):
    __slots__ = ("upload_id",)
    UPLOAD_ID_FIELD_NUMBER: _ClassVar[int]
    upload_id: str
    def __init__(self, upload_id: _Optional[str] = ...) -> None: ...

class QueryUploadResponse(_message.Message):
    __slots__ = ("persisted_bytes", "size_bytes", "committed", "learnware")
    PERSISTED_BYTES_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    COMMITTED_FIELD_NUMBER: _ClassVar[int]
    LEARNWARE_FIELD_NUMBER: _ClassVar[int]
    persisted_bytes: int
    size_bytes: int
    committed: bool
    learnware: _learnware_pb2.Learnware
    def __init__(self, persisted_bytes: _Optional[int] = ..., size_bytes: _Optional[int] = ..., committed: bool = ..., learnware: _Optional[_Union[_learnware_pb2.Learnware, _Mapping]] = ...) -> None: ...

class CommitUploadRequest(_message.Message):
    __slots__ = ("upload_id",)
    UPLOAD_ID_FIELD_NUMBER: _ClassVar[int]
    upload_id: str
    def __init__(self, upload_id: _Optional[str] = ...) -> None: ...

class CommitUploadResponse(_message.Message):
    __slots__ = ("learnware", "already_present")
    LEARNWARE_FIELD_NUMBER: _ClassVar[int]
    ALREADY_PRESENT_FIELD_NUMBER: _ClassVar[int]
    learnware: _learnware_pb2.Learnware
    already_present: bool
    def __init__(self, learnware: _Optional[_Union[_learnware_pb2.Learnware, _Mapping]] = ..., already_present: bool = ...) -> None: ...

class GetLearnwareRequest(_message.Message):
    __slots__ = ("learnware_id", "version", "usable")
    LEARNWARE_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    USABLE_FIELD_NUMBER: _ClassVar[int]
    learnware_id: str
    version: int
    usable: bool
    def __init__(self, learnware_id: _Optional[str] = ..., version: _Optional[int] = ..., usable: bool = ...) -> None: ...

class GetLearnwareResponse(_message.Message):
    __slots__ = ("learnware",)
    LEARNWARE_FIELD_NUMBER: _ClassVar[int]
    learnware: _learnware_pb2.Learnware
    def __init__(self, learnware: _Optional[_Union[_learnware_pb2.Learnware, _Mapping]] = ...) -> None: ...

class ListLearnwaresRequest(_message.Message):
    __slots__ = ("owner", "states", "name_contains", "page_size", "page_token")
    OWNER_FIELD_NUMBER: _ClassVar[int]
    STATES_FIELD_NUMBER: _ClassVar[int]
    NAME_CONTAINS_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    owner: str
    states: _containers.RepeatedScalarFieldContainer[_learnware_pb2.State]
    name_contains: str
    page_size: int
    page_token: str
    def __init__(self, owner: _Optional[str] = ..., states: _Optional[_Iterable[_Union[_learnware_pb2.State, str]]] = ..., name_contains: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListLearnwaresResponse(_message.Message):
    __slots__ = ("learnwares", "next_page_token")
    LEARNWARES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    learnwares: _containers.RepeatedCompositeFieldContainer[_learnware_pb2.Learnware]
    next_page_token: str
    def __init__(self, learnwares: _Optional[_Iterable[_Union[_learnware_pb2.Learnware, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class DownloadPackageRequest(_message.Message):
    __slots__ = ("learnware_id", "version", "offset")
    LEARNWARE_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    learnware_id: str
    version: int
    offset: int
    def __init__(self, learnware_id: _Optional[str] = ..., version: _Optional[int] = ..., offset: _Optional[int] = ...) -> None: ...

class DownloadPackageResponse(_message.Message):
    __slots__ = ("size_bytes", "sha256", "data")
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    size_bytes: int
    sha256: str
    data: bytes
    def __init__(self, size_bytes: _Optional[int] = ..., sha256: _Optional[str] = ..., data: _Optional[bytes] = ...) -> None: ...

class DeleteLearnwareRequest(_message.Message):
    __slots__ = ("learnware_id", "version")
    LEARNWARE_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    learnware_id: str
    version: int
    def __init__(self, learnware_id: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

class DeleteLearnwareResponse(_message.Message):
    __slots__ = ("deleted_versions",)
    DELETED_VERSIONS_FIELD_NUMBER: _ClassVar[int]
    deleted_versions: int
    def __init__(self, deleted_versions: _Optional[int] = ...) -> None: ...

class WatchLearnwareRequest(_message.Message):
    __slots__ = ("learnware_id", "version")
    LEARNWARE_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    learnware_id: str
    version: int
    def __init__(self, learnware_id: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

class WatchLearnwareResponse(_message.Message):
    __slots__ = ("learnware",)
    LEARNWARE_FIELD_NUMBER: _ClassVar[int]
    learnware: _learnware_pb2.Learnware
    def __init__(self, learnware: _Optional[_Union[_learnware_pb2.Learnware, _Mapping]] = ...) -> None: ...

class ReportBreachRequest(_message.Message):
    __slots__ = ("learnware_id", "version", "rule", "rows", "confirmed", "tenant")
    LEARNWARE_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    CONFIRMED_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    learnware_id: str
    version: int
    rule: str
    rows: int
    confirmed: bool
    tenant: str
    def __init__(self, learnware_id: _Optional[str] = ..., version: _Optional[int] = ..., rule: _Optional[str] = ..., rows: _Optional[int] = ..., confirmed: bool = ..., tenant: _Optional[str] = ...) -> None: ...

class ReportBreachResponse(_message.Message):
    __slots__ = ("suspended",)
    SUSPENDED_FIELD_NUMBER: _ClassVar[int]
    suspended: bool
    def __init__(self, suspended: bool = ...) -> None: ...

class ListBreachesRequest(_message.Message):
    __slots__ = ("learnware_id", "version")
    LEARNWARE_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    learnware_id: str
    version: int
    def __init__(self, learnware_id: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

class Breach(_message.Message):
    __slots__ = ("rule", "detail", "confirmed", "tenant", "at")
    RULE_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    CONFIRMED_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    rule: str
    detail: str
    confirmed: bool
    tenant: str
    at: _timestamp_pb2.Timestamp
    def __init__(self, rule: _Optional[str] = ..., detail: _Optional[str] = ..., confirmed: bool = ..., tenant: _Optional[str] = ..., at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListBreachesResponse(_message.Message):
    __slots__ = ("breaches",)
    BREACHES_FIELD_NUMBER: _ClassVar[int]
    breaches: _containers.RepeatedCompositeFieldContainer[Breach]
    def __init__(self, breaches: _Optional[_Iterable[_Union[Breach, _Mapping]]] = ...) -> None: ...

class GetPrincipalRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetPrincipalResponse(_message.Message):
    __slots__ = ("tenant", "owner", "scopes", "token_id")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    SCOPES_FIELD_NUMBER: _ClassVar[int]
    TOKEN_ID_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    owner: str
    scopes: _containers.RepeatedScalarFieldContainer[str]
    token_id: str
    def __init__(self, tenant: _Optional[str] = ..., owner: _Optional[str] = ..., scopes: _Optional[_Iterable[str]] = ..., token_id: _Optional[str] = ...) -> None: ...
