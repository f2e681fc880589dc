"""Archive: the files of a zip under the names that a package uses, inflated under limits."""

from __future__ import annotations

import hashlib
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Literal, Protocol

from learndock.errors import NotFound
from learndock.package.directory import Entry, read_directory
from learndock.package.limits import PackageLimits, setting_of
from learndock.package.names import check_name, decode_name, fold, is_leftover, top_folder
from learndock.package.refusal import refuse, refuse_limit, shown

Duplicates = Literal["refuse", "last"]
MARKER = "learnware.yaml"
_CHUNK = 1 << 18


class Contents(Protocol):
    """A zip's bytes, as far as reading its files one behind the other needs them; a read may be short."""

    def seek(self, offset: int, /) -> int:
        """Go to a byte."""
        ...

    def read(self, size: int, /) -> bytes:
        """Give at most `size` bytes; none at the end."""
        ...


@contextmanager
def open_archive(
    source: str | Path | BinaryIO, limits: PackageLimits, duplicates: Duplicates = "refuse"
) -> Iterator[Archive]:
    """Open a zip by path, or one that is open already (seekable; it stays open)."""
    if not isinstance(source, str | Path):
        yield Archive(source, limits, duplicates)
        return
    path = Path(source)
    if path.is_dir():
        refuse(
            "PACKAGE_IS_FOLDER",
            f"{path} is a folder, and a zip is wanted here.",
            hint="Pack it first: `dock push` does.",
        )
    if not path.exists():
        raise NotFound(f"There is no file {path}.", reason="PACKAGE_NOT_FOUND", hint="Check the path for a slip.")
    with path.open("rb") as file:
        yield Archive(file, limits, duplicates)


class Archive:
    """A zip whose tables hold together. `files` maps plain names (top folder taken off) to entries."""

    def __init__(self, source: BinaryIO, limits: PackageLimits, duplicates: Duplicates) -> None:
        self._source = source
        self._limits = limits
        self.size_bytes = source.seek(0, 2)
        if self.size_bytes > limits.packed_bytes:
            _refuse_size("packed", self.size_bytes, limits, "packed_bytes")
        entries = read_directory(source, self.size_bytes, limits)
        self._check_amounts(entries)
        self.files = _strip_top(_plain_files(entries, limits, duplicates))

    def sha256(self) -> str:
        """Give the digest of the zip file itself."""
        hasher = hashlib.sha256()
        self._source.seek(0)
        while chunk := self._source.read(1 << 20):
            hasher.update(chunk)
        return hasher.hexdigest()

    def read(self, name: str, bound: str, reason: str) -> bytes:
        """Give a file's bytes; InvalidInput with `reason` where there are more than that bound of the limits."""
        self.check_size(name, bound, reason)
        return b"".join(self.stream(name))

    def check_size(self, name: str, bound: str, reason: str, hint: str = "") -> None:
        """InvalidInput with `reason` where a file claims more bytes than that bound of the limits."""
        most, size = getattr(self._limits, bound), self.files[name].size
        if size > most:
            message = f"{shown(name)} is {size} bytes, more than the {most} that are taken."
            refuse_limit(reason, message, self._limits, bound, hint=hint or "Make it smaller.")

    def stream(self, name: str, contents: Contents | None = None) -> Iterator[bytes]:
        """Give a file piece by piece, from `contents` where given; never more than it claims to hold.

        InvalidInput ZIP_SIZE_LIES, ZIP_CORRUPT.
        """
        entry = self.files[name]
        crc = size = 0
        for piece in _inflate(_pieces(contents or self._source, entry), entry.method, name):
            size += len(piece)
            if size > entry.size:
                break
            crc = zlib.crc32(piece, crc)
            yield piece
        if size != entry.size:
            refuse("ZIP_SIZE_LIES", f"{shown(name)} does not hold the {entry.size} bytes that the zip says.")
        if crc != entry.crc:
            refuse("ZIP_CORRUPT", f"{shown(name)} is damaged: its checksum is wrong.", hint="Pack it again.")

    def verify(self, contents: Contents | None = None) -> None:
        """Inflate every file and keep none; InvalidInput ZIP_SIZE_LIES, ZIP_CORRUPT.

        `contents` are the same bytes again; they are read forwards only.
        """
        for name in sorted(self.files, key=lambda name: self.files[name].data_at):
            for _ in self.stream(name, contents):
                pass

    def _check_amounts(self, entries: list[Entry]) -> None:
        total = sum(entry.size for entry in entries)
        if total > self._limits.unpacked_bytes:
            _refuse_size("unpacked", total, self._limits, "unpacked_bytes")
        for entry in entries:
            self._check_ratio(entry.size, entry.packed, shown(entry.raw_name))
        self._check_ratio(total, self.size_bytes, "The zip")

    def _check_ratio(self, size: int, packed: int, what: str) -> None:
        if size > self._limits.ratio_from_bytes and size > self._limits.ratio * packed:
            refuse_limit(
                "ZIP_RATIO",
                f"{what} unpacks to more than {self._limits.ratio} times its size, as a zip bomb does.",
                self._limits,
                "ratio",
                hint=f"Store such a file in a denser form. Up to {self._limits.ratio_from_bytes} bytes pass "
                f"({setting_of('ratio_from_bytes')}).",
            )


