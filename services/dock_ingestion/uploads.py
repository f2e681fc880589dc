"""Uploads: resumable, checked, and a learnware only when everything is in one transaction."""

from __future__ import annotations

import io
import json
import logging
import re
import secrets
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from sqlalchemy.orm import Session

from dock_blob import BlobStore, Whole
from dock_db import Database, LearnwareRow, Learnwares, State, UploadRow, Uploads
from dock_failpoint import failpoint
from dock_ingestion.admission import admit, digest, verified_admission, verify_digest
from dock_ingestion.allowance import Allowance
from dock_ingestion.chunks import Chunk, Coming
from dock_ingestion.passing import Passing
from dock_ingestion.settings import IngestionSettings
from dock_trace import span
from learndock.errors import DockError, FailedPrecondition, InvalidInput, NotFound, Overloaded, PermissionDenied
from learndock.package import Package, PackageLimits
from learndock.package.refusal import refuse_limit
from learndock.semantic import SemanticSpecification

_log = logging.getLogger(__name__)
_DEFAULTS = PackageLimits()
_UPLOAD_ID = re.compile(r"[A-Za-z0-9_-]{8,128}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MOST_IN_MEMORY = 2 << 20
"""Bytes of a package that are kept while its commit looks at it; of a larger one the store is asked again."""
_OWNER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@+-]{0,127}")


@dataclass(frozen=True)
class Declaration:
    """What a client says of an upload before it sends a byte."""

    upload_id: str
    size_bytes: int
    sha256: str
    owner: str
    learnware_id: str = ""
    semantic_json: str = ""


@dataclass(frozen=True)
class Progress:
    """How far an upload is, and the learnware it became."""

    persisted_bytes: int
    size_bytes: int
    learnware: LearnwareRow | None


