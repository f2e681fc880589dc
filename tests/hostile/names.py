"""Names of files: out of the folder, to another file, onto a device, over one another."""

from __future__ import annotations

import stat
from collections.abc import Iterator

from tests.hostile.corpus import TRAP, Case
from tests.hostile.zips import assemble, honest, stored

UNSAFE = {
    "parent": "../evil.py",
    "parents": "../../../../../../tmp/evil.py",
    "parent-in-the-middle": "a/../../evil.py",
    "parent-at-the-end": "a/..",
    "only-parent": "..",
    "only-here": ".",
    "here-in-the-middle": "a/./b.py",
    "empty-part": "a//b.py",
    "absolute": "/etc/cron.d/evil",
    "absolute-home": "/home/somebody/.bashrc",
    "unc-path": "//host/share/evil",
    "drive": "C:/windows/evil.dll",
    "drive-relative": "C:evil.dll",
    "alternate-stream": "weights:evil",
    "backslash": "a\\b.py",
    "backslash-parent": "..\\..\\evil.py",
    "nul-byte": "model.py\0.txt",
    "line-end": "a\nb.py",
    "escape-sequence": "\x1b[2Jcleared",
    "delete-character": "a\x7fb",
    "next-line": "a\x85b",
    "right-to-left": "txt.\u202eyp.evil",
    "zero-width": "learn\u200bware.py",
    "byte-order-mark": "a\ufeff",
    "line-separator": "a\u2028b",
    "surrogate": "\ud800",
    "dot-at-the-end": "evil.",
    "space-at-the-end": "evil /b",
    "dots-for-a-folder": ".../b",
    "device-con": "con",
    "device-nul-with-suffix": "NUL.txt",
    "device-in-a-folder": "x/aux.py",
    "device-com": "Com1.log",
    "device-lpt-superscript": "LPT\u00b2",
    "device-conin": "CONIN$",
    "not-composed": "cafe\u0301.py",
    "too-deep": "d/" * 16 + "f",
    "too-long": "n" * 241,
    "flag": "-rf",
    "flag-in-a-folder": "a/--help",
    "latin-1": "été.py".encode("latin-1"),
    "cp437": b"\x81ber.py",
    "overlong-slash": b"..\xc0\xafevil",
    "utf-16": "evil.py".encode("utf-16-le"),
    "empty": b"",
    "kelvin-sign": "\u212a.py",
}

TWICE = {
    "same-name": ("a.py", "a.py"),
    "same-yaml": ("learnware.yaml", "learnware.yaml"),
    "other-case": ("a.py", "A.py"),
    "other-case-of-the-yaml": ("learnware.yaml", "Learnware.YAML"),
    "sharp-s": ("straße.py", "STRASSE.py"),
    "long-s": ("\u017f.py", "s.py"),
    "dotless-ligature": ("ﬁt.py", "fit.py"),
    "file-and-folder": ("a", "a/b"),
    "folder-and-file": ("d/x", "d"),
    "file-and-folder-other-case": ("Model", "model/b.py"),
}

KINDS = {
    "link-to-passwd": (stat.S_IFLNK | 0o777, b"/etc/passwd", "ZIP_SYMLINK"),
    "link-to-parent": (stat.S_IFLNK | 0o777, b"../..", "ZIP_SYMLINK"),
    "link-to-itself": (stat.S_IFLNK | 0o777, b"thing", "ZIP_SYMLINK"),
    "fifo": (stat.S_IFIFO | 0o644, b"", "ZIP_SPECIAL_FILE"),
    "character-device": (stat.S_IFCHR | 0o644, b"", "ZIP_SPECIAL_FILE"),
    "block-device": (stat.S_IFBLK | 0o644, b"", "ZIP_SPECIAL_FILE"),
    "socket": (stat.S_IFSOCK | 0o644, b"", "ZIP_SPECIAL_FILE"),
    "folder-without-a-slash": (stat.S_IFDIR | 0o755, b"", "ZIP_SPECIAL_FILE"),
    "unknown-kind": (0o130000 | 0o644, b"", "ZIP_SPECIAL_FILE"),
}


def cases() -> Iterator[Case]:
    """Give the cases."""
    for name, path in UNSAFE.items():
        yield Case(f"name-{name}", "ZIP_NAME_UNSAFE", lambda path=path: with_file(path))
    for name, pair in TWICE.items():
        yield Case(f"twice-{name}", "ZIP_DUPLICATE_NAME", lambda pair=pair: with_files(*pair))
    for name, (mode, data, reason) in KINDS.items():
        yield Case(f"kind-{name}", reason, lambda mode=mode, data=data: with_file("thing", data, mode=mode))
    yield Case("link-then-file-through-it", "ZIP_SYMLINK", file_through_link)


def with_file(path: str | bytes, data: bytes = TRAP.encode(), **fields: object) -> bytes:
    """Give a good package and one file more."""
    return assemble([*honest(), stored(path, data, **fields)])


def with_files(*paths: str) -> bytes:
    """Give a good package and some files more."""
    return assemble([*honest(), *(stored(path, TRAP.encode()) for path in paths)])


def file_through_link() -> bytes:
    """Give a link out of the folder, and a file written through it."""
    link = stored("out", b"/tmp", mode=stat.S_IFLNK | 0o777)
    return assemble([*honest(), link, stored("out/evil.py", TRAP.encode())])
