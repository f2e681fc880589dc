"""Pushes a package in pieces the dock persists, and goes on after a cut from what it has."""

from __future__ import annotations

import contextlib
import hashlib
import json
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from dockapi.ingestion.v1 import ingestion_pb2 as pb
from dockapi.learnware.v1 import learnware_pb2
from learndock.client.patience import Patience
from learndock.errors import DockError, InvalidInput
from learndock.semantic import SemanticSpecification

CHUNK_BYTES = 1 << 20
PART_BYTES = 8 << 20
"""Streams end where a part of an object store ends, so that the dock never has to put a part together from pieces."""
STREAM_S, LONGEST_STREAM_S = 1.0, 4.0
"""Seconds after which the first stream ends at the next part, and one on a slow line at the next chunk.

Progress is told then. Each may take twice as long as the one before, up to the longest: at its end the dock waits
for all its parts.
"""
COMMIT_S = 600.0
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Parcel:
    """A file to push, and what is declared of it."""

    path: Path
    size_bytes: int
    sha256: str
    owner: str
    learnware_id: str = ""
    semantic_json: str = ""
    after: str = ""
    """The deleted learnware version this content was before, if it was."""

    @property
    def upload_id(self) -> str:
        """The same for the same push, so that another process can go on with it."""
        declared = [self.sha256, self.owner, self.learnware_id, self.semantic_json, self.after]
        return "up-" + hashlib.sha256(json.dumps(declared).encode()).hexdigest()[:40]


def make_parcel(path: Path, *, owner: str, learnware_id: str, semantic_json: str) -> Parcel:
    """Measure a file. InvalidInput FILE_UNREADABLE."""
    try:
        with path.open("rb") as file:
            digest = digest_of(file)
            size = file.tell()
    except OSError as error:
        raise InvalidInput(
            f"{path} can't be read: {error.strerror}.",
            reason="FILE_UNREADABLE",
            hint="Give the path of a learnware's zip file, or of its folder.",
        ) from error
    return Parcel(path, size, digest, owner, learnware_id, semantic_json)


def semantic_text(semantic: SemanticSpecification | Mapping[str, Any] | str | None) -> str:
    """What a push says of a learnware beside its own description, as JSON; "" for nothing."""
    if semantic is None:
        return ""
    if not isinstance(semantic, SemanticSpecification):
        semantic = SemanticSpecification.from_json(semantic)
    return json.dumps(semantic.to_json(), sort_keys=True, ensure_ascii=False)


@contextlib.contextmanager
def as_zip(path: Path) -> Iterator[Path]:
    """The file, or a zip of the folder for as long as it is needed."""
    if not path.is_dir():
        yield path
        return
    from learndock.package import pack_folder  # noqa: PLC0415 - most pushes are of zips

    with tempfile.TemporaryDirectory(prefix="learndock-") as folder:
        packed = Path(folder) / "package.zip"
        pack_folder(path, packed)
        yield packed


def digest_of(file: BinaryIO) -> str:
    """SHA-256 of what is left of a file, in hexadecimal."""
    hasher = hashlib.sha256()
    while block := file.read(CHUNK_BYTES):
        hasher.update(block)
    return hasher.hexdigest()


