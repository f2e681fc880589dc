"""Zips made by hand: every field of every record as a liar would write it."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from tests.packages.models import package_files

_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")


@dataclass(frozen=True)
class Entry:
    """One entry; `local` overrides fields of the local header, so that the two can differ."""

    name: bytes
    body: bytes = b""
    method: int = 0
    flags: int = 0
    crc: int = 0
    size: int = 0
    mode: int = stat.S_IFREG | 0o644
    extra: bytes = b""
    disk: int = 0
    packed: int | None = None
    local: Mapping[str, object] = field(default_factory=dict)
    header_at: int | None = None

    @property
    def stated_packed(self) -> int:
        return len(self.body) if self.packed is None else self.packed


def stored(name: str | bytes, data: bytes = b"x", **fields: object) -> Entry:
    """Give an honest entry, stored, with `fields` changed."""
    raw = name if isinstance(name, bytes) else name.encode("utf-8", "surrogatepass")
    return replace(Entry(raw, data, crc=zlib.crc32(data), size=len(data)), **fields)


def deflated(name: str, data: bytes, **fields: object) -> Entry:
    """Give an honest entry, deflated, with `fields` changed."""
    engine = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = engine.compress(data) + engine.flush()
    return replace(Entry(name.encode(), body, 8, crc=zlib.crc32(data), size=len(data)), **fields)


def assemble(entries: list[Entry], *, prefix: bytes = b"", suffix: bytes = b"", **end: int) -> bytes:
    """Write entries, the table of contents and the end record (`end` overrides its fields)."""
    data, table = bytearray(prefix), bytearray()
    for entry in entries:
        at = len(data) if entry.header_at is None else entry.header_at
        if entry.header_at is None:
            data += _local(entry) + entry.body
        table += _central(entry, at)
    stated = {"disk": 0, "first": 0, "here": len(entries), "total": len(entries), "length": len(table)}
    stated |= {"offset": len(data), "comment": 0} | end
    return bytes(data + table) + _END.pack(b"PK\5\6", *stated.values()) + suffix


def _local(entry: Entry) -> bytes:
    other = replace(entry, **dict(entry.local))
    head = (20, other.flags, other.method, 0, 33, other.crc, other.stated_packed, other.size)
    return _LOCAL.pack(b"PK\3\4", *head, len(other.name), len(other.extra)) + other.name + other.extra


def _central(entry: Entry, at: int) -> bytes:
    head = (20, 20, entry.flags, entry.method, 0, 33, entry.crc, entry.stated_packed, entry.size)
    tail = (len(entry.name), len(entry.extra), 0, entry.disk, 0, entry.mode << 16, at)
    return _CENTRAL.pack(b"PK\1\2", *head, *tail) + entry.name + entry.extra


def honest(**parts: object) -> list[Entry]:
    """Give the entries of a package that any dock takes; `parts` are those of `package_files`."""
    return [stored(name, data) for name, data in package_files(**parts).items()]


def ordinary(files: Mapping[str, bytes | str]) -> bytes:
    """Give the zip that Python writes of some files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()
