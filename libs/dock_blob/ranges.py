"""Reads an object by ranges: as a stream with the next range under way, or as a seekable file."""

from __future__ import annotations

import io
from collections import OrderedDict
from collections.abc import Iterator
from concurrent.futures import Executor
from typing import BinaryIO, cast

from dock_blob.bucket import Bucket

STREAM_BYTES = 4 << 20
FIRST_BYTES, LARGEST_BYTES = 128 << 10, 4 << 20
_KEPT = 3


def read_ranges(
    bucket: Bucket, executor: Executor, name: str, span: tuple[int, int], chunk_bytes: int
) -> Iterator[bytes]:
    """Bytes `span[0]` … `span[1]` of an object in chunks of `chunk_bytes`. Each range comes whole or raises."""
    offset, size = span
    step = max(chunk_bytes, STREAM_BYTES // chunk_bytes * chunk_bytes)
    under_way = executor.submit(bucket.get, name, offset, min(step, size - offset)) if offset < size else None
    while under_way is not None:
        data = under_way.result()
        offset += len(data)
        under_way = executor.submit(bucket.get, name, offset, min(step, size - offset)) if offset < size else None
        for start in range(0, len(data), chunk_bytes):
            yield data[start : start + chunk_bytes]


def open_ranges(bucket: Bucket, name: str, size: int) -> BinaryIO:
    """A seekable reader of an object of `size` bytes."""
    return cast("BinaryIO", io.BufferedReader(RangeReader(bucket, name, size), FIRST_BYTES))


class RangeReader(io.RawIOBase):
    """Fetches blocks as they are asked for: larger ones while it is read on, small ones after a leap.

    A few blocks are kept, so that going back and forth between a zip's directory and its members costs nothing.
    """

    def __init__(self, bucket: Bucket, name: str, size: int) -> None:
        self._bucket = bucket
        self._name = name
        self._size = size
        self._position = 0
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._end_of_last = -1
        self._step = FIRST_BYTES

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Where the next byte comes from."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go somewhere; nothing is fetched."""
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if origin + offset < 0:
            raise ValueError("negative position")
        self._position = origin + offset
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill `buffer` from one block; 0 at the end of the object."""
        if self._position >= self._size or not len(buffer):
            return 0
        start, block = self._block()
        piece = memoryview(block)[self._position - start :][: len(buffer)]
        buffer[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)

    def _block(self) -> tuple[int, bytes]:
        for start, block in self._blocks.items():
            if start <= self._position < start + len(block):
                self._blocks.move_to_end(start)
                return start, block
        goes_on = self._position == self._end_of_last
        self._step = min(self._step * 2, LARGEST_BYTES) if goes_on else FIRST_BYTES
        start = self._position
        if not goes_on and self._size - start < FIRST_BYTES:
            start = max(0, self._size - FIRST_BYTES)  # a leap to the end: a zip's directory lies before it
        block = self._bucket.get(self._name, start, min(self._step, self._size - start))
        self._end_of_last = start + len(block)
        self._blocks[start] = block
        if len(self._blocks) > _KEPT:
            self._blocks.popitem(last=False)
        return start, block
