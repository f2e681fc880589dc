"""Bombs: little to send, much to unpack, to count or to hold."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import replace

from tests.hostile.corpus import Case
from tests.hostile.zips import Entry, assemble, deflated, honest, ordinary, stored

MIB = 1 << 20
GIB = 1 << 30


def cases() -> Iterator[Case]:
    """Give the cases."""
    yield Case("bomb-flat", "ZIP_RATIO", lambda: assemble([*honest(), deflated("zeros", bytes(64 * MIB))]))
    yield Case("bomb-many-small", "ZIP_RATIO", many_small)
    yield Case("bomb-overlapping", "ZIP_OVERLAP", lambda: overlapping(200))
    yield Case("bomb-overlapping-pairwise", "ZIP_OVERLAP", quoted)
    yield Case("bomb-body-of-the-next", "ZIP_OVERLAP", body_of_the_next)
    yield Case("bomb-recursive", "YAML_MISSING", recursive)
    yield Case(
        "bomb-lies-small", "ZIP_SIZE_LIES", lambda: assemble([*honest(), deflated("zeros", bytes(64 * MIB), size=9)])
    )
    yield Case("bomb-yaml", "ZIP_RATIO", lambda: yaml_of(b"#" * (64 * MIB)))
    yield Case("bomb-yaml-below-the-ratio", "YAML_INVALID", lambda: yaml_of(b"# " + bytes(range(35, 126)) * 9_000))
    yield Case("bomb-zip64-size", "ZIP_RATIO", lambda: zip64(1 << 34))
    yield Case("bomb-zip64-terabytes", "ZIP_TOO_LARGE", lambda: zip64(1 << 50))
    yield Case("bomb-zip64-greatest", "ZIP_TOO_LARGE", lambda: zip64((1 << 64) - 2))
    yield Case("bomb-entries", "ZIP_TOO_MANY_ENTRIES", lambda: entries(20_000))
    yield Case("bomb-a-million-entries", "ZIP_TOO_MANY_ENTRIES", million)
    yield Case("bomb-folders", "ZIP_TOO_MANY_ENTRIES", lambda: entries(11_000, "{}/"))
    yield Case("bomb-long-comments", "ZIP_TOO_LARGE", long_extras)
    yield Case("bomb-specification-of-a-gigabyte", "SPECIFICATION_INVALID", gigabyte)
    yield Case("bomb-one-file-of-many-gigabytes", "ZIP_TOO_LARGE", lambda: zip64(21 * GIB))


def lies_small() -> bytes:
    """Give a bomb that says it is nine bytes."""
    return assemble([*honest(), deflated("zeros", bytes(64 * MIB), size=9)])


def many_small() -> bytes:
    """Give a bomb of files that are each below the size from which ratios count."""
    return assemble([*honest(), *(deflated(f"z{place}", bytes(MIB)) for place in range(40))])


def overlapping(copies: int) -> bytes:
    """Give one body that many names share (Fifield's full overlap)."""
    good = honest()
    at = len(assemble(good)) - _tail(good)
    body = deflated("shared", bytes(MIB // 2))
    others = [replace(body, header_at=at) for _ in range(copies)]
    return assemble([*good, body, *others])


def quoted() -> bytes:
    """Give entries whose bodies each hold the header of the next one."""
    good = honest()
    at = len(assemble(good)) - _tail(good)
    inner = stored("inner", b"y" * 500)
    header = assemble([inner])[: 30 + len(inner.name)]
    outer = stored("outer", header + inner.body)
    return assemble([*good, outer, replace(inner, header_at=at + 30 + len(outer.name))])


def body_of_the_next() -> bytes:
    """Give an entry whose packed size reaches over the next one."""
    return assemble([*honest(), stored("a", b"x" * 9, packed=4_000, size=4_000), stored("b", b"y" * 5_000)])


def recursive() -> bytes:
    """Give zips in zips, twelve deep; what unpacks them all never ends well."""
    data = ordinary({"learnware.yaml": b"name: x\n"})
    for _ in range(12):
        data = ordinary({f"{place}.zip": data for place in range(4)})[:MIB]
        if len(data) == MIB:
            break
    return ordinary({"0.zip": data})


def yaml_of(text: bytes) -> bytes:
    """Give a package with that learnware.yaml."""
    others = [entry for entry in honest() if entry.name != b"learnware.yaml"]
    return assemble([*others, deflated("learnware.yaml", text)])


def zip64(size: int) -> bytes:
    """Give an entry that claims a size beyond 32 bits, the same in both its headers."""
    body = deflated("huge", b"x" * 1000)
    extra = struct.pack("<2HQ", 1, 8, size)
    return assemble([*honest(), replace(body, extra=extra, size=0xFFFFFFFF)])


def entries(count: int, form: str = "{}") -> bytes:
    """Give a package with very many entries besides."""
    return assemble(
        [*honest(), *(stored(form.format(place), b"") for place in range(count))], here=65_000, total=65_000
    )


def million() -> bytes:
    """Give a zip64 end that announces a million entries, and a table as long as that needs."""
    table = (struct.pack("<4s6H3L5H2L", b"PK\1\2", *([0] * 16)) + b"a") * 1_000_000
    end64 = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 1_000_000, 1_000_000, len(table), 0)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, len(table), 1)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return table + end64 + locator + end


def long_extras() -> bytes:
    """Give a table of contents that is large by what it carries besides."""
    extra = struct.pack("<2H", 0x6375, 60_000) + bytes(60_000)
    return assemble([*honest(), *(stored(f"f{place}", b"", extra=extra) for place in range(300))])


def gigabyte() -> bytes:
    """Give a specification of a gigabyte in one line, dense enough to pass for data."""
    piece = b"0.123456789, " * 200 + bytes(zlib.crc32(bytes([place])) % 10 + 48 for place in range(256))
    engine = zlib.compressobj(1, zlib.DEFLATED, -15)
    block = piece * (MIB // len(piece))
    body, crc, size = bytearray(engine.compress(b'{"z": [')), zlib.crc32(b'{"z": ['), 7
    for _ in range(GIB // len(block)):
        body += engine.compress(block)
        crc, size = zlib.crc32(block, crc), size + len(block)
    body += engine.flush()
    entry = Entry(b"stat.json", bytes(body), 8, crc=crc, size=size)
    padding = stored("padding", bytes(max(0, size // 190 - len(body))))
    return assemble(
        [*(each for each in honest() if each.name != b"stat.json"), replace(entry, body=bytes(body)), padding]
    )


def _tail(good: list[Entry]) -> int:
    return sum(46 + len(entry.name) for entry in good) + 22
