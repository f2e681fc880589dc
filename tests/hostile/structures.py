"""Zips whose records contradict each other, are damaged, or are no zips."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import replace

from tests.hostile.corpus import TRAP, Case
from tests.hostile.zips import assemble, deflated, honest, ordinary, stored

CLEAN = b"print('clean')\n"
DIRTY = TRAP.encode()

NO_ZIPS = {
    "empty": b"",
    "text": b"hello",
    "gzip": b"\x1f\x8b" + bytes(50),
    "xz": b"\xfd7zXZ\0" + bytes(50),
    "rar": b"Rar!\x1a\7\0" + bytes(50),
    "seven-zip": b"7z\xbc\xaf\x27\x1c" + bytes(50),
    "tar": b"learnware.yaml" + bytes(243) + b"ustar" + bytes(300),
    "elf": b"\x7fELF" + bytes(100),
    "web-page": b"<html>" + b" " * 60,
    "json": b'{"code": 41, "msg": "no"}',
    "pickle": b"\x80\x04\x95" + bytes(60),
    "end-record-only-begun": b"PK\5\6",
}

METHODS = {"deflate64": 9, "bzip2": 12, "lzma": 14, "zstd": 93, "xz": 95, "jpeg": 96, "ppmd": 98, "aes": 99}


def cases() -> Iterator[Case]:
    """Give the cases."""
    for name, data in NO_ZIPS.items():
        yield Case(f"no-zip-{name}", "ZIP_NOT_A_ZIP", lambda data=data: data)
    for name, method in METHODS.items():
        yield Case(f"method-{name}", "ZIP_METHOD", lambda method=method: with_entry(method=method))
    for name, flags in {"encrypted": 1, "strong-encryption": 0x41, "masked-headers": 0x2001}.items():
        yield Case(f"flags-{name}", "ZIP_ENCRYPTED", lambda flags=flags: with_entry(flags=flags))
    yield from _contradictions()
    yield from _ends()
    yield from _bodies()


def _contradictions() -> Iterator[Case]:
    crc, size = zlib.crc32(DIRTY), len(DIRTY)
    locals_ = {
        "other-name": {"name": b"other.py"},
        "other-size": {"size": 7},
        "other-packed-size": {"packed": 7},
        "other-checksum": {"crc": 7},
        "other-method": {"method": 8},
        "encrypted-in-the-local-header": {"flags": 1},
        "streamed-in-the-local-header": {"flags": 8},
    }
    for name, other in locals_.items():
        yield Case(f"two-tales-{name}", "ZIP_INCONSISTENT", lambda other=other: with_entry(local=other))
    yield Case("two-tales-stored-in-two-sizes", "ZIP_INCONSISTENT", lambda: with_entry(size=size + 1))
    yield Case("header-nowhere", "ZIP_INCONSISTENT", lambda: with_entry(header_at=0xFFFFFFF0))
    yield Case("header-in-the-yaml", "ZIP_INCONSISTENT", lambda: with_entry(header_at=3))
    yield Case("header-of-another-file", "ZIP_INCONSISTENT", lambda: with_entry(header_at=0, crc=crc))
    yield Case("other-disk", "ZIP_MULTI_DISK", lambda: with_entry(disk=1))
    yield Case("wide-size-missing", "ZIP_INCONSISTENT", lambda: with_entry(size=0xFFFFFFFF))
    yield Case("wide-size-cut", "ZIP_INCONSISTENT", lambda: with_entry(size=0xFFFFFFFF, extra=b"\1\0\4\0abcd"))
    yield Case("wide-size-lies", "ZIP_INCONSISTENT", lambda: with_entry(size=0xFFFFFFFF, extra=wide(1 << 62)))
    yield Case("wide-place-lies", "ZIP_INCONSISTENT", lambda: with_entry(header_at=0xFFFFFFFF, extra=wide(1 << 60)))
    yield Case("folder-with-bytes", "ZIP_INCONSISTENT", lambda: assemble([*honest(), stored("d/", DIRTY)]))


def _ends() -> Iterator[Case]:
    count = len(honest())
    ends: dict[str, dict[str, int]] = {
        "too-many": {"here": count + 1, "total": count + 1},
        "too-few": {"here": count - 1, "total": count - 1},
        "none": {"here": 0, "total": 0},
        "table-at-the-start": {"offset": 0},
        "table-behind-the-end": {"offset": 0xFFFFFF00},
        "table-too-short": {"length": 10},
        "table-too-long": {"length": 0xFFFFFF},
        "comment-that-is-not-there": {"comment": 4},
    }
    for name, end in ends.items():
        yield Case(f"end-{name}", "ZIP_INCONSISTENT", lambda end=end: assemble(honest(), **end))
    yield Case("end-two-counts", "ZIP_MULTI_DISK", lambda: assemble(honest(), total=count + 1))
    yield Case("end-other-disk", "ZIP_MULTI_DISK", lambda: assemble(honest(), disk=1))
    yield Case("end-count-at-its-greatest", "ZIP_TOO_MANY_ENTRIES", lambda: assemble(honest(), here=65535, total=65535))
    yield Case("text-before", "ZIP_INCONSISTENT", lambda: b"#!/bin/sh\nrm -rf /\n" + assemble(honest()))
    yield Case("text-before-with-places-moved", "ZIP_INCONSISTENT", lambda: assemble(honest(), prefix=b"#!/bin/sh\n"))
    yield Case("text-behind", "ZIP_INCONSISTENT", lambda: assemble(honest(), suffix=b"more"))
    yield Case("two-zips-in-one", "ZIP_INCONSISTENT", lambda: ordinary({"a": b"1"}) + assemble(honest()))
    yield Case("second-end-in-the-comment", "ZIP_INCONSISTENT", end_in_comment)
    yield Case("cut-in-the-table", "ZIP_NOT_A_ZIP", lambda: assemble(honest())[:-60])
    yield Case("cut-in-the-first-body", "ZIP_NOT_A_ZIP", lambda: assemble(honest())[:80])
    yield Case("hidden-between-entries", "ZIP_INCONSISTENT", hidden_between)


def _bodies() -> Iterator[Case]:
    data = bytes(range(256)) * 40
    good = deflated("f", data)
    bodies = {
        "damaged": (stored("f", data, crc=1), "ZIP_CORRUPT"),
        "no-deflate": (replace(good, body=b"\xff" * 90), "ZIP_CORRUPT"),
        "cut": (replace(good, body=good.body[:-5]), "ZIP_CORRUPT"),
        "that-goes-on": (replace(good, body=good.body + b"hidden"), "ZIP_CORRUPT"),
        "longer-than-said": (replace(good, size=99), "ZIP_SIZE_LIES"),
        "shorter-than-said": (replace(good, size=99_999), "ZIP_SIZE_LIES"),
    }
    for name, (entry, reason) in bodies.items():
        yield Case(f"body-{name}", reason, lambda entry=entry: assemble([*honest(), entry]))
    yield Case("yaml-damaged", "ZIP_CORRUPT", yaml_damaged)


def with_entry(**fields: object) -> bytes:
    """Give a good package and one entry with the given fields."""
    return assemble([*honest(), stored("entry.py", DIRTY, **fields)])


def wide(value: int) -> bytes:
    """Give the 64-bit extra field of one value."""
    return struct.pack("<2HQ", 1, 8, value)


def end_in_comment() -> bytes:
    """Give a zip whose comment is another end record, for readers that look from the back."""
    other = assemble([])
    return assemble(honest(), comment=len(other), suffix=other)


def hidden_between() -> bytes:
    """Give a zip with a local entry that the table does not name, for readers that go from the front."""
    entries = honest()
    hidden = assemble([stored("__init__.py", DIRTY)])[: 30 + len("__init__.py") + len(DIRTY)]
    return assemble(entries, prefix=hidden)


def yaml_damaged() -> bytes:
    """Give a package whose learnware.yaml has another checksum."""
    entries = honest()
    return assemble([replace(each, crc=5) if each.name == b"learnware.yaml" else each for each in entries])
