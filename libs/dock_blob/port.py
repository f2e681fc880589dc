"""The port: what the dock asks of a store of bytes. Adapters: file, S3."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol


@dataclass(frozen=True)
class BlobInfo:
    """A stored object: its key, size in bytes and age in seconds by the store's clock."""

    key: str
    size: int
    age_s: float


@dataclass(frozen=True)
class Whole:
    """What an upload is to be once it is complete: size in bytes and SHA-256 in hexadecimal."""

    size: int
    sha256: str


class BlobStore(Protocol):
    """Objects under slash-separated keys, and uploads that grow part by part until completed.

    A missing key raises NotFound (reason BLOB_NOT_FOUND); a full store Overloaded (STORAGE_FULL); a malformed
    key InvalidInput (BLOB_KEY_INVALID). What returned has reached stable storage.
    """

    def put(self, key: str, chunks: Iterable[bytes]) -> int:
        """Store an object whole or not at all; return its size."""
        ...

    def append(self, key: str, offset: int, chunks: Iterable[bytes], whole: Whole | None = None) -> int:
        """Add what comes at `offset` of the unfinished upload of `key`; return the persisted size.

        Bytes that are there already are skipped; a gap is InvalidInput (UPLOAD_OFFSET_GAP). Memory does not grow
        with what comes. Where `chunks` raises, what came before is persisted first. `whole` is the same for every
        call for a key, and spares a store work; it is not checked here.
        """
        ...

    def append_part(self, key: str, offset: int, data: bytes) -> int:
        """`append` of one chunk."""
        ...

    def persisted_bytes(self, key: str) -> int:
        """Bytes of the unfinished upload of `key` that will survive a crash; 0 where there is none."""
        ...

    def complete(self, key: str, whole: Whole | None = None) -> BlobInfo:
        """Turn the unfinished upload into the object. Idempotent. `whole` is checked where that costs nothing."""
        ...

    def abort(self, key: str) -> None:
        """Drop the unfinished upload, if there is one."""
        ...

    def open(self, key: str) -> BinaryIO:
        """A seekable reader of the object."""
        ...

    def read(self, key: str, offset: int = 0, chunk_bytes: int = 1 << 20) -> Iterator[bytes]:
        """The object's bytes from `offset` on. Raises rather than end early."""
        ...

    def stat(self, key: str) -> BlobInfo:
        """Size and age of an object."""
        ...

    def delete(self, key: str) -> None:
        """Remove an object; a missing one is fine."""
        ...

    def list(self, prefix: str = "") -> Iterator[BlobInfo]:
        """Every object below a prefix, in the order of keys."""
        ...

    def list_unfinished(self) -> Iterator[BlobInfo]:
        """Every unfinished upload, for the sweeper; its age counts from the last thing that came."""
        ...
