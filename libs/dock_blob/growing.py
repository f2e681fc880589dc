"""Takes one stream of bytes into an upload to an object store: parts on their way while the next ones come."""

from __future__ import annotations

import hashlib
from collections import deque
from concurrent.futures import Future
from functools import partial

from dock_blob.bucket import Bucket, FoundPart
from dock_blob.growth import Growth, Names, Segment
from dock_blob.port import Whole
from dock_blob.trouble import UploadGone
from dock_blob.way import Way
from dock_failpoint import failpoint
from learndock.errors import NotFound

_UNDER_WAY = 3
_LARGEST_NUMBER = 10_000


def part_size(configured: int, whole: Whole | None) -> int:
    """Bytes of a part, larger than configured where an upload would need more parts than S3 has."""
    return max(configured, -(-whole.size // _LARGEST_NUMBER)) if whole else configured


class Growing:
    """One append. One part is gathered while at most `_UNDER_WAY` are on their way, of all appends what `way` takes."""

    def __init__(self, bucket: Bucket, way: Way, names: Names, growth: Growth, whole: Whole | None) -> None:
        self._bucket = bucket
        self._way = way
        self._names = names
        self._growth = growth
        self._whole = whole
        self._upload = growth.upload
        self._start = growth.solid  # of the part that is gathered
        self._position = self._since = growth.loose  # what was taken here begins at `since`
        self._pieces: list[bytes] = []
        self._under_way: deque[Future[FoundPart]] = deque()

    @property
    def position(self) -> int:
        """Where the next byte goes."""
        return self._position

    def take(self, data: bytes) -> None:
        """Take the bytes at `position`."""
        start = 0
        while start < len(data):
            end = self._end()
            if self._position < end:
                piece = data[start : start + end - self._position]
                self._pieces.append(piece)
                self._position += len(piece)
                start += len(piece)
            if self._position >= end:
                self._send_part(end)

    def settle(self) -> int:
        """Wait until everything taken is on stable storage; return the bytes persisted in all."""
        while self._under_way:
            self._under_way.popleft().result()
        if self._pieces:
            self._bucket.put(self._names.segment(self._since, self._position), b"".join(self._pieces))
            failpoint("blob.bucket.append.after_segment")
            self._pieces = []
        swallowed = [each for each in self._growth.segments if each.end <= self._start]
        for segment in self._growth.covered + swallowed:
            self._bucket.delete(segment.name)
        return self._position

    def _end(self) -> int:
        end = self._start + self._growth.part_bytes
        if self._whole and self._start < self._whole.size and self._position < self._whole.size:
            return min(end, self._whole.size)
        return end

    def _send_part(self, end: int) -> None:
        if self._whole and self._start == 0 and end == self._whole.size:
            if put_whole(self._bucket, self._names, self._gathered(end), self._whole):
                self._went(end)
            return  # what was not declared stays a segment, and the commit will say so
        self._ensure_upload()
        while len(self._under_way) >= _UNDER_WAY:
            self._under_way.popleft().result()
        number = self._start // self._growth.part_bytes + 1
        put = partial(self._bucket.put_part, self._names.target, self._upload, number)
        self._under_way.append(self._way.send(put, lambda: self._gathered(end)))
        self._went(end)
        failpoint("blob.bucket.append.part_under_way")

    def _gathered(self, end: int) -> bytes:
        segments = read_segments(self._bucket, self._growth.segments, self._start, min(self._since, end))
        return b"".join([segments, *self._pieces])

    def _went(self, end: int) -> None:
        self._pieces = []
        self._start = end
        self._since = max(self._since, end)

    def _ensure_upload(self) -> None:
        if self._upload:
            return
        if not self._growth.begun:
            self._bucket.put(self._names.begun, b"")
            failpoint("blob.bucket.begin.after_mark")
        own = self._bucket.begin(self._names.target)
        failpoint("blob.bucket.begin.after_upload")
        if self._bucket.find(self._names.begun) is None:  # somebody aborted between the two
            self._bucket.put(self._names.begun, b"")
        self._upload = (self._bucket.uploads(self._names.target) or [own])[0]
        if self._upload != own:  # another replica was first
            self._bucket.drop(self._names.target, own)


def put_whole(bucket: Bucket, names: Names, data: bytes, whole: Whole) -> bool:
    """Store an upload that fits one part as the object itself, in one request, if it has the declared digest.

    Whoever puts this object, however late, puts the same bytes. So nobody has to look first what is there.
    """
    if len(data) != whole.size or hashlib.sha256(data).hexdigest() != whole.sha256:
        return False
    bucket.put(names.target, data)
    failpoint("blob.bucket.append.after_whole")
    return True


def read_segments(bucket: Bucket, segments: list[Segment], start: int, end: int) -> bytes:
    """Bytes `start` … `end` from a chain of segments that has them. UploadGone where a part has swallowed them."""
    pieces = []
    for segment in segments:
        stop = min(segment.end, end)
        if stop > start:
            try:
                pieces.append(bucket.get(segment.name, start - segment.start, stop - start))
            except NotFound:
                raise UploadGone from None
            start = stop
    return b"".join(pieces)
