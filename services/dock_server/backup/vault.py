"""Where backups lie: `backups/NAME/…` for each, and `packages/ab/SHA-256` for all of them together."""

from __future__ import annotations

import gzip
import hashlib
import io
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from dock_blob import BlobStore
from dock_blob.file import FileBlobStore
from dock_blob.mark import BACKUPS, Mark, put_mark
from dock_blob.origin import Origin
from dock_server.backup.manifest import MANIFEST, Manifest, Part
from dock_server.settings import BackupSettings
from learndock.errors import FailedPrecondition, InvalidInput, NotFound

_TOP = "backups"
_CONTENT = "packages"
_CHUNK = 1 << 20
TO = "DOCK_BACKUP_TO"
"""The setting that names the place where no option does."""


class Vault:
    """A place for the backups of one dock: a folder, or a bucket of an object store."""

    def __init__(self, store: BlobStore, where: str) -> None:
        self.store = store
        self.where = where

    @classmethod
    def open(cls, place: str, *, make: bool = False, named_by: str = TO) -> Vault:
        """Open a folder, file:///folder or s3://host:port/bucket[/prefix]. NotFound BACKUP_NOT_FOUND unless `make`.

        `named_by` is what the user gave the place by, for errors. InvalidInput BACKUP_PLACE_UNKNOWN, FailedPrecondition
        BACKUP_PLACE_UNUSABLE, and what S3BlobStore.connect raises.
        """
        scheme = place.partition("://")[0] if "://" in place else ""
        if scheme == "s3":
            return cls(_bucket(place, named_by), _shown(place))
        if scheme not in ("", "file") or (scheme and urlsplit(place).netloc not in ("", "localhost")):
            raise InvalidInput(
                f"{named_by}: backups cannot lie at {scheme}://….",
                reason="BACKUP_PLACE_UNKNOWN",
                hint="Name a folder, as it is or as file:///folder, or s3://host:port/bucket/prefix.",
            )
        folder = Path(unquote(urlsplit(place).path)) if scheme else Path(place)
        if make:
            _make(folder, named_by)
        elif not (folder / "objects").is_dir():
            raise NotFound(f"There are no backups in {folder}.", reason="BACKUP_NOT_FOUND", hint="Name their folder.")
        return cls(FileBlobStore(folder.resolve(), alone=False), str(folder))

    def belong_to(self, dock_id: str) -> None:
        """Be this dock's alone from now on. FailedPrecondition BACKUPS_OF_ANOTHER_DOCK, BACKUPS_AMONG_PACKAGES.

        What is kept and what goes is decided for one dock: of two in one place each would drop the other's.
        """
        mark = put_mark(self.store, Mark(dock_id, BACKUPS))
        if mark.holds != BACKUPS:
            raise FailedPrecondition(
                f"{self.where} is where a dock has its packages.",
                reason="BACKUPS_AMONG_PACKAGES",
                hint="Name another place, on other disks.",
            )
        if mark.dock_id != dock_id:
            raise FailedPrecondition(
                f"{self.where} has the backups of the dock {mark.dock_id}; this one is {dock_id}.",
                reason="BACKUPS_OF_ANOTHER_DOCK",
                hint="Name a place of its own for each dock. A dock that was lost goes on with its place where it was "
                "restored with --same-dock.",
            )

    def tidy(self) -> None:
        """Drop what writers left that died. Call it only while nobody else writes here."""
        for info in list(self.store.list_unfinished()):
            self.store.abort(info.key)
        if isinstance(self.store, FileBlobStore):
            self.store.drop_asides()

    def manifests(self) -> list[Manifest]:
        """Every complete backup, the oldest first."""
        names = [name for name, complete in self.names().items() if complete]
        return [self.manifest(name) for name in names]

    def names(self) -> dict[str, bool]:
        """Every backup by name, the oldest first, and whether it is complete; a torn one has no manifest."""
        found: dict[str, bool] = {}
        for info in self.store.list(f"{_TOP}/"):
            _, name, file = info.key.split("/", 2)
            found[name] = found.get(name, False) or file == MANIFEST
        return found

    def manifest(self, name: str = "") -> Manifest:
        """The manifest of one backup, of the newest for "". NotFound BACKUP_NOT_FOUND, InvalidInput BACKUP_DAMAGED."""
        complete = [each for each, whole in self.names().items() if whole]
        if not complete or (name and name not in complete):
            raise NotFound(
                f"There is no complete backup {name or 'at all'} in {self.where}.",
                reason="BACKUP_NOT_FOUND",
                hint="`dock backup --list` shows those that are there; a torn one is of no use.",
            )
        chunks = self.store.read(f"{_TOP}/{name or complete[-1]}/{MANIFEST}")
        return Manifest.from_json(b"".join(chunks).decode(errors="replace"))

    def put(self, name: str, file: str, source: IO[bytes]) -> Part:
        """Store a file of a backup from where `source` begins."""
        hasher = hashlib.sha256()
        size = self.store.put(f"{_TOP}/{name}/{file}", _hashed(_pieces(source), hasher.update))
        return Part(hasher.hexdigest(), size)

    def seal(self, manifest: Manifest) -> None:
        """Make a backup complete, once everything that it speaks of is stored."""
        self.put(manifest.name, MANIFEST, io.BytesIO(manifest.to_json().encode()))

    @contextmanager
    def lines(self, manifest: Manifest, file: str) -> Iterator[Iterator[str]]:
        """The lines of a file that its digest vouches for. InvalidInput BACKUP_DAMAGED, before any is given."""
        with tempfile.TemporaryFile() as spool:
            self.fetch(manifest, file, spool)
            spool.seek(0)
            with gzip.open(spool, "rt", encoding="utf-8") as text:
                yield iter(text)

    def fetch(self, manifest: Manifest, file: str, target: IO[bytes]) -> None:
        """Copy a file of a backup. InvalidInput BACKUP_DAMAGED where it is not the one that was stored."""
        part, hasher = manifest.parts[file], hashlib.sha256()
        try:
            for chunk in _hashed(self.store.read(f"{_TOP}/{manifest.name}/{file}"), hasher.update):
                target.write(chunk)
        except NotFound:
            raise damaged(manifest.name, f"{file} is missing") from None
        if hasher.hexdigest() != part.sha256:
            raise damaged(manifest.name, f"{file} is not what was stored")

    def has_package(self, sha256: str, size: int) -> bool:
        """Whether a package is here already; what it is worth says `dock backup --verify`."""
        try:
            return self.store.stat(content_key(sha256)).size == size
        except NotFound:
            return False

    def drop(self, name: str) -> None:
        """Remove a backup, first what makes it complete."""
        self.store.delete(f"{_TOP}/{name}/{MANIFEST}")
        for info in list(self.store.list(f"{_TOP}/{name}/")):
            self.store.delete(info.key)

    def contents(self) -> Iterator[str]:
        """The SHA-256 of every package here."""
        for info in self.store.list(f"{_CONTENT}/"):
            yield info.key.rpartition("/")[2]


