"""Looks over a dock's folder: what the database speaks of must be there, whole, and vouched for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dock_blob import BlobInfo
from dock_blob.file import FileBlobStore
from dock_checking.signer import KEY, Signer
from dock_db import Database, LearnwareRow, Learnwares, Specifications, State, Uploads, VerdictRow, Verdicts
from dock_server.folder import DockFolder
from learndock.errors import DockError, NotFound
from learndock.provenance import SignedRecord, VerdictRecord, follow_rotations
from learndock.semantic import SemanticSpecification
from learndock.specification import read_specification

_PAGE = 500
_SEARCHED = frozenset({State.INDEXED, State.DEPRECATED, State.SUSPENDED})
_CHECKED = _SEARCHED | {State.ACCEPTED, State.REJECTED, State.EMBEDDING}


@dataclass(frozen=True)
class Finding:
    """Something that is not as it should be. What only waits to be swept is not `serious`."""

    kind: str
    what: str
    detail: str
    serious: bool = True
    blob_key: str = ""


class Inspection:
    """One look over a dock that nobody else has open."""

    def __init__(self, folder: DockFolder, *, grace_s: float) -> None:
        self._folder = folder
        self._grace_s = grace_s
        self._blobs = FileBlobStore(folder.blobs)
        # A signer makes the key that is missing; somebody who only looks must not.
        self._signer = Signer(folder.keys) if (folder.keys / KEY).is_file() else None
        self._rotations = self._signer.rotations() if self._signer else []
        self.versions = 0
        self.bytes = 0

    def findings(self) -> Iterator[Finding]:
        """Everything found, in the order of looking."""
        database = Database(self._folder.database_url)
        try:
            yield from self._database(database)
            if self._signer is None:
                yield Finding("SIGNING_KEY_MISSING", KEY, "The dock would make another one; restore it first.")
            keys: set[str] = set()
            for row in _rows(database):
                self.versions += 1
                if row.state is not State.DELETED:
                    keys.add(row.blob_key)
                    yield from self._package(row)
                    yield from self._stored(database, row)
                yield from self._vouched(database, row)
            with database.read() as session:
                growing = Uploads().blob_keys(session)
            yield from self._orphans(keys, growing)
        finally:
            database.close()

    def quarantine(self, finding: Finding) -> Path | None:
        """Move a damaged package out of the dock's sight; where it is now, None where nothing is damaged."""
        if finding.kind != "PACKAGE_DAMAGED":
            return None
        return self._blobs.set_aside(finding.blob_key, self._folder.root / "quarantine")

    def _database(self, database: Database) -> Iterator[Finding]:
        for said in database.integrity():
            yield Finding("DATABASE_DAMAGED", "dock.db", said)

    def _package(self, row: LearnwareRow) -> Iterator[Finding]:
        try:
            hasher, size = hashlib.sha256(), 0
            for chunk in self._blobs.read(row.blob_key):
                hasher.update(chunk)
                size += len(chunk)
        except NotFound:
            yield Finding("PACKAGE_MISSING", _name(row), f"There is no {row.blob_key}.")
            return
        except DockError as error:
            yield Finding("PACKAGE_UNREADABLE", _name(row), error.message)
            return
        self.bytes += size
        if hasher.hexdigest() != row.content_sha256:
            told = f"{row.blob_key} has {size} of {row.size_bytes} bytes, and not those that were accepted."
            yield Finding("PACKAGE_DAMAGED", _name(row), told, blob_key=row.blob_key)

    def _stored(self, database: Database, row: LearnwareRow) -> Iterator[Finding]:
        try:
            SemanticSpecification.from_json(row.semantic_json)
            with database.read() as session:
                stored = Specifications().get(session, row.learnware_id, row.version)
            if stored is not None and stored.payload:
                read_specification(stored.type, stored.payload)
        except (DockError, ValueError) as error:
            yield Finding("SPECIFICATION_UNREADABLE", _name(row), str(error))
            return
        if stored is None and row.state in _SEARCHED:
            yield Finding("SPECIFICATION_MISSING", _name(row), f"It is {row.state.value} without one.")

    def _vouched(self, database: Database, row: LearnwareRow) -> Iterator[Finding]:
        with database.read() as session:
            verdict = Verdicts().get(session, row.learnware_id, row.version)
            kept = Verdicts().kept_record(session, verdict.verdict_id) if verdict else None
        if verdict is None:
            if row.state in _CHECKED:
                yield Finding("VERDICT_MISSING", _name(row), f"It is {row.state.value}, and nobody said so.")
        elif kept is None:
            yield Finding("VERDICT_UNSIGNED", _name(row), "It was made by a dock that did not sign yet.", serious=False)
        elif wrong := self._record(row, verdict, kept[0]):
            yield Finding("VERDICT_RECORD_INVALID", _name(row), wrong)

    def _record(self, row: LearnwareRow, verdict: VerdictRow, kept: str) -> str:
        try:
            signed = SignedRecord.from_json(kept)
            signed.require_signature()
            if self._signer is not None:
                follow_rotations(signed.key, self._rotations, self._signer.key)
            record = VerdictRecord.from_text(signed.text)
        except DockError as error:
            return error.message
        signed_for = record.learnware_id, record.version, record.attempt, record.accepted, record.content_sha256
        made_for = row.learnware_id, row.version, verdict.attempt, verdict.accepted, row.content_sha256
        return "" if signed_for == made_for else "The record speaks of another verdict than the database."

    def _orphans(self, keys: set[str], growing: set[str]) -> Iterator[Finding]:
        for info in self._blobs.list():
            if info.key not in keys | growing:
                yield self._orphan("PACKAGE_ORPHAN", info)
        for info in self._blobs.list_unfinished():
            if info.key not in growing:
                yield self._orphan("UPLOAD_ORPHAN", info)

    def _orphan(self, kind: str, info: BlobInfo) -> Finding:
        old = info.age_s > 2 * self._grace_s  # a dock that ran would have swept it
        return Finding(kind, info.key, f"{info.size} bytes that nothing refers to; the sweeper removes them.", old)


def _rows(database: Database) -> Iterator[LearnwareRow]:
    revision = 0
    while True:
        with database.read() as session:
            rows = Learnwares().changed_since(session, revision, _PAGE)
        yield from rows
        if not rows:
            return
        revision = rows[-1].revision


def _name(row: LearnwareRow) -> str:
    return f"{row.learnware_id}:{row.version}"
