"""Chunks as they come in, taken as runs: one upload, one after the other without a hole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Chunk:
    """Bytes of an upload at an offset, with their CRC-32."""

    upload_id: str
    offset: int
    data: bytes
    crc32: int


class Coming:
    """Chunks of a stream, with a look at the next one."""

    def __init__(self, chunks: Iterable[Chunk]) -> None:
        self._source = iter(chunks)
        self._next: Chunk | None = None

    def peek(self) -> Chunk | None:
        """The next chunk, which stays the next one; None at the end."""
        if self._next is None:
            self._next = next(self._source, None)
        return self._next

    def skip(self) -> None:
        """Let go of the next chunk."""
        self._next = None

    def run(self, accepted: Callable[[Chunk], bytes]) -> Iterator[bytes]:
        """Bytes of the next chunk and of those that go on where it ends, each as `accepted` gives them."""
        before: Chunk | None = None
        while (chunk := self.peek()) is not None:
            if before and (chunk.upload_id, chunk.offset) != (before.upload_id, before.offset + len(before.data)):
                return
            self.skip()
            before = chunk
            yield accepted(chunk)