def content_key(sha256: str) -> str:
    """Where a package lies, whatever it is named in the dock."""
    return f"{_CONTENT}/{sha256[:2]}/{sha256}"


def damaged(name: str, why: str) -> InvalidInput:
    """A backup that is not what it says."""
    return InvalidInput(
        f"The backup {name} is damaged: {why}.",
        reason="BACKUP_DAMAGED",
        hint="`dock backup --list` shows others; `dock backup --verify` says which are whole.",
    )


def _pieces(source: IO[bytes]) -> Iterator[bytes]:
    while chunk := source.read(_CHUNK):
        yield chunk


def _hashed(chunks: Iterator[bytes], update: Callable[[bytes], object]) -> Iterator[bytes]:
    for chunk in chunks:
        update(chunk)
        yield chunk


def _make(folder: Path, named_by: str) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise FailedPrecondition(
            f"The folder for backups {folder} cannot be made: {error.strerror}.",
            reason="BACKUP_PLACE_UNUSABLE",
            hint=f"Let {named_by} name a folder that this user may write to.",
        ) from None


def _bucket(place: str, named_by: str) -> BlobStore:
    from dock_blob.s3 import S3BlobStore  # noqa: PLC0415 - a dock on a laptop has no use for it
    from dock_blob.settings import BlobSettings  # noqa: PLC0415

    own, usual, parts = BackupSettings(), BlobSettings(), urlsplit(place)
    chosen = {"wait_s": 0.0}
    if own.access_key.get_secret_value():
        keys = {"access_key": own.access_key, "secret_key": own.secret_key}
    elif parts.username:
        keys = {
            "access_key": SecretStr(unquote(parts.username)),
            "secret_key": SecretStr(unquote(parts.password or "")),
        }
    else:
        keys = {}
    origin = Origin(
        url=named_by,
        keys="DOCK_BACKUP_ACCESS_KEY and DOCK_BACKUP_SECRET_KEY",
        instead=f"let {named_by} name another",
    )
    return S3BlobStore.connect(place, usual.model_copy(update={**chosen, **keys}), origin)


def _shown(place: str) -> str:
    parts = urlsplit(place)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
