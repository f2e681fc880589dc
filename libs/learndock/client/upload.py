"""Pushes a package in pieces the dock persists, and goes on after a cut from what it has."""

from __future__ import annotations

import hashlib
import json
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from dockapi.ingestion.v1 import ingestion_pb2 as pb
from dockapi.learnware.v1 import learnware_pb2
from learndock.client.patience import Patience
from learndock.errors import DockError, InvalidInput

CHUNK_BYTES = 1 << 20
LARGEST_BATCH_BYTES = 16 << 20
QUICK_BATCH_S = 0.5
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
        if not begun.committed:
            self._tell(begun.persisted_bytes, parcel)
            self._send(parcel, begun.persisted_bytes, begun.max_chunk_bytes or CHUNK_BYTES)
            request = pb.CommitUploadRequest(upload_id=parcel.upload_id)
            return _learnware(self._stub.CommitUpload(request, timeout=COMMIT_S))
        self._tell(parcel.size_bytes, parcel)
        return _learnware(self._stub.QueryUpload(pb.QueryUploadRequest(upload_id=parcel.upload_id)))

    def _send(self, parcel: Parcel, offset: int, chunk_bytes: int) -> None:
        chunk_bytes = min(chunk_bytes, CHUNK_BYTES)
        batch_bytes = chunk_bytes
        with parcel.path.open("rb") as file:
            while offset < parcel.size_bytes:
                start = time.monotonic()
                batch = list(_chunks(file, parcel, offset, chunk_bytes, batch_bytes))
                persisted = self._stub.WriteUpload(iter(batch)).persisted_bytes
                if persisted > offset:
                    self._patience.progress()
                offset = persisted
                self._tell(offset, parcel)
                if time.monotonic() - start < QUICK_BATCH_S:
                    batch_bytes = min(batch_bytes * 2, LARGEST_BATCH_BYTES)

    def _tell(self, persisted: int, parcel: Parcel) -> None:
        if self._on_progress is not None:
            self._on_progress(persisted, parcel.size_bytes)


def _learnware(response: pb.CommitUploadResponse | pb.QueryUploadResponse) -> learnware_pb2.Learnware:
    return response.learnware


def _chunks(
    file: BinaryIO, parcel: Parcel, offset: int, chunk_bytes: int, batch_bytes: int
) -> Iterator[pb.WriteUploadRequest]:
    end = min(offset + batch_bytes, parcel.size_bytes)
    file.seek(offset)
    while offset < end:
        data = file.read(min(chunk_bytes, end - offset))
        if not data:
            raise InvalidInput(
                f"{parcel.path} became shorter while it was pushed.",
                reason="FILE_CHANGED",
                hint="Push it again when nothing writes to it.",
            )
        yield pb.WriteUploadRequest(upload_id=parcel.upload_id, offset=offset, data=data, crc32=zlib.crc32(data))
        offset += len(data)
