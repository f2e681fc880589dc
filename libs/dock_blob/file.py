"""Blobs as files in a folder: written aside, synced, renamed, the folder synced."""

from __future__ import annotations

import errno
import filecmp
import os
import time
import uuid
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from dock_blob.key import check_key, check_range, exists, gap, missing
from dock_blob.lock import Lock
from dock_blob.port import BlobInfo, Whole
from dock_failpoint import failpoint
from learndock.errors import FailedPrecondition, Overloaded, Unavailable

_END = "~"  # behind a file's name; no key has it, so that "a" and "a/b" can both be objects
_STRIPES = 64
_SYNCED_BYTES = 8 << 20


class FileBlobStore:
    """BlobStore in a folder that this process holds alone; without `alone` another may write there meanwhile.

    `objects/` has what is complete, `unfinished/` the uploads under way, `aside/` what is being written, and `locks/`
    files that those who share the folder lock.
    Failures of the disk: Overloaded STORAGE_FULL, FailedPrecondition STORAGE_READ_ONLY, Unavailable STORAGE_FAILED.
    """

    def __init__(self, root: Path, *, alone: bool = True) -> None:
        self._objects = root / "objects"
        self._unfinished = root / "unfinished"
        self._aside = root / "aside"
        locks = None if alone else root / "locks"
        self._names = Lock(locks and locks / "names")  # held while names appear, move or vanish
        self._stripes = [Lock(locks and locks / f"{number:02}") for number in range(_STRIPES)]
        with _typed():
            for folder in (self._objects, self._unfinished, self._aside, *([locks] if locks else [])):
                folder.mkdir(parents=True, exist_ok=True)
            if alone:
                self.drop_asides()
            _sync_folder(root)

    def put(self, key: str, chunks: Iterable[bytes]) -> int:
        """Store an object whole or not at all; return its size. AlreadyExists BLOB_EXISTS for other content."""
        final = self._path(self._objects, key)
        aside = self._aside / uuid.uuid4().hex
        try:
            with _typed():
                size = _write_synced(aside, chunks)
                failpoint("blob.put.before_rename")
                self._publish(aside, final, key)
                failpoint("blob.put.after_rename")
        finally:
            aside.unlink(missing_ok=True)
        return size

    def append(self, key: str, offset: int, chunks: Iterable[bytes], whole: Whole | None = None) -> int:  # noqa: ARG002
        """Add what comes at `offset`, synced every 8 MiB and at the end; return the persisted size."""
        persisted = None
        for data in _gathered(chunks, _SYNCED_BYTES):
            persisted = self.append_part(key, offset, data)
            offset += len(data)
        return self.append_part(key, offset, b"") if persisted is None else persisted

    def append_part(self, key: str, offset: int, data: bytes) -> int:
        """Add a part at `offset` of the unfinished upload of `key`; return the persisted size.

        What overlaps persisted bytes is skipped. InvalidInput UPLOAD_OFFSET_GAP behind their end.
        """
        path = self._path(self._unfinished, key)
        with _typed(), self._key_lock(key):
            completed = _size(self._path(self._objects, key))
            if completed is not None and _size(path) is None:
                return _size_after_completion(key, completed, offset, data)
            persisted = _size(path) or 0
            if not 0 <= offset <= persisted:
                raise gap(key, offset, persisted)
            fresh = memoryview(data)[persisted - offset :]
            if fresh:
                self._append_synced(path, persisted, fresh)
                failpoint("blob.append.after_fsync")
            return persisted + len(fresh)

    def persisted_bytes(self, key: str) -> int:
        """Bytes of the unfinished upload of `key`; 0 where there is none."""
        with _typed():
            return _size(self._path(self._unfinished, key)) or 0

    def complete(self, key: str, whole: Whole | None = None) -> BlobInfo:  # noqa: ARG002
        """Turn the unfinished upload into the object. Idempotent; AlreadyExists BLOB_EXISTS for other content."""
        path, final = self._path(self._unfinished, key), self._path(self._objects, key)
        with _typed(), self._key_lock(key):
            if _size(path) is not None:
                _sync_file(path)
                failpoint("blob.complete.before_rename")
                self._publish(path, final, key)
                failpoint("blob.complete.after_rename")
                self._remove(path, self._unfinished)
            elif _size(final) is not None:
                _sync_folder(final.parent)  # whoever brought it there may have died before that
        return self.stat(key)

    def abort(self, key: str) -> None:
        """Drop the unfinished upload, if there is one."""
        with _typed(), self._key_lock(key):
            self._remove(self._path(self._unfinished, key), self._unfinished)

    def open(self, key: str) -> BinaryIO:
        """A seekable reader of the object."""
        path = self._path(self._objects, key)
        with _typed():
            try:
                return path.open("rb")
            except (FileNotFoundError, NotADirectoryError):
                raise missing(key) from None

    def read(self, key: str, offset: int = 0, chunk_bytes: int = 1 << 20) -> Iterator[bytes]:
        """The object's bytes from `offset` on."""
        check_range(offset, chunk_bytes)
        self.stat(key)
        return self._chunks(key, offset, chunk_bytes)

    def stat(self, key: str) -> BlobInfo:
        """Size and age of an object."""
        with _typed():
            try:
                found = self._path(self._objects, key).stat()
            except (FileNotFoundError, NotADirectoryError):
                raise missing(key) from None
        return BlobInfo(key, found.st_size, max(0.0, time.time() - found.st_mtime))

    def delete(self, key: str) -> None:
        """Remove an object; a missing one is fine."""
        with _typed(), self._key_lock(key):
            failpoint("blob.delete.before")
            self._remove(self._path(self._objects, key), self._objects)
            failpoint("blob.delete.after")

    def list(self, prefix: str = "") -> Iterator[BlobInfo]:
        """Every object below a prefix, in the order of keys."""
        return _walk(self._objects, prefix)

    def list_unfinished(self) -> Iterator[BlobInfo]:
        """Every unfinished upload; its age counts from its last part."""
        return _walk(self._unfinished, "")

    def drop_asides(self) -> None:
        """Remove what writers that died had not finished. Call it only while nobody else writes here."""
        with _typed():
            for left_over in self._aside.iterdir():
                left_over.unlink(missing_ok=True)

    def set_aside(self, key: str, folder: Path) -> Path:
        """Move an object out of the store into `folder`, which must be on the same disk; where it is now."""
        path = self._path(self._objects, key)
        target = folder.joinpath(*key.split("/"))
        with _typed(), self._key_lock(key), self._names:
            target.parent.mkdir(parents=True, exist_ok=True)
            path.rename(target)
            _sync_folder(target.parent)
            _sync_folder(path.parent)
        return target

    def _chunks(self, key: str, offset: int, chunk_bytes: int) -> Iterator[bytes]:
        with self.open(key) as reader:
            reader.seek(offset)
            while True:
                with _typed():
                    chunk = reader.read(chunk_bytes)
                if not chunk:
                    return
                yield chunk

    def _publish(self, source: Path, final: Path, key: str) -> None:
        with self._names:
            if final.exists():
                if not filecmp.cmp(source, final, shallow=False):
                    raise exists(key)
                _sync_folder(final.parent)  # whoever brought it there may have died before that
                return
            _make_folders(final.parent, self._objects)
            source.rename(final)
            failpoint("blob.publish.before_sync")
            _sync_folder(final.parent)
            _sync_folder(source.parent)

    def _append_synced(self, path: Path, size: int, data: memoryview) -> None:
        if size == 0:
            with self._names:
                _make_folders(path.parent, self._unfinished)
                path.touch()
                _sync_folder(path.parent)
        with path.open("r+b", buffering=0) as writer:
            try:
                _write_at(writer.fileno(), size, data)
                failpoint("blob.append.before_fsync")
                os.fsync(writer.fileno())
            except OSError:
                os.ftruncate(writer.fileno(), size)  # no half part may count as persisted
                raise

    def _remove(self, path: Path, top: Path) -> None:
        with self._names:
            try:
                path.unlink()
                _sync_folder(path.parent)
            except (FileNotFoundError, NotADirectoryError):
                pass
            for folder in path.parents:
                if folder == top or not _rmdir(folder):
                    return

    def _path(self, top: Path, key: str) -> Path:
        segments = check_key(key)
        return top.joinpath(*segments[:-1], segments[-1] + _END)

    def _key_lock(self, key: str) -> Lock:
        return self._stripes[zlib.crc32(key.encode(errors="replace")) % _STRIPES]