class Upload:
    """Pushes one parcel over an IngestionServiceStub.

    Progress is told in the caller's thread and counts what the dock has persisted, so what is told is never lost.
    """

    def __init__(self, stub: Any, patience: Patience, on_progress: Progress | None = None) -> None:
        self._stub = stub
        self._patience = patience
        self._on_progress = on_progress
        self._known = 0

    def push(self, parcel: Parcel) -> learnware_pb2.Learnware:
        """Push it, or go on with it; give the learnware it became (or was already)."""
        while True:
            learnware = self._push_once(parcel)
            if learnware.state != learnware_pb2.STATE_DELETED:
                return learnware
            parcel = replace(parcel, after=f"{learnware.learnware_id}:{learnware.version}")

    def _push_once(self, parcel: Parcel) -> learnware_pb2.Learnware:
        while True:
            try:
                return self._try(parcel)
            except DockError as error:
                self._patience.bear(error)

    def _try(self, parcel: Parcel) -> learnware_pb2.Learnware:
        begun = self._stub.BeginUpload(
            pb.BeginUploadRequest(
                upload_id=parcel.upload_id,
                size_bytes=parcel.size_bytes,
                sha256=parcel.sha256,
                owner=parcel.owner,
                learnware_id=parcel.learnware_id,
                semantic_specification_json=parcel.semantic_json,
            )
        )
        self._patience.reached()
        if begun.persisted_bytes > self._known:  # a stream that broke brought something
            self._patience.progress()
        self._known = begun.persisted_bytes
        if not begun.committed:
            self._tell(begun.persisted_bytes, parcel)
            self._send(parcel, begun.persisted_bytes, begun.max_chunk_bytes or CHUNK_BYTES)
            request = pb.CommitUploadRequest(upload_id=parcel.upload_id)
            return _learnware(self._stub.CommitUpload(request, timeout=COMMIT_S))
        self._tell(parcel.size_bytes, parcel)
        return _learnware(self._stub.QueryUpload(pb.QueryUploadRequest(upload_id=parcel.upload_id)))

    def _send(self, parcel: Parcel, offset: int, chunk_bytes: int) -> None:
        seconds = STREAM_S
        with parcel.path.open("rb") as file:
            while offset < parcel.size_bytes:
                stream = _Stream(file, parcel, offset, min(chunk_bytes, CHUNK_BYTES), seconds)
                seconds = min(2 * seconds, LONGEST_STREAM_S)
                try:
                    persisted = self._stub.WriteUpload(iter(stream)).persisted_bytes
                finally:
                    stream.check()
                if persisted > offset:
                    self._patience.progress()
                offset = persisted
                self._tell(offset, parcel)

    def _tell(self, persisted: int, parcel: Parcel) -> None:
        if self._on_progress is not None:
            self._on_progress(persisted, parcel.size_bytes)


def _learnware(response: pb.CommitUploadResponse | pb.QueryUploadResponse) -> learnware_pb2.Learnware:
    return response.learnware


class _Stream:
    """Chunks of a file for one call, read while they are sent. It ends after a while, so that progress can be told."""

    def __init__(self, file: BinaryIO, parcel: Parcel, offset: int, chunk_bytes: int, seconds: float) -> None:
        self._file = file
        self._seconds = seconds
        self._parcel = parcel
        self._offset = offset
        self._chunk_bytes = chunk_bytes
        self._error: OSError | DockError | None = None

    def __iter__(self) -> Iterator[pb.WriteUploadRequest]:
        start, offset, upload_id = time.monotonic(), self._offset, self._parcel.upload_id
        while offset < self._parcel.size_bytes:
            data = self._read(offset)
            if not data:
                return
            yield pb.WriteUploadRequest(upload_id=upload_id, offset=offset, data=data, crc32=zlib.crc32(data))
            offset += len(data)
            elapsed = time.monotonic() - start
            if elapsed > (LONGEST_STREAM_S if offset % PART_BYTES else self._seconds):
                return

    def check(self) -> None:
        """Raise what kept it from reading on; raised from the iterator, gRPC would swallow it."""
        if self._error is not None:
            raise self._error

    def _read(self, offset: int) -> bytes:
        try:
            self._file.seek(offset)
            data = self._file.read(min(self._chunk_bytes, self._parcel.size_bytes - offset))
        except OSError as error:
            self._error = error
            return b""
        if not data:
            self._error = InvalidInput(
                f"{self._parcel.path} became shorter while it was pushed.",
                reason="FILE_CHANGED",
                hint="Push it again when nothing writes to it.",
            )
        return data
