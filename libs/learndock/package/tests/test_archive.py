"""Hostile and broken zips, made by hand."""

from __future__ import annotations

import io
import os
import stat
import struct
import zipfile
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learndock.errors import DockError, InvalidInput
from learndock.package import PackageLimits
from learndock.package.archive import Archive

MARKER = ("learnware.yaml", b"name: x\n")


def zipped(*files, method=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return buffer.getvalue()


def opened(data, *, duplicates="refuse", **limits):
    archive = Archive(io.BytesIO(data), PackageLimits(**limits), duplicates)
    archive.verify()
    return archive


def reason(data, **options):
    with pytest.raises(InvalidInput) as caught:
        opened(data, **options)
    assert caught.value.message.isascii() or "…" in caught.value.message
    return caught.value.reason


def named(name):
    """A zip with an entry of any name at all, which zipfile would tidy up."""
    placeholder = "@" * len(name.encode("utf-8", "surrogatepass"))
    data = zipped(MARKER, (placeholder, b"x")) if placeholder else zipped(MARKER)
    return data.replace(placeholder.encode(), name.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "a/../../evil",
        "a/..",
        "./a",
        "a/./b",
        "a//b",
        "/etc/passwd",
        "//host/share",
        "C:/windows",
        "C:evil",
        "a\\b",
        "..\\evil",
        "a\0b",
        "a\nb",
        "a\x7fb",
        "a\u202eb",
        "a\u200bb",
        "a\ufeff",
        "a.",
        "a /b",
        "a./b",
        "con",
        "NUL.txt",
        "x/aux.py",
        "Com1.log",
        "LPT9",
        "cafe\u0301",
        "a\x85b",
        "\ud800",
        "-x",
        "a/--help",
        "d/" * 16 + "f",
        "n" * 241,
    ],
)
def test_unsafe_names_are_refused(name):
    assert reason(named(name)) == "ZIP_NAME_UNSAFE"


@pytest.mark.parametrize("name", ["a b.txt", "café.py", "模型.py", "a..b", "console.py", ".hidden", "d/" * 15 + "f"])
def test_ordinary_names_are_taken(name):
    assert name in opened(named(name)).files


@pytest.mark.parametrize(
    ("one", "two"),
    [("a.py", "a.py"), ("a.py", "A.py"), ("straße", "STRASSE"), ("a", "a/b"), ("d/x", "d"), ("\u017f.py", "s.py")],
)
def test_two_names_for_one_file_are_refused(one, two):
    with pytest.warns(UserWarning) if one == two else io.StringIO():
        data = zipped(MARKER, (one, b"1"), (two, b"2"))
    assert reason(data) == "ZIP_DUPLICATE_NAME"


def test_of_two_the_last_counts_where_asked():
    with pytest.warns(UserWarning, match="Duplicate"):
        data = zipped(MARKER, ("a", b"first"), ("a", b"last"))
    assert b"".join(opened(data, duplicates="last").stream("a")) == b"last"


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (stat.S_IFLNK | 0o777, "ZIP_SYMLINK"),
        (stat.S_IFIFO | 0o644, "ZIP_SPECIAL_FILE"),
        (stat.S_IFCHR | 0o644, "ZIP_SPECIAL_FILE"),
        (stat.S_IFBLK | 0o644, "ZIP_SPECIAL_FILE"),
        (stat.S_IFSOCK | 0o644, "ZIP_SPECIAL_FILE"),
        (stat.S_IFDIR | 0o755, "ZIP_SPECIAL_FILE"),
    ],
)
def test_only_regular_files(mode, expected):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(*MARKER)
        info = zipfile.ZipInfo("thing")
        info.external_attr = mode << 16
        archive.writestr(info, b"/etc/passwd")
    assert reason(buffer.getvalue()) == expected


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty file"),
        (b"hello", "no zip"),
        (b"\x1f\x8b" + b"\0" * 50, "gzip"),
        (b'{"code": 41, "msg": "no"}', "JSON"),
        (b"<html>" + b" " * 50, "web page"),
        (zipped(MARKER)[:40], "cut off"),
        (b"PK\x05\x06", "no zip"),
    ],
)
def test_what_is_no_zip_is_named(data, words):
    with pytest.raises(InvalidInput) as caught:
        opened(data)
    assert caught.value.reason == "ZIP_NOT_A_ZIP"
    assert words in caught.value.message


def test_every_cut_of_a_zip_is_refused():
    data = zipped(MARKER, ("a.py", b"print(1)\n" * 50))
    for length in range(len(data)):
        with pytest.raises(InvalidInput):
            opened(data[:length])