@contextmanager
def _typed() -> Iterator[None]:
    """Turn what the operating system says into the errors of the port."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise Overloaded(
                "The disk of the blob store is full.",
                reason="STORAGE_FULL",
                hint="Make room; everything goes on by itself.",
                retry_after_s=30.0,
            ) from error
        if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
            raise FailedPrecondition(
                "The blob store's folder cannot be written to.",
                reason="STORAGE_READ_ONLY",
                hint="Make the folder and everything in it writable for this user.",
            ) from error
        raise Unavailable(
            f"The blob store's disk failed: {error.strerror}.", reason="STORAGE_FAILED", retry_after_s=1.0
        ) from error


def _gathered(chunks: Iterable[bytes], size: int) -> Iterator[bytes]:
    """Chunks joined to `size` bytes or a little more; what came before an error is given before it is raised."""
    held: list[bytes] = []
    try:
        for chunk in chunks:
            held.append(chunk)
            if sum(map(len, held)) >= size:
                yield b"".join(held)
                held = []
    except Exception:
        if held:
            yield b"".join(held)
        raise
    if held:
        yield b"".join(held)


def _write_synced(path: Path, chunks: Iterable[bytes]) -> int:
    with path.open("xb") as writer:
        for chunk in chunks:
            writer.write(chunk)
        writer.flush()
        os.fsync(writer.fileno())
        return writer.tell()


def _write_at(descriptor: int, offset: int, data: memoryview) -> None:
    while data:
        written = os.pwrite(descriptor, data, offset)
        data, offset = data[written:], offset + written


def _make_folders(folder: Path, top: Path) -> None:
    """Make a folder with its parents below `top`, each synced into its own parent."""
    if folder == top or folder.is_dir():
        return
    _make_folders(folder.parent, top)
    folder.mkdir(exist_ok=True)
    _sync_folder(folder.parent)


def _sync_file(path: Path) -> None:
    with path.open("rb") as reader:
        os.fsync(reader.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _rmdir(folder: Path) -> bool:
    try:
        folder.rmdir()
    except OSError:
        return False
    return True


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except (FileNotFoundError, NotADirectoryError):
        return None


def _walk(top: Path, prefix: str) -> Iterator[BlobInfo]:
    with _typed():
        paths = [Path(folder, name) for folder, _, names in os.walk(top) for name in names if name.endswith(_END)]
    keys = sorted((path.relative_to(top).as_posix().removesuffix(_END), path) for path in paths)
    for key, path in keys:
        if key.startswith(prefix):
            try:
                found = path.stat()
            except FileNotFoundError:
                continue
            yield BlobInfo(key, found.st_size, max(0.0, time.time() - found.st_mtime))


def _size_after_completion(key: str, size: int, offset: int, data: bytes) -> int:
    if offset >= 0 and offset + len(data) <= size:
        return size
    raise exists(key)
