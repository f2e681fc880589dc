"""How far an upload to an object store is, read from the store alone, so that any replica can go on with it.

An upload of `KEY` has, until it is complete,

- `unfinished/KEY!/begun`: written before the multipart upload is begun, because servers such as MinIO list multipart
  uploads by their exact name only: what was abandoned is found by this object;
- the multipart upload of `objects/KEY!`, part n with bytes (n-1)·P … n·P, so that whoever sends a part sends the same;
- `unfinished/KEY!/FROM-TO`: bytes that came since the last whole part when a stream ended.

The `!` behind a key is in no key and sorts before what may go on a key: "a" and "a/b" can both be objects, and names
are listed in the order of keys.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from dock_blob.bucket import Bucket, Found, FoundPart
from dock_blob.trouble import UploadGone

_SEGMENT = re.compile(r"([0-9a-f]{12})-([0-9a-f]{12})")
BEGUN = "begun"


@dataclass(frozen=True)
class Segment:
    """Bytes `start` … `end` of an upload, in an object of their own."""

    start: int
    end: int
    name: str


@dataclass(frozen=True)
class Names:
    """The names in the bucket that belong to one key."""

    target: str
    unfinished: str

    @classmethod
    def of(cls, prefix: str, key: str) -> Names:
        """The names of `key` in a store below `prefix`."""
        return cls(f"{prefix}objects/{key}!", f"{prefix}unfinished/{key}!/")

    @property
    def begun(self) -> str:
        """The object that says that a multipart upload may be there."""
        return self.unfinished + BEGUN

    def segment(self, start: int, end: int) -> str:
        """The object with these bytes of the upload."""
        return f"{self.unfinished}{start:012x}-{end:012x}"


@dataclass(frozen=True)
class Growth:
    """What of an upload is persisted. `solid` bytes are in whole parts, the chain of segments goes on from there."""

    upload: str = ""
    parts: list[FoundPart] = field(default_factory=list)
    part_bytes: int = 0
    solid: int = 0
    segments: list[Segment] = field(default_factory=list)
    covered: list[Segment] = field(default_factory=list)
    begun: bool = False
    age_s: float = 0.0

    @property
    def loose(self) -> int:
        """Where the chain of segments ends: from here on an append goes on."""
        return max(self.segments[-1].end, self.solid) if self.segments else self.solid

    @property
    def persisted(self) -> int:
        """Bytes that are there, with a last part that is shorter than the others."""
        return max(self.loose, sum(part.size for part in self.parts))

    @property
    def final_parts(self) -> list[FoundPart]:
        """The parts whose bytes are the upload's first `solid`, or all of them where the last one is short."""
        if self.persisted > self.loose:
            return self.parts
        return [part for part in self.parts if part.number * self.part_bytes <= self.solid]


def find_growth(bucket: Bucket, names: Names, part_bytes: int) -> Growth:
    """Read how far an upload is. `part_bytes` is the size of parts where none is there that tells."""
    found = list(bucket.below(names.unfinished))
    if not found:
        return Growth(part_bytes=part_bytes)
    begun = any(each.name == names.begun for each in found)
    upload, parts = _find_upload(bucket, names) if begun else ("", [])
    parts = _contiguous(parts)
    if parts:  # the first one is always whole, and may be from when DOCK_BLOB_PART_BYTES was another
        part_bytes = parts[0].size
    solid = sum(part.size for part in parts if part.size == part_bytes)
    segments = _segments(found, names)
    return Growth(
        upload=upload,
        parts=parts,
        part_bytes=part_bytes,
        solid=solid,
        segments=_chain(segments, solid),
        covered=[each for each in segments if each.end <= solid],
        begun=begun,
        age_s=min([each.age_s for each in found] + [part.age_s for part in parts]),
    )


def _find_upload(bucket: Bucket, names: Names) -> tuple[str, list[FoundPart]]:
    for upload in bucket.uploads(names.target):
        try:
            return upload, bucket.parts(names.target, upload)
        except UploadGone:
            continue
    return "", []


def _contiguous(parts: list[FoundPart]) -> list[FoundPart]:
    """The parts from the first on, up to a hole or a shorter one, which is the last."""
    kept: list[FoundPart] = []
    for number, part in enumerate(parts, start=1):
        if part.number != number or (kept and part.size > kept[0].size):
            break
        kept.append(part)
        if part.size < kept[0].size:
            break
    return kept


def _segments(found: list[Found], names: Names) -> list[Segment]:
    segments = []
    for each in found:
        bounds = _SEGMENT.fullmatch(each.name.removeprefix(names.unfinished))
        if bounds:
            start, end = int(bounds[1], 16), int(bounds[2], 16)
            if each.size == end - start:
                segments.append(Segment(start, end, each.name))
    return segments


def _chain(segments: list[Segment], position: int) -> list[Segment]:
    """Segments that go on from `position` without a hole, as few as possible."""
    chain: list[Segment] = []
    while True:
        reach = [each for each in segments if each.start <= position < each.end]
        if not reach:
            return chain
        best = max(reach, key=lambda segment: segment.end)
        chain.append(best)
        position = best.end