def test_a_bomb_is_refused_by_what_it_claims_before_any_of_it_is_inflated():
    assert reason(zipped(MARKER, ("zeros", bytes(4 << 20)))) == "ZIP_RATIO"
    assert reason(zipped(MARKER, *((f"z{i}", bytes(1 << 20)) for i in range(8)))) == "ZIP_RATIO"
    assert opened(zipped(MARKER, ("small", bytes(1 << 19))))


def patched(data, name, *, central=None, local=None):
    """Overwrite fields (offset from the header: bytes) of one entry in the two tables."""
    data = bytearray(data)
    for magic, changes in ((b"PK\x01\x02", central), (b"PK\x03\x04", local)):
        width = 46 if magic.endswith(b"\x02") else 30
        at = data.find(magic)
        while at >= 0 and data[at + width : at + width + len(name)] != name.encode():
            at = data.find(magic, at + 1)
        assert at >= 0
        for offset, value in (changes or {}).items():
            data[at + offset : at + offset + len(value)] = value
    return bytes(data)


def size_field(size):
    return struct.pack("<L", size)


def test_a_bomb_that_lies_about_its_size_stops_at_what_it_claims():
    data = zipped(MARKER, ("zeros", bytes(64 << 20)))
    lying = patched(data, "zeros", central={24: size_field(100)}, local={22: size_field(100)})
    assert reason(lying) == "ZIP_SIZE_LIES"
    archive = Archive(io.BytesIO(lying), PackageLimits(), "refuse")
    given_out = 0
    with pytest.raises(InvalidInput):
        for piece in archive.stream("zeros"):
            given_out += len(piece)
    assert given_out <= 100


def test_more_claimed_than_there_is():
    data = zipped(MARKER, ("f", b"abc" * 100))
    assert reason(patched(data, "f", central={24: size_field(999)}, local={22: size_field(999)})) == "ZIP_SIZE_LIES"


@pytest.mark.parametrize(
    ("central", "local", "expected"),
    [
        ({24: size_field(7)}, None, "ZIP_INCONSISTENT"),
        ({20: size_field(7)}, None, "ZIP_INCONSISTENT"),
        ({16: b"\1\2\3\4"}, None, "ZIP_INCONSISTENT"),
        ({16: b"\1\2\3\4"}, {14: b"\1\2\3\4"}, "ZIP_CORRUPT"),
        ({46: b"g"}, None, "ZIP_INCONSISTENT"),
        ({10: b"\0\0"}, None, "ZIP_INCONSISTENT"),
        ({10: b"\x0e\0"}, {8: b"\x0e\0"}, "ZIP_METHOD"),
        ({8: b"\1\0"}, {6: b"\1\0"}, "ZIP_ENCRYPTED"),
        (None, {6: b"\1\0"}, "ZIP_INCONSISTENT"),
        ({34: b"\1\0"}, None, "ZIP_MULTI_DISK"),
        ({42: size_field(0)}, None, "ZIP_INCONSISTENT"),
        ({42: size_field(0xFFFFFFF0)}, None, "ZIP_INCONSISTENT"),
        ({42: size_field(0xFFFFFFFF)}, None, "ZIP_INCONSISTENT"),
        ({24: size_field(0xFFFFFFFF)}, None, "ZIP_INCONSISTENT"),
        ({20: size_field(10**9)}, {18: size_field(10**9)}, "ZIP_OVERLAP"),
        ({28: b"\xff\xff"}, None, "ZIP_INCONSISTENT"),
    ],
)
def test_tables_that_contradict_each_other(central, local, expected):
    data = zipped(MARKER, ("f", b"abc" * 100))
    assert reason(patched(data, "f", central=central, local=local)) == expected


def quoted_overlap(copies=100):
    """Many entries that share one body, as the flat bombs do."""
    body = zlib.compress(bytes(100_000))[2:-4]
    crc = zlib.crc32(bytes(100_000))
    local = struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 8, 0, 33, crc, len(body), 100_000, 1, 0) + b"a" + body
    head = zipped(MARKER)
    marker_end = head.index(b"PK\1\2")
    central = head[marker_end : head.index(b"PK\5\6")]
    for _ in range(copies):
        central += struct.pack(
            "<4s6H3L5H2L",
            *(b"PK\1\2", 20, 20, 0, 8, 0, 33, crc, len(body), 100_000, 1, 0, 0, 0, 0, 0, marker_end),
        )
        central += b"a"
    data = head[:marker_end] + local
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, copies + 1, copies + 1, len(central), len(data), 0)
    return data + central + end


def test_entries_that_share_their_bytes_are_refused():
    assert reason(quoted_overlap()) == "ZIP_OVERLAP"


