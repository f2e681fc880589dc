"""One bucket by the few calls that every S3 server has: each tried several times, its failures typed."""

from __future__ import annotations

import io
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from typing import TypeVar

from minio import Minio
from minio.datatypes import Part

from dock_blob.origin import PACKAGES, Origin
from dock_blob.trouble import SAID, UploadGone, typed
from learndock.errors import NotFound, Unavailable

T = TypeVar("T")
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 2.0
_BYTES = {"Content-Type": "application/octet-stream"}
_LARGEST_PUT = 5 << 30


@dataclass(frozen=True)
class Found:
    """An object: its name, size in bytes and age in seconds."""

    name: str
    size: int
    age_s: float


@dataclass(frozen=True)
class FoundPart:
    """A part of a multipart upload."""

    number: int
    size: int
    etag: str
    age_s: float


class Bucket:
    """Whole objects, ranges, lists and multipart uploads. Names are those in the bucket.

    Raises NotFound BLOB_NOT_FOUND, Overloaded STORAGE_FULL, Unavailable STORAGE_DOWN after `tries` tries,
    FailedPrecondition STORAGE_FORBIDDEN and the like, and UploadGone for a multipart upload that is no more.
    """

    def __init__(self, client: Minio, name: str, *, where: str, origin: Origin = PACKAGES, tries: int = 5) -> None:
        self._client = client
        self._name = name
        self._where = where
        self._origin = origin
        self._tries = tries

    def look(self) -> None:
        """See whether the bucket answers, trying once. Lists one name, as HeadBucket is more than is relied on."""
        self._once(lambda: next(iter(self._client.list_objects(self._name, prefix="objects/", recursive=True)), None))

    def make(self) -> None:
        """Make the bucket itself."""
        self._call(lambda: self._client.make_bucket(self._name))

    def put(self, name: str, data: bytes) -> None:
        """Store an object in one request."""
        self._call(
            lambda: self._client.put_object(self._name, name, io.BytesIO(data), len(data), part_size=_LARGEST_PUT)
        )

    def get(self, name: str, offset: int, length: int) -> bytes:
        """Exactly these bytes of an object. A shorter answer counts as a failure."""
        return self._call(lambda: self._get(name, offset, length)) if length else b""

    def find(self, name: str) -> Found | None:
        """The object, if there is one."""
        try:
            return self._call(lambda: self._find(name))
        except NotFound:
            return None

    def delete(self, name: str) -> None:
        """Remove an object; a missing one is fine."""
        self._call(lambda: self._client.remove_object(self._name, name))

    def below(self, prefix: str) -> Iterator[Found]:
        """Objects below a prefix in the order of names, page by page."""
        last: str | None = None
        while True:
            page = self._call(partial(self._page, prefix, last))
            yield from page
            if len(page) < _PAGE:
                return
            last = page[-1].name

    def begin(self, name: str) -> str:
        """Begin a multipart upload; its id."""
        return self._call(lambda: self._client._create_multipart_upload(self._name, name, dict(_BYTES)))  # noqa: SLF001

    def put_part(self, name: str, upload: str, number: int, data: bytes) -> FoundPart:
        """Store a part; the same number again replaces it."""
        etag = self._call(
            lambda: self._client._upload_part(self._name, name, data, dict(_BYTES), upload, number)  # noqa: SLF001
        )
        return FoundPart(number, len(data), etag, 0.0)

    def parts(self, name: str, upload: str) -> list[FoundPart]:
        """The parts that are there, in the order of their numbers."""
        found: list[FoundPart] = []
        marker: str | None = None
        while True:
            listing = partial(self._client._list_parts, self._name, name, upload)  # noqa: SLF001
            page = self._call(partial(listing, part_number_marker=marker))
            found += [
                FoundPart(each.part_number, each.size or 0, each.etag, _age(each.last_modified)) for each in page.parts
            ]
            if not page.is_truncated:
                return sorted(found, key=lambda part: part.number)
            marker = str(page.next_part_number_marker)

    def finish(self, name: str, upload: str, parts: Sequence[FoundPart]) -> None:
        """Make the object of these parts."""
        self._call(lambda: self._finish(name, upload, [Part(part.number, part.etag) for part in parts]))

    def drop(self, name: str, upload: str) -> None:
        """Drop a multipart upload; one that is gone is fine."""
        with suppress(UploadGone):
            self._call(lambda: self._client._abort_multipart_upload(self._name, name, upload))  # noqa: SLF001

    def uploads(self, name: str) -> list[str]:
        """Ids of the multipart uploads of exactly this name, the oldest first. Some servers list by no other prefix."""
        listed = self._call(lambda: self._client._list_multipart_uploads(self._name, prefix=name))  # noqa: SLF001
        own = [each for each in listed.uploads if each.object_name == name and each.upload_id]
        begun = sorted((each.initiated_time or _EPOCH, each.upload_id or "") for each in own)
        return [upload for _, upload in begun]

    def _get(self, name: str, offset: int, length: int) -> bytes:
        response = self._client.get_object(self._name, name, offset=offset, length=length)
        try:
            data = response.read()
        except BaseException:
            response.close()
            raise
        finally:
            response.release_conn()
        if len(data) != length:
            raise OSError(f"{len(data)} of {length} bytes came")
        return data

    def _finish(self, name: str, upload: str, parts: list[Part]) -> None:
        made = self._client._complete_multipart_upload(self._name, name, upload, parts)  # noqa: SLF001
        if not (made.object_name or made.etag or made.location):
            # It takes long, so servers say 200 first; an error that comes after that is only in the answer's text.
            raise OSError("the answer names no object")

    def _find(self, name: str) -> Found:
        found = self._client.stat_object(self._name, name)
        return Found(name, found.size or 0, _age(found.last_modified))

    def _page(self, prefix: str, after: str | None) -> list[Found]:
        listed = self._client.list_objects(self._name, prefix=prefix, recursive=True, start_after=after)
        page: list[Found] = []
        for each in listed:
            page.append(Found(str(each.object_name), each.size or 0, _age(each.last_modified)))
            if len(page) == _PAGE:
                break
        return page

    def _once(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except SAID as error:
            raise typed(error, self._where, self._origin) from error

    def _call(self, work: Callable[[], T]) -> T:
        pause = _FIRST_PAUSE_S
        for _ in range(self._tries - 1):
            try:
                return self._once(work)
            except Unavailable:
                pass
            time.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - spreads those that try again
            pause = min(pause * 2, _LONGEST_PAUSE_S)
        return self._once(work)


_PAGE = 1000
_EPOCH = datetime.fromtimestamp(0, timezone.utc)


def _age(moment: datetime | None) -> float:
    return max(0.0, time.time() - moment.timestamp()) if moment else 0.0
