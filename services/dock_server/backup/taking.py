"""Takes a backup: rows first, packages second, so that no row refers to a package that is not there; manifest last."""

from __future__ import annotations

import gzip
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import IO

from sqlalchemy.orm import Session

from dock_blob import BlobStore
from dock_db import Database, Identity, Learnwares, holds, rowcopy, schema
from dock_db.ownership import ownership
from dock_server.backup.manifest import KEYS, PACKAGES, ROWS, Manifest, Part, name_at
from dock_server.backup.packages import entry, whole
from dock_server.backup.retention import forget
from dock_server.backup.vault import Vault, content_key
from learndock.errors import InvalidInput, NotFound

RENEW_S = 20.0
Progress = Callable[[int, int], None]
"""Told how many packages are done, and of how many."""


@dataclass(frozen=True)
class Taken:
    """A backup that was made, and how many packages of it were not there from an earlier one."""

    manifest: Manifest
    copied: int
    copied_bytes: int
    forgotten: list[str]


class BackupTaker:
    """Backs up one dock, which may run meanwhile. One at a time: another is FailedPrecondition HELD_BY_ANOTHER."""

    def __init__(self, database: Database, blobs: BlobStore, *, tenant: str) -> None:
        self._database = database
        self._blobs = blobs
        self._tenant = tenant
        self._hold = holds.Hold(database, holds.BACKUP)
        self._renewed = 0.0

    def take(
        self,
        vault: Vault,
        *,
        keep: int = 0,
        keys: Path | None = None,
        progress: Progress | None = None,
    ) -> Taken:
        """Make a backup in `vault`, and then forget all but the newest `keep` complete ones; 0 keeps all.

        Packages are copied where they are not there yet, each compared with its digest. What the dock itself has lost
        is in the manifest's `missing`. `keys` is the folder of the signing key, where that is wanted.
        FailedPrecondition STORE_OF_ANOTHER_DOCK, BACKUPS_OF_ANOTHER_DOCK, BACKUPS_AMONG_PACKAGES.
        """
        self._hold.take()  # before the rows are read: from now on nothing that they refer to is swept
        self._renewed = time.monotonic()
        try:
            vault.belong_to(self._own_id())
            vault.tidy()
            with tempfile.TemporaryFile() as rows, tempfile.TemporaryFile() as packages:
                manifest = self._read_rows(rows, packages)
                parts = {
                    ROWS: vault.put(manifest.name, ROWS, rows),
                    PACKAGES: vault.put(manifest.name, PACKAGES, packages),
                }
                if keys is not None:
                    parts[KEYS] = _put_keys(vault, manifest.name, keys)
                copying = _Copying(self._blobs, vault, self._renew)
                copying.copy(_entries(packages), manifest.packages, progress)
            sealed = Manifest(**{**vars(manifest), "parts": parts, "missing": copying.missing})
            self._hold.renew()  # who stood still for so long that another began may have lost its files to that one
            vault.seal(sealed)
            self._database.insist(lambda session: Identity().backed_up(session, sealed.made_at))
            forgotten = forget(vault, keep, heartbeat=self._renew) if keep else []
            return Taken(sealed, copying.copied, copying.copied_bytes, forgotten)
        finally:
            self._hold.release()

    def _own_id(self) -> str:
        found = ownership(self._database, self._blobs)
        found.refuse_others()
        return found.dock_id

    def _read_rows(self, rows: IO[bytes], packages: IO[bytes]) -> Manifest:
        with self._database.read() as session:
            made_at, revision = rowcopy.moment(session), Learnwares().revision(session)
            dock_id = Identity().get(session)
            found = schema.status(session)  # of the rows: it may be migrated at any moment
            with gzip.GzipFile(fileobj=rows, mode="wb", mtime=0) as packed:
                counts = rowcopy.dump(session, lambda line: self._write(packed, line))
            count, size = self._list(session, packages)
        for spool in (rows, packages):
            spool.seek(0)
        return Manifest(
            name=name_at(made_at, revision),
            made_at=made_at,
            release=version("learndock"),
            schema=found.version,
            tenant=self._tenant,
            revision=revision,
            rows=dict(counts),
            parts={},
            packages=count,
            package_bytes=size,
            dock_id=dock_id,
        )

    def _list(self, session: Session, target: IO[bytes]) -> tuple[int, int]:
        count = total = 0
        with gzip.GzipFile(fileobj=target, mode="wb", mtime=0) as packed:
            for key, sha256, size in rowcopy.packages(session):
                self._write(packed, json.dumps({"key": key, "sha256": sha256, "size": size}) + "\n")
                count, total = count + 1, total + size
        return count, total

    def _write(self, target: gzip.GzipFile, line: str) -> None:
        target.write(line.encode())
        self._renew()

    def _renew(self) -> None:
        if time.monotonic() - self._renewed > RENEW_S:
            self._hold.renew()
            self._renewed = time.monotonic()


@dataclass
class _Copying:
    blobs: BlobStore
    vault: Vault
    heartbeat: Callable[[], None]

    def __post_init__(self) -> None:
        self.missing: list[str] = []
        self.copied = self.copied_bytes = 0

    def copy(self, entries: Iterator[tuple[str, str, int]], total: int, progress: Progress | None) -> None:
        for done, (key, sha256, size) in enumerate(entries, 1):
            if not self.vault.has_package(sha256, size):
                self._copy(key, sha256, size)
            self.heartbeat()
            if progress:
                progress(done, total)

    def _copy(self, key: str, sha256: str, size: int) -> None:
        try:
            self.vault.store.put(content_key(sha256), whole(self._read(key), sha256))
        except NotFound:
            self.missing.append(key)
        except InvalidInput as error:
            if error.reason != "PACKAGE_NOT_AS_ACCEPTED":
                raise
            self.missing.append(key)
        else:
            self.copied, self.copied_bytes = self.copied + 1, self.copied_bytes + size

    def _read(self, key: str) -> Iterator[bytes]:
        for chunk in self.blobs.read(key):
            self.heartbeat()
            yield chunk


def _entries(packages: IO[bytes]) -> Iterator[tuple[str, str, int]]:
    packages.seek(0)
    with gzip.open(packages, "rt", encoding="utf-8") as lines:
        yield from map(entry, lines)


def _put_keys(vault: Vault, name: str, folder: Path) -> Part:
    if not folder.is_dir():
        raise NotFound(
            f"There is no key in {folder}.", reason="DOCK_KEY_NOT_FOUND", hint="Name its folder with --keys."
        )
    files = {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.iterdir()) if path.is_file()}
    with tempfile.TemporaryFile() as spool:
        spool.write(json.dumps(files).encode())
        spool.seek(0)
        return vault.put(name, KEYS, spool)
