"""Reads a backup as a restore would, and says what of it is damaged."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass

from dock_server.backup.manifest import KEYS, PACKAGES, ROWS, Manifest
from dock_server.backup.packages import entry
from dock_server.backup.taking import Progress
from dock_server.backup.vault import Vault, content_key
from learndock.errors import DockError, NotFound


@dataclass(frozen=True)
class Flaw:
    """Something of a backup that is damaged or missing."""

    kind: str
    what: str
    detail: str


def verify(vault: Vault, manifest: Manifest, progress: Progress | None = None) -> Iterator[Flaw]:
    """Every flaw of one backup; each byte of it is read."""
    for key in manifest.missing:
        yield Flaw("PACKAGE_NOT_BACKED_UP", key, "The dock had lost it when the backup was made.")
    yield from _rows(vault, manifest)
    if manifest.has_keys:
        yield from _keys(vault, manifest)
    try:
        with vault.lines(manifest, PACKAGES) as lines:
            yield from _packages(vault, manifest, lines, progress)
    except DockError as error:
        yield Flaw(error.reason, PACKAGES, error.message)


def _rows(vault: Vault, manifest: Manifest) -> Iterator[Flaw]:
    expected = sum(manifest.rows.values())
    try:
        with vault.lines(manifest, ROWS) as lines:
            rows = sum(isinstance(json.loads(line), list) for line in lines)
    except (DockError, ValueError, OSError, EOFError) as error:
        yield Flaw("BACKUP_DAMAGED", ROWS, str(error))
        return
    if rows != expected:
        yield Flaw("BACKUP_DAMAGED", ROWS, f"It has {rows} rows of {expected}.")


def _keys(vault: Vault, manifest: Manifest) -> Iterator[Flaw]:
    try:
        vault.fetch(manifest, KEYS, io.BytesIO())
    except DockError as error:
        yield Flaw("BACKUP_DAMAGED", KEYS, error.message)


def _packages(vault: Vault, manifest: Manifest, lines: Iterator[str], progress: Progress | None) -> Iterator[Flaw]:
    count = 0
    for line in lines:
        count += 1
        key, sha256, size = entry(line)
        if key not in manifest.missing and (wrong := _package(vault, sha256, size)):
            yield wrong
        if progress:
            progress(count, manifest.packages)
    if count != manifest.packages:
        yield Flaw("BACKUP_DAMAGED", PACKAGES, f"It names {count} packages of {manifest.packages}.")


def _package(vault: Vault, sha256: str, size: int) -> Flaw | None:
    hasher, length = hashlib.sha256(), 0
    try:
        for chunk in vault.store.read(content_key(sha256)):
            hasher.update(chunk)
            length += len(chunk)
    except NotFound:
        return Flaw("PACKAGE_MISSING", sha256, "It is not there.")
    except DockError as error:
        return Flaw("PACKAGE_UNREADABLE", sha256, error.message)
    if hasher.hexdigest() == sha256:
        return None
    return Flaw("PACKAGE_DAMAGED", sha256, f"It has {length} of {size} bytes, and not those that were stored.")
