"""Looks over a dock: what the database speaks of must be there, whole, and vouched for."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dock_blob import BlobInfo
from dock_blob.file import FileBlobStore
from dock_checking.signer import KEY, Signer
from dock_db import Database, LearnwareRow, Learnwares, Specifications, State, Uploads, VerdictRow, Verdicts
from dock_db.consistency import breaches, versions
from dock_db.ownership import ownership
from dock_server.opened import OpenedDock
from learndock.errors import DockError, FailedPrecondition, NotFound
from learndock.provenance import SignedRecord, VerdictRecord, follow_rotations
from learndock.semantic import SemanticSpecification
from learndock.specification import read_specification

_PAGE = 500
_LOOKS = 5
Progress = Callable[[int, int], None]
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

    @property
    def mark(self) -> str:
        """The word before it."""
        return "wrong" if self.serious else "note "


class Inspection:
    """One look over a dock, which may run meanwhile: what changes while it is looked at is looked at again."""

    def __init__(self, dock: OpenedDock, *, keys: Path, grace_s: float, progress: Progress | None = None) -> None:
        self._dock = dock
        self._database = dock.database
        self._blobs = dock.blobs
        self._grace_s = grace_s
        self._keys = keys
        self._progress = progress
        # A signer makes the key that is missing; somebody who only looks must not.
        self._signer = Signer(keys) if (keys / KEY).is_file() else None
        self._rotations = self._signer.rotations() if self._signer else []
        self.versions = 0
        self.bytes = 0

    def findings(self) -> Iterator[Finding]:
        """Everything found, in the order of looking. SchemaStatus' errors where the database is another release's."""
        self._database.schema().require()
        yield from self._belonging()
        together = list(self._rows_together())
        yield from together
        yield from self._key_there()
        if any(each.kind == "STATE_UNKNOWN" for each in together):
            return  # rows that cannot be read one by one
        with self._database.read() as session:
            total, newest = versions(session), Learnwares().revision(session)
        for row in _rows(self._database, newest):
            self.versions += 1
            yield from self._still_so(row, self._version(row))
            if self._progress:
                self._progress(min(self.versions, total), total)
        yield from self._orphans()

    def quarantine(self, finding: Finding) -> str:
        """Move a damaged package out of the dock's sight; where it is now, "" where nothing is damaged.

        Nothing is moved in a store that belongs to another dock.
        """
        if finding.kind != "PACKAGE_DAMAGED" or list(self._belonging()):
            return ""
        if isinstance(self._blobs, FileBlobStore):
            return str(self._blobs.set_aside(finding.blob_key, self._dock.folder.root / "quarantine"))
        aside = f"quarantine/{finding.blob_key}"
        self._blobs.put(aside, self._blobs.read(finding.blob_key))
        self._blobs.delete(finding.blob_key)
        return aside

    def _belonging(self) -> Iterator[Finding]:
        try:
            ownership(self._database, self._blobs).refuse_others()
        except FailedPrecondition as error:
            yield Finding(error.reason, "the store", f"{error.message} {error.hint}")

    def _rows_together(self) -> Iterator[Finding]:
        for said in self._database.integrity():
            yield Finding("DATABASE_DAMAGED", "dock.db", said)
        with self._database.read() as session:
            for each in breaches(session):
                yield Finding(each.kind, each.what, each.detail, each.serious)

    def _key_there(self) -> Iterator[Finding]:
        if self._signer is None:
            # Separate services have it where checkers run, which need not be here.
            serious = self._dock.settings.embedded
            yield Finding("SIGNING_KEY_MISSING", KEY, "The dock would make another one; restore it first.", serious)

    def _version(self, row: LearnwareRow) -> Iterator[Finding]:
        if row.state is not State.DELETED:
            yield from self._package(row)
            yield from self._stored(row)
        yield from self._vouched(row)

    def _still_so(self, row: LearnwareRow, found: Iterator[Finding]) -> Iterator[Finding]:
        """What was found, unless the version went on meanwhile: then what is found of it as it is now."""
        for _ in range(_LOOKS):
            findings = list(found)
            if not findings:
                return
            with self._database.read() as session:
                current = Learnwares().get(session, row.learnware_id, row.version)
            if current.revision == row.revision:
                break
            row, found = current, self._version(current)
        yield from findings

    def _package(self, row: LearnwareRow) -> Iterator[Finding]:
        try:
            sha256, size = self._read(row.blob_key)
            wrong = sha256 != row.content_sha256
            passing = wrong and self._read(row.blob_key)[0] == row.content_sha256
        except NotFound:
            yield Finding("PACKAGE_MISSING", _name(row), f"There is no {row.blob_key}.")
            return
        except DockError as error:
            yield Finding("PACKAGE_UNREADABLE", _name(row), error.message)
            return
        self.bytes += size
        if passing:  # it must not be put in quarantine for that
            told = f"{row.blob_key} was read wrong, and then right: the store, or the way to it, is at fault."
            yield Finding("PACKAGE_UNREADABLE", _name(row), told)
        elif wrong:
            told = f"{row.blob_key} has {size} of {row.size_bytes} bytes, and not those that were accepted."
            yield Finding("PACKAGE_DAMAGED", _name(row), told, blob_key=row.blob_key)

    def _read(self, key: str) -> tuple[str, int]:
        hasher, size = hashlib.sha256(), 0
        for chunk in self._blobs.read(key):
            hasher.update(chunk)
            size += len(chunk)
        return hasher.hexdigest(), size

    def _stored(self, row: LearnwareRow) -> Iterator[Finding]:
        try:
            SemanticSpecification.from_json(row.semantic_json)
            with self._database.read() as session:
                stored = Specifications().get(session, row.learnware_id, row.version)
            if stored is not None and stored.payload:
                read_specification(stored.type, stored.payload)
        except (DockError, ValueError) as error:
            yield Finding("SPECIFICATION_UNREADABLE", _name(row), str(error))
            return
        if stored is None and row.state in _SEARCHED:
            yield Finding("SPECIFICATION_MISSING", _name(row), f"It is {row.state.value} without one.")

    def _vouched(self, row: LearnwareRow) -> Iterator[Finding]:
        with self._database.read() as session:
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

    def _orphans(self) -> Iterator[Finding]:
        # Listed before the references are read, and lists of rows grow while one looks: what is new is referenced.
        unfinished = list(self._blobs.list_unfinished())
        seen = list(self._blobs.list("packages/"))
        with self._database.read() as session:
            growing = Uploads().blob_keys(session)
            keys = Learnwares().blob_keys(session) | growing
        for info in seen:
            if info.key not in keys:
                yield self._orphan("PACKAGE_ORPHAN", info)
        for info in unfinished:
            if info.key not in growing:
                yield self._orphan("UPLOAD_ORPHAN", info)

    def _orphan(self, kind: str, info: BlobInfo) -> Finding:
        old = info.age_s > 2 * self._grace_s  # a dock that ran would have swept it
        return Finding(kind, info.key, f"{info.size} bytes that nothing refers to; the sweeper removes them.", old)


def _rows(database: Database, newest: int) -> Iterator[LearnwareRow]:
    """Each version once: what moved behind `newest` meanwhile comes at the end."""
    revision, seen = 0, set[tuple[str, int]]()
    while True:
        with database.read() as session:
            rows = Learnwares().changed_since(session, revision, _PAGE)
        for row in rows:
            if row.revision <= newest or (row.learnware_id, row.version) not in seen:
                seen.add((row.learnware_id, row.version))
                yield row
        if not rows:
            return
        revision = rows[-1].revision


def _name(row: LearnwareRow) -> str:
    return f"{row.learnware_id}:{row.version}"
