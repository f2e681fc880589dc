"""Blobs in a bucket of any S3 server, by whole objects, ranges, lists and multipart uploads alone."""

from __future__ import annotations

import hashlib
import itertools
import logging
import ssl
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import BinaryIO

import urllib3
from minio import Minio

from dock_blob.address import Address
from dock_blob.bucket import Bucket, FoundPart
from dock_blob.growing import Growing, part_size, put_whole, read_segments
from dock_blob.growth import Growth, Names, find_growth
from dock_blob.key import check_key, check_range, exists, gap, missing
from dock_blob.origin import PACKAGES, Origin
from dock_blob.port import BlobInfo, Whole
from dock_blob.ranges import open_ranges, read_ranges
from dock_blob.settings import BlobSettings
from dock_blob.trouble import UploadGone
from dock_blob.way import Way
from dock_failpoint import failpoint
from learndock.errors import FailedPrecondition, InvalidInput, NotFound, Unavailable

_log = logging.getLogger(__name__)
_LOOK_AGAIN_S = 1.0


class S3BlobStore:
    """BlobStore in a bucket, by any number of processes at a time.

    Nothing is kept in memory between calls; docs/adr/0011-uploads-to-an-object-store.md says how uploads grow.
    Failures: Overloaded STORAGE_FULL, Unavailable STORAGE_DOWN, FailedPrecondition STORAGE_FORBIDDEN,
    STORAGE_TLS_FAILED, STORAGE_BUCKET_MISSING, STORAGE_CLOCK_SKEWED, STORAGE_REFUSED.
    """

    def __init__(self, bucket: Bucket, *, prefix: str = "", part_bytes: int = 8 << 20, threads: int = 8) -> None:
        self._bucket = bucket
        self._prefix = prefix
        self._part_bytes = part_bytes
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="blob-s3")
        self._way = Way(self._executor, threads)

    @classmethod
    def connect(cls, url: str, settings: BlobSettings | None = None, origin: Origin = PACKAGES) -> S3BlobStore:
        """Open the store a URL names, waiting for one that does not answer yet. Errors speak of its `origin`.

        InvalidInput BLOB_URL_INVALID, FailedPrecondition STORAGE_CREDENTIALS_MISSING, and what the class raises.
        """
        settings = settings or BlobSettings()
        address = Address.parse(url, settings, origin)
        client = Minio(
            address.endpoint,
            access_key=address.access_key,
            secret_key=address.secret_key,
            secure=address.secure,
            region=address.region,
            http_client=_pool(address, settings),
        )
        bucket = Bucket(client, address.bucket, where=str(address), origin=origin, tries=settings.tries)
        _await(bucket, str(address), settings)
        threads = max(2, settings.connections // 2)
        return cls(bucket, prefix=address.prefix, part_bytes=settings.part_bytes, threads=threads)

    def close(self) -> None:
        """Let go of the threads."""
        self._executor.shutdown()

    def put(self, key: str, chunks: Iterable[bytes]) -> int:
        """Store an object whole or not at all; return its size. AlreadyExists BLOB_EXISTS for other content.

        Two that put different content under one key at the same moment are not kept apart.
        """
        names = self._names(key)
        blocks = _joined(chunks, self._part_bytes)
        first = next(blocks, b"")
        if len(first) == self._part_bytes:
            return self._put_parts(key, names, itertools.chain([first], blocks))
        if self._bucket.find(names.target) is not None:
            self._compare(key, (hashlib.sha256(first).hexdigest(), len(first)))
        else:
            self._bucket.put(names.target, first)
        return len(first)

    def append(self, key: str, offset: int, chunks: Iterable[bytes], whole: Whole | None = None) -> int:
        """Add what comes at `offset`; return the persisted size.

        What is on the server is looked at first, so any replica can go on with it. Unavailable UPLOAD_INTERRUPTED where
        the upload was dropped meanwhile.
        """
        names = self._names(key)
        if whole and offset == 0 and 0 < whole.size <= self._part_bytes:
            held, chunks = _held(chunks, whole.size)
            if put_whole(self._bucket, names, held, whole):
                return whole.size
        growth = find_growth(self._bucket, names, part_size(self._part_bytes, whole))
        if not growth.upload and (found := self._bucket.find(names.target)) is not None:
            return _after_completion(key, found.size, offset + _count(chunks), offset)
        if not 0 <= offset <= growth.persisted:
            raise gap(key, offset, growth.persisted)
        if growth.persisted > growth.loose:  # its last part is there
            if offset + _count(chunks) > growth.persisted:
                raise gap(key, offset, growth.loose)
            return growth.persisted
        growing = Growing(self._bucket, self._way, names, growth, whole)
        try:
            return max(_feed(growing, offset, chunks), growth.persisted)
        except UploadGone:
            found = self._bucket.find(names.target)
            if found is not None:
                return _after_completion(key, found.size, growing.position, offset)
            raise _interrupted(key) from None

    def append_part(self, key: str, offset: int, data: bytes) -> int:
        """Add one chunk at `offset`; return the persisted size."""
        return self.append(key, offset, [data])

    def persisted_bytes(self, key: str) -> int:
        """Bytes of the unfinished upload of `key`; 0 where there is none."""
        return find_growth(self._bucket, self._names(key), self._part_bytes).persisted

    def complete(self, key: str, whole: Whole | None = None) -> BlobInfo:
        """Turn the unfinished upload into the object. Idempotent; an object that is there is never written again.

        InvalidInput UPLOAD_DIGEST_MISMATCH where a small upload is not `whole`.
        """
        names = self._names(key)
        found = self._bucket.find(names.target)
        if found is None:
            try:
                self._complete(key, names, whole)
            except (UploadGone, NotFound) as error:
                if self._bucket.find(names.target) is None:  # otherwise another replica completed it
                    raise missing(key) if isinstance(error, NotFound) else _interrupted(key) from None
        made = BlobInfo(key, found.size, found.age_s) if found else self.stat(key)
        self._clean(names)  # once the object is seen: until then it is all there is of it
        return made

    def abort(self, key: str) -> None:
        """Drop the unfinished upload, if there is one."""
        self._clean(self._names(key))

    def open(self, key: str) -> BinaryIO:
        """A seekable reader of the object, by ranges that grow while it is read on."""
        found = self.stat(key)
        return open_ranges(self._bucket, self._names(key).target, found.size)

    def read(self, key: str, offset: int = 0, chunk_bytes: int = 1 << 20) -> Iterator[bytes]:
        """The object's bytes from `offset` on; the next range comes while one is read."""
        check_range(offset, chunk_bytes)
        found = self.stat(key)
        return read_ranges(self._bucket, self._executor, self._names(key).target, (offset, found.size), chunk_bytes)

    def stat(self, key: str) -> BlobInfo:
        """Size and age of an object."""
        found = self._bucket.find(self._names(key).target)
        if found is None:
            raise missing(key)
        return BlobInfo(key, found.size, found.age_s)

    def delete(self, key: str) -> None:
        """Remove an object; a missing one is fine."""
        self._bucket.delete(self._names(key).target)
        failpoint("blob.bucket.delete.after")

    def list(self, prefix: str = "") -> Iterator[BlobInfo]:
        """Every object below a prefix, in the order of keys."""
        top = f"{self._prefix}objects/"
        for found in self._bucket.below(top + prefix):
            if found.name.endswith("!"):
                yield BlobInfo(found.name.removeprefix(top).removesuffix("!"), found.size, found.age_s)

    def list_unfinished(self) -> Iterator[BlobInfo]:
        """Every unfinished upload; its age counts from its last part."""
        top = f"{self._prefix}unfinished/"
        before = ""
        for found in self._bucket.below(top):
            key, end, _ = found.name.removeprefix(top).partition("!/")
            if end and key != before:
                before = key
                growth = find_growth(self._bucket, self._names(key), self._part_bytes)
                if growth.begun or growth.persisted or growth.covered:
                    yield BlobInfo(key, growth.persisted, growth.age_s)

    def _names(self, key: str) -> Names:
        check_key(key)
        return Names.of(self._prefix, key)

    def _complete(self, key: str, names: Names, whole: Whole | None) -> None:
        growth = find_growth(self._bucket, names, part_size(self._part_bytes, whole))
        if not growth.persisted:
            raise missing(key)
        if growth.final_parts:
            parts = self._with_rest(names, growth)
            failpoint("blob.bucket.complete.before")
            self._bucket.finish(names.target, growth.upload, parts)
        else:
            data = read_segments(self._bucket, growth.segments, 0, growth.persisted)
            _check(key, data, whole)
            failpoint("blob.bucket.complete.before_put")
            self._bucket.put(names.target, data)
        failpoint("blob.bucket.complete.after")

    def _put_parts(self, key: str, names: Names, blocks: Iterable[bytes]) -> int:
        hasher, parts = hashlib.sha256(), list[FoundPart]()
        self._bucket.put(names.begun, b"")
        upload = self._bucket.begin(names.target)
        try:
            for data in blocks:
                hasher.update(data)
                parts.append(self._bucket.put_part(names.target, upload, len(parts) + 1, data))
            size = sum(part.size for part in parts)
            if self._bucket.find(names.target) is None:
                self._bucket.finish(names.target, upload, parts)
            else:
                self._compare(key, (hasher.hexdigest(), size))
        finally:
            self._bucket.drop(names.target, upload)
            self._bucket.delete(names.begun)
        return size

    def _with_rest(self, names: Names, growth: Growth) -> Sequence[FoundPart]:
        """The parts that make the object; what is in segments still becomes the last one."""
        parts = growth.final_parts
        if growth.loose == growth.persisted > growth.solid:
            rest = read_segments(self._bucket, growth.segments, growth.solid, growth.persisted)
            parts = [*parts, self._bucket.put_part(names.target, growth.upload, len(parts) + 1, rest)]
        return parts

    def _clean(self, names: Names) -> None:
        """Drop all that is unfinished, last what says that there is something."""
        found = [each.name for each in self._bucket.below(names.unfinished)]
        if names.begun in found:
            for upload in self._bucket.uploads(names.target):
                self._bucket.drop(names.target, upload)
                failpoint("blob.bucket.abort.after_upload")
        for name in sorted(found, key=lambda name: name == names.begun):
            self._bucket.delete(name)

    def _compare(self, key: str, content: tuple[str, int]) -> None:
        hasher, size = hashlib.sha256(), 0
        for chunk in self.read(key):
            hasher.update(chunk)
            size += len(chunk)
        if (hasher.hexdigest(), size) != content:
            raise exists(key)


def _pool(address: Address, settings: BlobSettings) -> urllib3.PoolManager:
    """Connections without urllib3's own retries: `Bucket` tries again, and knows what for."""
    timeout = urllib3.Timeout(connect=settings.connect_timeout_s, read=settings.read_timeout_s)
    context = _tls(settings) if address.secure else None
    return urllib3.PoolManager(timeout=timeout, maxsize=settings.connections, retries=False, ssl_context=context)


def _tls(settings: BlobSettings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=settings.tls_ca or None)
        if settings.tls_cert:
            context.load_cert_chain(settings.tls_cert, settings.tls_key or None)
    except (OSError, ssl.SSLError) as error:
        raise FailedPrecondition(
            f"The certificates for the object store can't be loaded: {error.strerror or error}.",
            reason="STORAGE_TLS_FAILED",
            hint="Set DOCK_BLOB_TLS_CA, DOCK_BLOB_TLS_CERT and DOCK_BLOB_TLS_KEY to PEM files that this user may read.",
        ) from None
    return context


def _await(bucket: Bucket, where: str, settings: BlobSettings) -> None:
    """Look until the store answers or `wait_s` is over, and make the bucket where that is wanted."""
    until = time.monotonic() + settings.wait_s
    while True:
        try:
            bucket.look()
        except Unavailable as error:
            if time.monotonic() + _LOOK_AGAIN_S > until:
                raise
            _log.warning("waiting for the object store", extra={"store": where, "why": error.message})
            time.sleep(_LOOK_AGAIN_S)
        except FailedPrecondition as error:
            if error.reason != "STORAGE_BUCKET_MISSING" or not settings.create_bucket:
                raise
            bucket.make()
            return
        else:
            return


def _feed(growing: Growing, offset: int, chunks: Iterable[bytes]) -> int:
    """Give what comes to `growing`, without what it has already; settle also where `chunks` raises."""
    source = iter(chunks)
    while True:
        try:
            chunk = next(source, None)
        except Exception:
            growing.settle()
            raise
        if chunk is None:
            return growing.settle()
        known = min(len(chunk), max(0, growing.position - offset))
        growing.take(chunk[known:] if known else chunk)
        offset += len(chunk)


def _held(chunks: Iterable[bytes], size: int) -> tuple[bytes, Iterable[bytes]]:
    """The first bytes, a little more than `size` at most, and an iterable that gives and raises as `chunks` does."""
    source, held, failure = iter(chunks), bytearray(), list[Exception]()
    try:
        for chunk in source:
            held += chunk
            if len(held) > size:
                break
    except Exception as error:  # noqa: BLE001 - raised again, after what came
        failure.append(error)
    first = bytes(held)
    return first, itertools.chain([first], _raised(failure), source)


def _raised(failure: Sequence[Exception]) -> Iterator[bytes]:
    yield from ()
    for error in failure:
        raise error


def _joined(chunks: Iterable[bytes], size: int) -> Iterator[bytes]:
    """The same bytes in blocks of exactly `size`, but the last."""
    held = bytearray()
    for chunk in chunks:
        held += chunk
        while len(held) >= size:
            yield bytes(held[:size])
            del held[:size]
    if held:
        yield bytes(held)


def _count(chunks: Iterable[bytes]) -> int:
    return sum(len(chunk) for chunk in chunks)


def _after_completion(key: str, size: int, end: int, offset: int) -> int:
    if offset >= 0 and end <= size:
        return size
    raise exists(key)


def _check(key: str, data: bytes, whole: Whole | None) -> None:
    if whole is not None and hashlib.sha256(data).hexdigest() != whole.sha256:
        raise InvalidInput(
            f"The {len(data)} bytes that came for {key} do not have the sha256 that was declared.",
            reason="UPLOAD_DIGEST_MISMATCH",
            hint="Push the file again; it may have changed while it was sent.",
        )


def _interrupted(key: str) -> Unavailable:
    return Unavailable(
        f"The upload of {key} was dropped or completed while more came.",
        reason="UPLOAD_INTERRUPTED",
        hint="Begin it again; it goes on from what is there.",
        retry_after_s=0.2,
    )
