"""Reading and unpacking: from a zip to a Package, without running or importing anything in it."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from learndock import plugins
from learndock.errors import FailedPrecondition, InvalidInput, Unavailable
from learndock.package.archive import MARKER, Archive, Contents, Duplicates, open_archive
from learndock.package.document import decode_text, load_yaml
from learndock.package.environment import read_environment
from learndock.package.limits import PackageLimits
from learndock.package.manifest import Manifest, read_manifest
from learndock.package.parts import Package, SpecificationEntry
from learndock.package.refusal import shown
from learndock.semantic import SemanticSpecification

if TYPE_CHECKING:
    from learndock.specification import Specification, SpecificationTypes

_DEFAULTS = PackageLimits()


def read_package(
    source: str | Path | BinaryIO,
    *,
    limits: PackageLimits = _DEFAULTS,
    duplicates: Duplicates = "refuse",
    types: SpecificationTypes | None = None,
    sha256: str = "",
    contents: Contents | None = None,
) -> Package:
    """Read a package statically: every file is inflated and checked, none is kept, run or imported.

    `source` is a path or a seekable open file. `duplicates="last"` reads what older docks wrote, where
    a name in the zip twice means its last one. `types` are the specification types that are read, those that are
    installed unless given. Whoever compares the zip's digest himself says what it must be by `sha256`, and may give its
    bytes a second time as `contents`, of which every file is checked, read forwards only. InvalidInput with a reason
    for each way to be wrong.
    """
    with open_archive(source, limits, duplicates) as archive:
        package = describe(archive, limits, types, sha256)
        archive.verify(contents)
        return package


def extract_package(
    source: str | Path | BinaryIO,
    into: Path,
    *,
    limits: PackageLimits = _DEFAULTS,
    duplicates: Duplicates = "refuse",
) -> Package:
    """Read a package and write its files under `into` (new or empty), its top folder taken off.

    All or nothing: `into` appears with every file in it, or not at all. FailedPrecondition
    FOLDER_NOT_EMPTY, Unavailable STORAGE_FULL, and what `read_package` raises.
    """
    into = Path(into)
    if into.exists() and (not into.is_dir() or any(into.iterdir())):
        raise FailedPrecondition(
            f"{into} is there already and not empty.", reason="FOLDER_NOT_EMPTY", hint="Name another folder."
        )
    with open_archive(source, limits, duplicates) as archive:
        package = describe(archive, limits)
        _write_all(archive, into)
        return package


def describe(
    archive: Archive, limits: PackageLimits, types: SpecificationTypes | None = None, sha256: str = ""
) -> Package:
    """Give the Package that an open archive is; files it does not name are not inflated, a known digest not made."""
    manifest = load_manifest(archive, limits, types)
    specification, notes = _specification(archive, manifest.specifications, types)
    semantic = _semantic(archive, manifest)
    return Package(
        name=manifest.name or (semantic.name if semantic else ""),
        model=manifest.model,
        specification_entries=manifest.specifications,
        specification=specification,
        semantic=semantic,
        environment=read_environment(archive, limits),
        files=tuple(archive.files),
        sha256=sha256 or archive.sha256(),
        size_bytes=archive.size_bytes,
        notes=notes + _absences(archive, manifest),
    )


def load_manifest(archive: Archive, limits: PackageLimits, types: SpecificationTypes | None = None) -> Manifest:
    """Read `learnware.yaml` of an open archive."""
    document = load_yaml(archive.read(MARKER, "yaml_bytes", "YAML_INVALID"), MARKER, limits)
    return read_manifest(document, archive.files, plugins.names(plugins.SPECIFICATIONS) if types is None else types)


def _specification(
    archive: Archive, entries: tuple[SpecificationEntry, ...], types: SpecificationTypes | None
) -> tuple[Specification | None, tuple[str, ...]]:
    readable = plugins.names(plugins.SPECIFICATIONS) if types is None else types
    known = [entry for entry in entries if entry.class_name in readable]
    notes = tuple(
        f"SPECIFICATION_TYPE_UNSUPPORTED: {entry.class_name} ({shown(entry.file_name)}) is kept, but this dock "
        "cannot search by it yet."
        for entry in entries
        if entry not in known
    )
    for entry in entries:
        hint = "Make the specification with fewer points."
        archive.check_size(entry.file_name, "spec_bytes", "SPECIFICATION_INVALID", hint)
    return (_read(archive, known[0], types), notes) if known else (None, notes)


def _read(archive: Archive, entry: SpecificationEntry, types: SpecificationTypes | None) -> Specification:
    from learndock.specification import read_specification  # noqa: PLC0415 - whoever packs needs no numpy

    data = archive.read(entry.file_name, "spec_bytes", "SPECIFICATION_INVALID")
    text = decode_text(data, entry.file_name)
    try:
        return read_specification(entry.class_name, text, types)
    except InvalidInput as error:
        error.details.setdefault("file_name", entry.file_name)
        raise


def _semantic(archive: Archive, manifest: Manifest) -> SemanticSpecification | None:
    if manifest.semantic_file not in archive.files:
        return None
    data = archive.read(manifest.semantic_file, "semantic_bytes", "SEMANTIC_INVALID")
    return SemanticSpecification.from_json(decode_text(data, manifest.semantic_file))


def _absences(archive: Archive, manifest: Manifest) -> tuple[str, ...]:
    name = manifest.semantic_file
    absent = name and name not in archive.files
    return (f"SEMANTIC_MISSING: learnware.yaml names {shown(name)}, which is not there.",) if absent else ()


def _write_all(archive: Archive, into: Path) -> None:
    into.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{into.name}.", dir=into.parent))
    try:
        for name in archive.files:
            _write(archive, name, staging / name)
        staging.chmod(0o755)
        staging.replace(into)
    except OSError as error:
        shutil.rmtree(staging, ignore_errors=True)
        raise _storage_fault(error, into) from error
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise


def _write(archive: Archive, name: str, path: Path) -> None:
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o644)
    with os.fdopen(descriptor, "wb") as file:
        for piece in archive.stream(name):
            file.write(piece)


def _storage_fault(error: OSError, into: Path) -> Unavailable:
    full = error.errno in {errno.ENOSPC, errno.EDQUOT}
    return Unavailable(
        f"The package could not be unpacked to {into}: {error.strerror or error}.",
        reason="STORAGE_FULL" if full else "STORAGE_FAILED",
        hint="Free some space and try again." if full else "Check the folder and try again.",
    )