def test_end_records_that_lie():
    data = zipped(MARKER, ("f", b"abc"))
    end = data.rindex(b"PK\5\6")

    def with_end(**fields):
        stated = dict(
            zip(
                ["magic", "disk", "first", "here", "total", "length", "offset", "comment"],
                struct.unpack("<4s4H2LH", data[end:]),
                strict=True,
            )
        )
        return data[:end] + struct.pack("<4s4H2LH", *(stated | fields).values())

    assert reason(with_end(here=3, total=3)) == "ZIP_INCONSISTENT"
    assert reason(with_end(here=1, total=1)) == "ZIP_INCONSISTENT"
    assert reason(with_end(offset=0)) == "ZIP_INCONSISTENT"
    assert reason(with_end(disk=1)) == "ZIP_MULTI_DISK"
    assert reason(with_end(comment=4)) == "ZIP_INCONSISTENT"
    assert reason(data + b"more") == "ZIP_INCONSISTENT"
    assert reason(b"#!/bin/sh\n" + data) == "ZIP_INCONSISTENT"
    assert reason(with_end(here=0xFFFF, total=0xFFFF)) == "ZIP_TOO_MANY_ENTRIES"
    wide = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 10**6, 10**6, end - 0, 0)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, end, 1)
    assert reason(data[:end] + wide + locator + data[end:]) in {"ZIP_INCONSISTENT", "ZIP_TOO_MANY_ENTRIES"}


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"entries": 2}, "ZIP_TOO_MANY_ENTRIES"),
        ({"packed_bytes": 100}, "ZIP_TOO_LARGE"),
        ({"unpacked_bytes": 100}, "ZIP_TOO_LARGE"),
        ({"path_bytes": 4}, "ZIP_NAME_UNSAFE"),
        ({"depth": 1}, "ZIP_NAME_UNSAFE"),
        ({"directory_bytes": 50}, "ZIP_TOO_LARGE"),
        ({"ratio": 2, "ratio_from_bytes": 10}, "ZIP_RATIO"),
    ],
)
def test_every_limit_is_a_setting(limits, expected):
    data = zipped(MARKER, ("d/a", b"a" * 200), ("b", os.urandom(50)))
    assert opened(data)
    assert reason(data, **limits) == expected


def test_a_damaged_body_is_found_though_nobody_asked_for_the_file():
    data = bytearray(zipped(MARKER, ("weights", os.urandom(5000)), method=zipfile.ZIP_STORED))
    data[data.index(b"weights") + 2000] ^= 1
    assert reason(bytes(data)) == "ZIP_CORRUPT"


def test_bytes_behind_the_end_of_a_body_are_found():
    body = zlib.compress(b"abc")[2:-4] + b"hidden"
    data = zipped(MARKER, ("f", body), method=zipfile.ZIP_STORED)
    fields = {16: struct.pack("<L", zlib.crc32(b"abc")), 24: size_field(3), 10: b"\x08\0"}
    local = {14: fields[16], 22: fields[24], 8: fields[10]}
    assert reason(patched(data, "f", central=fields, local=local)) == "ZIP_CORRUPT"


@pytest.mark.parametrize(
    "names",
    [
        ["readme.md"],
        ["a/learnware.yaml", "b/x.py"],
        ["a/b/learnware.yaml"],
        ["a/learnware.yaml", "x.py"],
        ["LEARNWARE.YAML"],
        ["__MACOSX/learnware.yaml"],
        ["learnware.yaml~"],
    ],
)
def test_no_yaml_where_it_belongs(names):
    assert reason(zipped(*((name, b"x") for name in names))) == "YAML_MISSING"


def test_an_empty_zip_has_no_yaml():
    assert reason(zipped()) == "YAML_MISSING"


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=4))
def test_whatever_is_changed_in_a_zip_nothing_but_a_typed_refusal_comes_of_it(changes):
    data = bytearray(zipped(MARKER, ("m/a.py", b"x = 1\n" * 40), ("w", b"\1" * 300)))
    for at, value in changes:
        data[at % len(data)] = value
    try:
        opened(bytes(data))
    except DockError as error:
        assert error.reason.startswith(("ZIP_", "YAML_"))


@settings(derandomize=True, deadline=None, max_examples=40)
@given(st.dictionaries(st.from_regex(r"[a-z]{1,6}(/[a-z]{1,6})?", fullmatch=True), st.binary(max_size=300)))
def test_what_zipfile_writes_is_read_back(files):
    names = [name for name in files if not any(other.startswith(f"{name}/") for other in files)]
    data = zipped(MARKER, *((name, files[name]) for name in names if name[:4] not in {"con", "nul", "aux", "prn"}))
    try:
        archive = opened(data)
    except InvalidInput as error:
        assert error.reason == "ZIP_NAME_UNSAFE"
        return
    for name in archive.files:
        assert b"".join(archive.stream(name)) == (MARKER[1] if name == MARKER[0] else files[name])
