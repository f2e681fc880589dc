"""Fills an empty dock from a backup: packages first, then all rows in one transaction, so it is there or is not."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dock_blob import BlobStore
from dock_db import Database, Identity, rowcopy
from dock_server.backup.manifest import KEYS, PACKAGES, ROWS, Manifest
from dock_server.backup.packages import entry, whole
from dock_server.backup.place import settle
from dock_server.backup.taking import Progress
from dock_server.backup.vault import Vault, content_key, damaged
from learndock.errors import InvalidInput, NotFound

_DRAFT = ".restoring"


@dataclass(frozen=True)
class Restored:
    """What came back: which dock, rows by table, packages that were copied now, and whether the signing key was."""

    manifest: Manifest
    dock_id: str
    rows: Mapping[str, int]
    copied: int
    keys: bool


def restore(
    vault: Vault,
    manifest: Manifest,
    database: Database,
    blobs: BlobStore,
    *,
    keys: Path,
    skip_ids: int = 0,
    same_dock: bool = False,
    progress: Progress | None = None,
) -> Restored:
    """Restore a backup into an empty dock that nobody runs. Torn in the middle, the dock is still empty: do it again.

    It becomes a dock of its own; with `same_dock` it is the one that was backed up, and its store may be the one that
    it had. `keys` is the folder that the signing key comes into, where the backup has it and there is none yet.
    FailedPrecondition DOCK_NOT_EMPTY, SCHEMA_TOO_NEW, STORE_NOT_EMPTY, STORE_OF_ANOTHER_DOCK, STORE_HOLDS_BACKUPS;
    InvalidInput BACKUP_DAMAGED.
    """
    with database.read() as session:
        rowcopy.require_known(session, manifest.schema)
        rowcopy.require_empty(session)
    with vault.lines(manifest, ROWS):
        pass  # better said before an hour of copying
    dock_id = settle(manifest, database, blobs, same_dock=same_dock)
    copied = _copy(vault, manifest, blobs, progress)
    has_keys = manifest.has_keys and _restore_keys(vault, manifest, keys)
    with vault.lines(manifest, ROWS) as lines, database.transaction() as session:
        rows = rowcopy.load(session, lines, version=manifest.schema, skip_ids=skip_ids)
        if rows != manifest.rows:
            raise damaged(manifest.name, "it has not as many rows as it says")
        if same_dock:
            Identity().backed_up(session, manifest.made_at)
    return Restored(manifest, dock_id, rows, copied, has_keys)


def _copy(vault: Vault, manifest: Manifest, blobs: BlobStore, progress: Progress | None) -> int:
    lost, copied = set(manifest.missing), 0
    with vault.lines(manifest, PACKAGES) as lines:
        for done, (key, sha256, size) in enumerate(map(entry, lines), 1):
            if key not in lost and not _has(blobs, key, size):
                _copy_one(vault, manifest, blobs, (key, sha256))
                copied += 1
            if progress:
                progress(done, manifest.packages)
    return copied


def _copy_one(vault: Vault, manifest: Manifest, blobs: BlobStore, package: tuple[str, str]) -> None:
    key, sha256 = package
    try:
        blobs.put(key, whole(vault.store.read(content_key(sha256)), sha256))
    except NotFound:
        raise damaged(manifest.name, f"the package {sha256} is missing") from None
    except InvalidInput as error:
        if error.reason != "PACKAGE_NOT_AS_ACCEPTED":
            raise
        raise damaged(manifest.name, f"the package {sha256} is not what was stored") from None


def _has(blobs: BlobStore, key: str, size: int) -> bool:
    try:
        return blobs.stat(key).size == size  # its bytes are compared by the fsck that follows
    except NotFound:
        return False


def _restore_keys(vault: Vault, manifest: Manifest, folder: Path) -> bool:
    target = io.BytesIO()
    vault.fetch(manifest, KEYS, target)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    wanted = {folder / Path(name).name: str(text) for name, text in json.loads(target.getvalue()).items()}
    present = [path for path in folder.iterdir() if not path.name.endswith(_DRAFT)]
    if any(path not in wanted or path.read_bytes() != wanted[path].encode() for path in present):
        return False
    for path, text in wanted.items():  # those that a torn restore brought are the same again
        _write_secret(path, text)
    return True


def _write_secret(path: Path, text: str) -> None:
    draft = path.with_name(path.name + _DRAFT)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
