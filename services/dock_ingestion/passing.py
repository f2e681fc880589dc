"""Bytes that go by once: read forwards as a file, and hashed all the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable


class Passing:
    """Chunks as a file that is read forwards only. What is skipped is hashed too; one chunk is held at a time."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._source = iter(chunks)
        self._hasher = hashlib.sha256()
        self._chunk = b""
        self._start = 0  # of the chunk
        self._position = 0

    def seek(self, offset: int, /) -> int:
        """Go to a byte that has not gone by. ValueError for one that has."""
        if offset < self._start:
            raise ValueError(f"byte {offset} has gone by")
        self._position = offset
        return offset

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes of one chunk; none at the end."""
        while self._position >= self._start + len(self._chunk):
            if not self._advance():
                return b""
        begin = self._position - self._start
        piece = self._chunk[begin : begin + size]
        self._position += len(piece)
        return piece

    def finish(self) -> tuple[str, int]:
        """Let the rest go by; SHA-256 in hexadecimal and size in bytes of everything."""
        while self._advance():
            pass
        return self._hasher.hexdigest(), self._start

    def _advance(self) -> bool:
        self._start += len(self._chunk)
        self._chunk = next(self._source, b"")
        self._hasher.update(self._chunk)
        return bool(self._chunk)
