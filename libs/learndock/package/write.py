"""Packing: the same files give the same bytes, so that a package's sha256 can be pinned."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from learndock.errors import NotFound
from learndock.package.archive import MARKER, Archive, Duplicates, open_archive
from learndock.package.document import dump_yaml
from learndock.package.limits import PackageLimits
from learndock.package.manifest import SEMANTIC_FILE
from learndock.package.names import is_leftover
from learndock.package.read import load_manifest
from learndock.package.refusal import refuse, shown
from learndock.semantic import SemanticSpecification

_DEFAULTS = PackageLimits()
_TIME = (1980, 1, 1, 0, 0, 0)
_CHUNK = 1 << 20
_CACHES = frozenset({"__pycache__", ".git", ".ipynb_checkpoints", ".mypy_cache", ".ruff_cache", ".pytest_cache"})


def pack_folder(folder: Path, out: Path) -> str:
    """Write a folder as a zip and give its sha256: sorted names, fixed times and modes.

    Leftovers of editors, file managers and Python's caches stay out. `out` appears whole or not at all.
    InvalidInput ZIP_SYMLINK, ZIP_SPECIAL_FILE, YAML_MISSING; NotFound PACKAGE_NOT_FOUND.
    """
    folder, out = Path(folder), Path(out)
    if not folder.is_dir():
        raise NotFound(f"There is no folder {folder}.", reason="PACKAGE_NOT_FOUND", hint="`dock init` makes one.")
    paths = {path.relative_to(folder).as_posix(): path for path in _walk(folder) if not _same(path, out)}
    if MARKER not in paths:
        refuse("YAML_MISSING", f"{folder} has no {MARKER}.", hint="`dock init` writes one.")
    return _write_zip(out, ((name, paths[name].stat().st_size, _pieces(paths[name])) for name in sorted(paths)))


def repack_package(
    source: str | Path | BinaryIO,
    out: Path,
    *,
    learnware_id: str,
    semantic: SemanticSpecification,
    limits: PackageLimits = _DEFAULTS,
    duplicates: Duplicates = "refuse",
) -> str:
    """Write a package as a dock serves it, and give its sha256.

    No top folder; `id` and the semantic specification's file in `learnware.yaml`; the semantic
    specification itself. The same input gives the same bytes. InvalidInput for what is wrong with the zip
    or its `learnware.yaml`; the rest is not looked at again.
    """
    with open_archive(source, limits, duplicates) as archive:
        document = dict(load_manifest(archive, limits).document)
        document |= {"id": learnware_id, "semantic_specification": {"file_name": SEMANTIC_FILE}}
        text = json.dumps(semantic.to_json(), ensure_ascii=False, sort_keys=True, indent=1)
        written = {MARKER: dump_yaml(document), SEMANTIC_FILE: text.encode()}
        return _write_zip(Path(out), _repacked(archive, written))


def _repacked(archive: Archive, written: dict[str, bytes]) -> Iterator[tuple[str, int, Iterable[bytes]]]:
    for name in sorted({*archive.files, *written}):
        if name in written:
            yield name, len(written[name]), [written[name]]
        else:
            yield name, archive.files[name].size, archive.stream(name)


def _walk(folder: Path) -> Iterator[Path]:
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        path = Path(entry.path)
        if entry.name in _CACHES or entry.name.endswith(".pyc") or is_leftover(entry.name):
            continue
        mode = entry.stat(follow_symlinks=False).st_mode
        if stat.S_ISDIR(mode):
            yield from _walk(path)
        elif stat.S_ISREG(mode):
            yield path
        elif stat.S_ISLNK(mode):
            refuse("ZIP_SYMLINK", f"{shown(path)} is a link.", hint="Put the file it points to in its place.")
        else:
            refuse("ZIP_SPECIAL_FILE", f"{shown(path)} is neither a file nor a folder.", hint="Take it out.")


def _same(path: Path, out: Path) -> bool:
    return path.resolve() == out.resolve()


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_CHUNK):
            yield piece


def _write_zip(out: Path, files: Iterable[tuple[str, int, Iterable[bytes]]]) -> str:
    out.parent.mkdir(parents=True, exist_ok=True)
    descriptor, staging = tempfile.mkstemp(prefix=f".{out.name}.", suffix="~", dir=out.parent)
    try:
        with os.fdopen(descriptor, "w+b") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
                for name, size, pieces in files:
                    _add(archive, name, size, pieces)
            file.flush()
            os.fsync(file.fileno())
            digest = _digest(file)
        Path(staging).chmod(0o644)
        Path(staging).replace(out)
    except BaseException:
        Path(staging).unlink(missing_ok=True)
        raise
    return digest


def _add(archive: zipfile.ZipFile, name: str, size: int, pieces: Iterable[bytes]) -> None:
    info = zipfile.ZipInfo(name, _TIME)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.create_system = 3
    info.external_attr = (stat.S_IFREG | 0o644) << 16
    info.file_size = size
    with archive.open(info, "w", force_zip64=size >= 1 << 31) as target:
        for piece in pieces:
            target.write(piece)


def _digest(file: BinaryIO) -> str:
    hasher = hashlib.sha256()
    file.seek(0)
    while piece := file.read(_CHUNK):
        hasher.update(piece)
    return hasher.hexdigest()