class UploadDesk:
    """Begins, continues and commits uploads of one dock."""

    def __init__(
        self,
        database: Database,
        blobs: BlobStore,
        settings: IngestionSettings,
        tenant: str,
        package_limits: PackageLimits = _DEFAULTS,
    ) -> None:
        self._package_limits = package_limits
        self._database = database
        self._blobs = blobs
        self._settings = settings
        self._tenant = tenant
        self._allowance = Allowance(settings.max_uploads_per_minute)
        self._uploads = Uploads()
        self._learnwares = Learnwares()

    def begin(self, declaration: Declaration) -> Progress:
        """Record the declaration. The same again goes on where it was; another one under its id is refused."""
        self._validate(declaration)
        self._allowance.take(declaration.owner)
        with self._database.transaction() as session:
            self._check_backlog(session, declaration.owner)
            if declaration.learnware_id:
                self._check_ownership(session, declaration)
            row, is_new = self._uploads.begin(
                session,
                upload_id=declaration.upload_id,
                tenant=self._tenant,
                owner=declaration.owner,
                learnware_id=declaration.learnware_id,
                size_bytes=declaration.size_bytes,
                sha256=declaration.sha256,
                blob_key=self._new_key(declaration),
                semantic_json=declaration.semantic_json,
            )
        failpoint("ingestion.begin.after")
        if is_new:  # so nothing of it is in the store, which is not asked then
            return Progress(0, row.size_bytes, None)
        return self._progress(row)

    def _new_key(self, declaration: Declaration) -> str:
        # Never the same again: what nobody refers to nobody will come to refer to, and may be deleted at any time,
        # even by a request that reaches the store late.
        return f"packages/{self._tenant}/{declaration.sha256}/{secrets.token_hex(8)}/{declaration.upload_id}"

    def receive(self, chunks: Iterable[Chunk]) -> int:
        """Persist a stream of chunks as it comes; return the bytes persisted of the last one's upload.

        What came before a chunk that is refused, or before the stream broke, is persisted first.
        """
        coming = Coming(chunks)
        persisted = -1
        while (first := coming.peek()) is not None:
            row = self._row(first.upload_id)
            if row.committed_learnware_id:
                persisted = row.size_bytes
                coming.skip()
            else:
                run = coming.run(lambda chunk, row=row: self._accepted(row, chunk))  # type: ignore[misc]
                persisted = self._blobs.append(row.blob_key, first.offset, run, _whole(row))
        if persisted < 0:
            raise InvalidInput("The stream held no chunk.", reason="UPLOAD_EMPTY")
        return persisted

    def write(self, upload_id: str, offset: int, data: bytes, crc32: int) -> int:
        """Persist one chunk; return the bytes persisted in all."""
        return self.receive([Chunk(upload_id, offset, data, crc32)])

    def _accepted(self, row: UploadRow, chunk: Chunk) -> bytes:
        if zlib.crc32(chunk.data) != chunk.crc32:
            raise InvalidInput(
                f"The chunk at byte {chunk.offset} arrived damaged (its CRC-32 differs).",
                reason="UPLOAD_CHUNK_DAMAGED",
                hint="Send it again.",
            )
        size, most = len(chunk.data), self._settings.max_chunk_bytes
        if chunk.offset < 0 or chunk.offset + size > row.size_bytes or size > most:
            raise InvalidInput(
                f"A chunk of {size} bytes at byte {chunk.offset} does not fit an upload of {row.size_bytes} bytes "
                f"in chunks of at most {most}.",
                reason="UPLOAD_CHUNK_MISFIT",
                hint="Ask for the persisted offset and go on from there.",
            )
        return chunk.data

    def query(self, upload_id: str) -> Progress:
        """How far an upload is."""
        return self._progress(self._row(upload_id))

    def commit(self, upload_id: str) -> tuple[LearnwareRow, bool]:
        """Make the upload a learnware: (row, whether the same content was there before).

        Idempotent. InvalidInput with the package's reason drops the upload, so that nothing half-done stays.
        """
        row = self._row(upload_id)
        if row.committed_learnware_id:
            return self._committed(row), True
        try:
            with span("ingestion.commit") as here:
                learnware, present = self._commit(row)
                here.set("dock.learnware", learnware.learnware_id)
                here.set("dock.version", learnware.version)
                return learnware, present
        except (NotFound, FailedPrecondition, InvalidInput):
            # Somebody else may have committed it meanwhile, and removed the blob that a twin made superfluous.
            committed = self._committed_meanwhile(upload_id)
            if committed is None:
                raise
            return committed, True

    def _commit(self, row: UploadRow) -> tuple[LearnwareRow, bool]:
        self._require_complete(row)
        with self._database.read() as session:
            self._check_backlog(session, row.owner)  # again: many may have been begun while there was room
        failpoint("ingestion.commit.before_complete")
        try:
            self._blobs.complete(row.blob_key, _whole(row))
            failpoint("ingestion.commit.after_complete")
            package, semantic = self._verified(row)
        except InvalidInput:
            self._drop(row)
            raise
        failpoint("ingestion.commit.before_transaction")
        try:
            learnware, present = self._accept(row, package, semantic)
        except (NotFound, PermissionDenied):
            self._drop(row)  # the learnware it was to update went away, and will not come back
            raise
        failpoint("ingestion.commit.after_transaction")
        if learnware.blob_key != row.blob_key:
            failpoint("ingestion.commit.before_twin")
            self._blobs.delete(row.blob_key)
        return learnware, present

    def _verified(self, row: UploadRow) -> tuple[Package, SemanticSpecification]:
        """What the store holds, once all of it was read and has the declared digest. It is read back once."""
        declared = (row.sha256, row.size_bytes)
        chunks = self._blobs.read(row.blob_key)
        if row.size_bytes > _MOST_IN_MEMORY:
            with self._blobs.open(row.blob_key) as source:
                return verified_admission(source, Passing(chunks), declared, row.semantic_json, self._package_limits)
        kept = io.BytesIO()  # what was verified is what is looked at
        verify_digest(digest(_kept(chunks, kept)), declared)
        return admit(kept, row.semantic_json, self._package_limits, sha256=row.sha256)

    def _accept(self, row: UploadRow, package: Package, semantic: SemanticSpecification) -> tuple[LearnwareRow, bool]:
        with self._database.transaction() as session:
            current = self._uploads.hold(session, row)  # whose object stays while the row does
            if current.committed_learnware_id:
                return self._committed(current), True
            twin = self._learnwares.find_content(session, row.tenant, row.owner, semantic.name, row.sha256)
            if twin is not None and row.learnware_id in ("", twin.learnware_id):
                self._uploads.commit(session, row.upload_id, twin.learnware_id, twin.version)
                return twin, True
            learnware = self._learnwares.insert(
                session,
                tenant=row.tenant,
                owner=row.owner,
                name=semantic.name,
                content_sha256=row.sha256,
                size_bytes=row.size_bytes,
                blob_key=row.blob_key,
                semantic_json=_canonical(semantic),
                specification_type=package.specification.type if package.specification else "",
                learnware_id=row.learnware_id,
            )
            self._uploads.commit(session, row.upload_id, learnware.learnware_id, learnware.version)
        return learnware, False

    def _validate(self, declaration: Declaration) -> None:
        if not _UPLOAD_ID.fullmatch(declaration.upload_id):
            raise _declared_wrong("upload_id", "8 to 128 letters, digits, '-' or '_'")
        if not _SHA256.fullmatch(declaration.sha256):
            raise _declared_wrong("sha256", "64 lower-case hexadecimal digits")
        if not _OWNER.fullmatch(declaration.owner):
            raise _declared_wrong("owner", "up to 128 letters, digits and '_.@+-', starting with a letter or digit")
        if declaration.size_bytes <= 0:
            raise InvalidInput("A package of no bytes was declared.", reason="UPLOAD_EMPTY", hint="Push a package.")
        if declaration.size_bytes > self._package_limits.packed_bytes:
            message = f"The package is {declaration.size_bytes} bytes."
            refuse_limit("ZIP_TOO_LARGE", message, self._package_limits, "packed_bytes")
        if declaration.semantic_json:
            SemanticSpecification.from_json(declaration.semantic_json)

    def _check_backlog(self, session: Session, owner: str) -> None:
        waiting = self._learnwares.count_waiting(session, self._tenant, owner, State.RECEIVED)
        if waiting >= self._settings.max_waiting_per_owner:
            raise Overloaded(
                f"{waiting} learnwares of {owner} are waiting for their check already.",
                reason="OWNER_BACKLOG_FULL",
                hint="Wait until some are checked, then push again.",
                retry_after_s=5.0,
            )

    def _check_ownership(self, session: Session, declaration: Declaration) -> None:
        mine = self._learnwares.get(session, declaration.learnware_id)
        if (mine.tenant, mine.owner) != (self._tenant, declaration.owner):
            raise PermissionDenied(
                f"Learnware {mine.learnware_id} belongs to another owner.",
                reason="LEARNWARE_NOT_YOURS",
                hint="Push it as a learnware of your own, without an id.",
            )

    def _row(self, upload_id: str) -> UploadRow:
        with self._database.read() as session:
            return self._uploads.get(session, upload_id)

    def _progress(self, row: UploadRow) -> Progress:
        if row.committed_learnware_id:
            return Progress(row.size_bytes, row.size_bytes, self._committed(row))
        return Progress(self._persisted(row), row.size_bytes, None)

    def _persisted(self, row: UploadRow) -> int:
        persisted = self._blobs.persisted_bytes(row.blob_key)
        if persisted:
            return persisted
        # A crash after completing the object leaves it whole, without the row that makes it a learnware.
        return self._stored(row)

    def _stored(self, row: UploadRow) -> int:
        try:
            return self._blobs.stat(row.blob_key).size
        except NotFound:
            return 0

    def _committed(self, row: UploadRow) -> LearnwareRow:
        with self._database.read() as session:
            return self._learnwares.get(session, row.committed_learnware_id, row.committed_version)

    def _committed_meanwhile(self, upload_id: str) -> LearnwareRow | None:
        with self._database.read() as session:
            try:
                row = self._uploads.get(session, upload_id)
            except NotFound:
                return None
        return self._committed(row) if row.committed_learnware_id else None

    def _require_complete(self, row: UploadRow) -> None:
        if self._stored(row) == row.size_bytes:  # as a small upload is, once it was sent
            return
        persisted = self._persisted(row)
        if persisted != row.size_bytes:
            raise FailedPrecondition(
                f"{persisted} of {row.size_bytes} bytes are here.",
                reason="UPLOAD_INCOMPLETE",
                hint="Send the rest, then commit.",
                details={"persisted_bytes": persisted},
            )

    def _drop(self, row: UploadRow) -> None:
        """Forget a refused upload, unless it was begun anew or committed while it was looked at."""
        with self._database.transaction() as session:
            try:
                current = self._uploads.hold(session, row)
            except NotFound:
                return
            if current.committed_learnware_id:
                return
            self._uploads.drop(session, row.upload_id)
        # Nobody else waits while the store is asked: its key is never used again, so it may take what time it wants.
        try:
            self._blobs.abort(row.blob_key)
            self._blobs.delete(row.blob_key)
        except DockError as error:
            _log.warning("left for the sweeper: %s", error.reason, extra={"upload": row.upload_id})


def _kept(chunks: Iterable[bytes], into: BinaryIO) -> Iterator[bytes]:
    for chunk in chunks:
        into.write(chunk)
        yield chunk


def _whole(row: UploadRow) -> Whole:
    return Whole(row.size_bytes, row.sha256)


def _declared_wrong(field: str, want: str) -> InvalidInput:
    return InvalidInput(
        f"{field} of the upload must be {want}.",
        reason="UPLOAD_DECLARATION_INVALID",
        details={"field": field},
    )


def _canonical(semantic: SemanticSpecification) -> str:
    return json.dumps(semantic.to_json(), sort_keys=True, ensure_ascii=False)
