"""The zip's own tables, read by hand: end record, central directory, local headers.

Readers of zips differ where these contradict one another; a package in which they do is refused, so that
every reader that follows sees the same files.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import BinaryIO, NoReturn

from learndock.package.limits import PackageLimits
from learndock.package.refusal import refuse, refuse_limit, shown

_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR64 = struct.Struct("<4sLQL")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_MAX16, _MAX32 = 0xFFFF, 0xFFFFFFFF
_STREAMED = 0x8
_ENCRYPTED = 0x1 | 0x40 | 0x2000
_AGAIN = "Pack the folder again with `dock push` or any current zip tool."


@dataclass(frozen=True)
class Entry:
    """One file or folder as the central directory states it, and where its data starts."""

    raw_name: bytes
    method: int
    flags: int
    crc: int
    packed: int
    size: int
    mode: int
    """Unix mode bits; 0 where the zip has none."""
    header_at: int
    data_at: int = 0


@dataclass(frozen=True)
class _End:
    entries: int
    directory_at: int
    directory_size: int


def read_directory(source: BinaryIO, size: int, limits: PackageLimits) -> list[Entry]:
    """Give the entries in the directory's order, each checked against its local header and its neighbours.

    InvalidInput ZIP_NOT_A_ZIP, ZIP_TOO_LARGE, ZIP_TOO_MANY_ENTRIES, ZIP_MULTI_DISK, ZIP_INCONSISTENT,
    ZIP_ENCRYPTED, ZIP_METHOD, ZIP_OVERLAP.
    """
    end = _read_end(source, size)
    if end.entries > limits.entries:
        message = f"The zip lists {end.entries} files, more than the {limits.entries} that are taken."
        refuse_limit("ZIP_TOO_MANY_ENTRIES", message, limits, "entries")
    if end.directory_size > limits.directory_bytes:
        message = f"The zip's table of contents alone is {end.directory_size} bytes."
        refuse_limit("ZIP_TOO_LARGE", message, limits, "directory_bytes", hint="Pack fewer files, or shorter names.")
    entries = [_locate(source, entry) for entry in _read_central(source, end)]
    _check_overlap(entries, end.directory_at)
    return entries


def _broken(what: str) -> NoReturn:
    refuse("ZIP_INCONSISTENT", f"The zip contradicts itself: {what}.", hint=_AGAIN)


def _read_end(source: BinaryIO, size: int) -> _End:
    start = max(0, size - _END.size - _MAX16)
    source.seek(start)
    tail = source.read(size - start)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        _refuse_other(source)
    _, *stated, comment = _END.unpack_from(tail, at)
    if at + _END.size + comment != len(tail):
        _broken("there is something behind its end")
    end_at = start + at
    if _has_locator(source, end_at):
        return _read_end64(source, end_at, stated)
    disk, first_disk, here, entries, length, offset = stated
    if disk or first_disk or here != entries:
        refuse("ZIP_MULTI_DISK", "The zip is one of several parts.", hint="Pack it as one file.")
    if offset + length != end_at:
        _broken("its table of contents is not where its end says")
    return _End(entries, offset, length)


def _refuse_other(source: BinaryIO) -> None:
    source.seek(0)
    head = source.read(16)
    kinds = {
        b"PK\x03\x04": "a zip that was cut off",
        b"\x1f\x8b": "a gzip or tar.gz file",
        b"7z\xbc\xaf": "a 7z file",
        b"Rar!": "a rar file",
        b"{": "JSON, perhaps an answer of a server saved as a file",
        b"<": "a web page",
        b"": "an empty file",
    }
    kind = next((text for magic, text in kinds.items() if head.startswith(magic) and (magic or not head)), "")
    refuse(
        "ZIP_NOT_A_ZIP",
        "This is no zip file" + (f"; it looks like {kind}." if kind else "."),
        hint="Give a package folder or the zip made of it.",
    )


def _has_locator(source: BinaryIO, end_at: int) -> bool:
    if end_at < _LOCATOR64.size:
        return False
    source.seek(end_at - _LOCATOR64.size)
    return source.read(4) == b"PK\x06\x07"


def _read_end64(source: BinaryIO, end_at: int, stated: list[int]) -> _End:
    source.seek(end_at - _LOCATOR64.size)
    _, disk, offset, disks = _LOCATOR64.unpack(source.read(_LOCATOR64.size))
    if disk or disks > 1:
        refuse("ZIP_MULTI_DISK", "The zip is one of several parts.", hint="Pack it as one file.")
    if offset != end_at - _LOCATOR64.size - _END64.size:
        _broken("its 64-bit end record is not where its locator says")
    source.seek(offset)
    magic, *_, disk, first_disk, here, entries, length, start = _END64.unpack(source.read(_END64.size))
    if magic != b"PK\x06\x06" or disk or first_disk or here != entries or start + length != offset:
        _broken("its 64-bit end record does not fit its table of contents")
    wide = (0, 0, here, entries, length, start)
    if any(a != b and a not in {_MAX16, _MAX32} for a, b in zip(stated, wide, strict=True)):
        _broken("its two end records differ")
    return _End(entries, start, length)


def _read_central(source: BinaryIO, end: _End) -> list[Entry]:
    source.seek(end.directory_at)
    data = source.read(end.directory_size)
    entries: list[Entry] = []
    at = 0
    while at < len(data) and len(entries) < end.entries:
        entry, at = _read_entry(data, at)
        if entry.header_at + _LOCAL.size > end.directory_at:
            _broken(f"{shown(entry.raw_name)} is not where its table of contents says")
        entries.append(entry)
    if at != end.directory_size or len(entries) != end.entries:
        _broken(f"its table of contents does not hold the {end.entries} files that its end says")
    return entries


def _read_entry(data: bytes, at: int) -> tuple[Entry, int]:
    if len(data) - at < _CENTRAL.size or data[at : at + 4] != b"PK\x01\x02":
        _broken("its table of contents is damaged")
    fields = _CENTRAL.unpack_from(data, at)
    flags, method, crc, packed, size = fields[3], fields[4], *fields[7:10]
    name_size, extra_size, comment_size, disk, _, attributes, header_at = fields[10:]
    name_at = at + _CENTRAL.size
    extra_at = name_at + name_size
    after = extra_at + extra_size + comment_size
    if after > len(data):
        _broken("its table of contents is damaged")
    name = data[name_at:extra_at]
    wide = _wide(data[extra_at : extra_at + extra_size])
    size, wide = _widen(size, wide)
    packed, wide = _widen(packed, wide)
    header_at, wide = _widen(header_at, wide)
    _check_kind(name, flags, method, disk)
    return Entry(name, method, flags, crc, packed, size, attributes >> 16, header_at), after


def _wide(extra: bytes) -> bytes:
    """Give the content of the zip64 extra field, b"" where there is none."""
    at = 0
    while len(extra) - at >= 4:
        kind, length = struct.unpack_from("<2H", extra, at)
        if kind == 1:
            return extra[at + 4 : at + 4 + length]
        at += 4 + length
    return b""


def _widen(value: int, wide: bytes) -> tuple[int, bytes]:
    if value != _MAX32:
        return value, wide
    if len(wide) < 8:
        _broken("a 64-bit size is announced and missing")
    return int.from_bytes(wide[:8], "little"), wide[8:]


def _check_kind(name: bytes, flags: int, method: int, disk: int) -> None:
    if flags & _ENCRYPTED:
        refuse("ZIP_ENCRYPTED", f"{shown(name)} in the zip is encrypted.", hint="Pack it without a password.")
    if method not in {0, 8}:
        refuse(
            "ZIP_METHOD",
            f"{shown(name)} is packed by method {method}; stored (0) and deflated (8) are read.",
            hint=_AGAIN,
        )
    if disk:
        refuse("ZIP_MULTI_DISK", "The zip is one of several parts.", hint="Pack it as one file.")


def _locate(source: BinaryIO, entry: Entry) -> Entry:
    source.seek(entry.header_at)
    head = source.read(_LOCAL.size)
    if len(head) < _LOCAL.size or not head.startswith(b"PK\x03\x04"):
        _broken(f"{shown(entry.raw_name)} is not where its table of contents says")
    _, _, flags, method, _, _, crc, packed, size, name_size, extra_size = _LOCAL.unpack(head)
    name, wide = source.read(name_size), _wide(source.read(extra_size))
    if name != entry.raw_name or method != entry.method or (flags ^ entry.flags) & (_ENCRYPTED | _STREAMED):
        _broken(f"{shown(entry.raw_name)} is described in two ways")
    size, wide = _widen(size, wide) if wide else (size, wide)
    packed, _ = _widen(packed, wide) if wide else (packed, wide)
    _check_sizes(entry, crc, packed, size)
    data_at = entry.header_at + _LOCAL.size + name_size + extra_size
    return replace(entry, data_at=data_at)


def _check_sizes(entry: Entry, crc: int, packed: int, size: int) -> None:
    stated = (crc, packed, size)
    true = (entry.crc, entry.packed, entry.size)
    streamed = entry.flags & _STREAMED
    agrees = all(a == b or (streamed and a in {0, _MAX32}) for a, b in zip(stated, true, strict=True))
    if not agrees:
        _broken(f"{shown(entry.raw_name)} has two different sizes or checksums")
    if entry.method == 0 and entry.packed != entry.size:
        _broken(f"{shown(entry.raw_name)} is stored, and yet has two sizes")


def _check_overlap(entries: list[Entry], directory_at: int) -> None:
    ordered = sorted(entries, key=lambda entry: entry.header_at)
    starts = [entry.header_at for entry in ordered] + [directory_at]
    for entry, following in zip(ordered, starts[1:], strict=True):
        # A streamed entry is followed by crc and two sizes, of 4 or 8 bytes, with or without a mark.
        least, most = (12, 24) if entry.flags & _STREAMED else (0, 0)
        end = entry.data_at + entry.packed
        if end + least > following:
            refuse("ZIP_OVERLAP", f"{shown(entry.raw_name)} overlaps what follows it in the zip.", hint=_AGAIN)
        if end + most < following:
            _broken(f"bytes that belong to no file follow {shown(entry.raw_name)}")
    if starts[0] != 0:
        _broken("bytes that belong to no file stand at its beginning")