def _refuse_size(kind: str, found: int, limits: PackageLimits, bound: str) -> None:
    most = getattr(limits, bound)
    refuse_limit("ZIP_TOO_LARGE", f"The package is {found} bytes {kind}, more than {most}.", limits, bound)


def _pieces(contents: Contents, entry: Entry) -> Iterator[bytes]:
    done = 0
    while done < entry.packed:
        contents.seek(entry.data_at + done)
        piece = contents.read(min(_CHUNK, entry.packed - done))
        if not piece:
            return
        done += len(piece)
        yield piece


def _inflate(pieces: Iterator[bytes], method: int, name: str) -> Iterator[bytes]:
    if method == 0:
        yield from pieces
        return
    engine = zlib.decompressobj(-15)
    try:
        for piece in pieces:
            yield from _inflate_piece(engine, piece)
            if engine.unused_data:
                break
        yield engine.flush()
    except zlib.error as error:
        refuse("ZIP_CORRUPT", f"{shown(name)} is damaged: {error}.", hint="Pack it again.")
    if not engine.eof or engine.unused_data:
        refuse("ZIP_CORRUPT", f"{shown(name)} is damaged: its data ends too early or too late.")


def _inflate_piece(engine: zlib._Decompress, piece: bytes) -> Iterator[bytes]:
    rest = piece
    while rest:
        out = engine.decompress(rest, _CHUNK)
        yield out
        rest = engine.unconsumed_tail


def _plain_files(entries: list[Entry], limits: PackageLimits, duplicates: Duplicates) -> dict[str, Entry]:
    found: dict[str, tuple[str, Entry]] = {}
    folders: set[str] = set()
    for entry in entries:
        name = decode_name(entry.raw_name)
        check_name(name, limits)
        _check_mode(name, entry)
        key = fold(name.removesuffix("/"))
        folders.update(_parents(key))
        if name.endswith("/"):
            folders.add(key)
        elif key in found and duplicates == "refuse":
            _refuse_twice(name, found[key][0])
        elif not is_leftover(name):
            found.pop(key, None)
            found[key] = name, entry
    for key in found.keys() & folders:
        refuse("ZIP_DUPLICATE_NAME", f"{shown(found[key][0])} is both a file and a folder in the zip.")
    return dict(found.values())


def _parents(key: str) -> Iterator[str]:
    while "/" in key:
        key = key.rpartition("/")[0]
        yield key


def _refuse_twice(name: str, other: str) -> None:
    what = "is in the zip twice" if name == other else f"and {shown(other)} are one file on some systems"
    refuse("ZIP_DUPLICATE_NAME", f"{shown(name)} {what}.", hint="Keep one of them and pack again.")


def _check_mode(name: str, entry: Entry) -> None:
    kind = stat.S_IFMT(entry.mode)
    if kind == stat.S_IFLNK:
        refuse("ZIP_SYMLINK", f"{shown(name)} in the zip is a link.", hint="Pack the file it points to.")
    if kind not in {0, stat.S_IFREG, stat.S_IFDIR} or (kind == stat.S_IFDIR and not name.endswith("/")):
        refuse("ZIP_SPECIAL_FILE", f"{shown(name)} in the zip is neither a file nor a folder.")
    if name.endswith("/") and entry.size:
        refuse("ZIP_INCONSISTENT", f"{shown(name)} in the zip is a folder, and yet holds bytes.")


def _strip_top(files: dict[str, Entry]) -> dict[str, Entry]:
    top = top_folder(files, MARKER)
    if top is None:
        near = next((name for name in files if name.lower().endswith(("learnware.yml", MARKER))), "")
        refuse(
            "YAML_MISSING",
            f"There is no {MARKER} at the package's root (or in one folder around everything).",
            hint=f"There is {shown(near)}: rename or move it." if near else "`dock init` writes one.",
            found=shown(near or ", ".join(sorted(files)[:5])),
        )
    return {name.removeprefix(top): files[name] for name in sorted(files)}
