"""Whether a finished upload may become a learnware: digest, package and specifications, all static."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import BinaryIO

from dock_ingestion.passing import Passing
from learndock.errors import InvalidInput
from learndock.package import Package, PackageLimits, check_agreement, read_package
from learndock.semantic import SemanticSpecification


def digest(chunks: Iterable[bytes]) -> tuple[str, int]:
    """SHA-256 in hexadecimal and size in bytes of what the store really holds."""
    hasher = hashlib.sha256()
    size = 0
    for chunk in chunks:
        hasher.update(chunk)
        size += len(chunk)
    return hasher.hexdigest(), size


def verify_digest(found: tuple[str, int], declared: tuple[str, int]) -> None:
    """Raise InvalidInput UPLOAD_DIGEST_MISMATCH unless (sha256, size) are the declared ones."""
    if found != declared:
        raise InvalidInput(
            f"The upload arrived as {found[1]} bytes with sha256 {found[0]}, but {declared[1]} bytes with "
            f"sha256 {declared[0]} were declared.",
            reason="UPLOAD_DIGEST_MISMATCH",
            hint="Push the file again; it may have changed while it was sent.",
        )


def verified_admission(
    source: BinaryIO, passing: Passing, declared: tuple[str, int], semantic_json: str, limits: PackageLimits
) -> tuple[Package, SemanticSpecification]:
    """`admit` of what is looked up in `source`, while all of it goes by once and its digest is made.

    InvalidInput UPLOAD_DIGEST_MISMATCH before all others: of bytes that are not the declared ones nothing is believed.
    """
    try:
        admitted = admit(source, semantic_json, limits, sha256=declared[0], passing=passing)
    except InvalidInput:
        verify_digest(passing.finish(), declared)
        raise
    verify_digest(passing.finish(), declared)
    return admitted


def admit(
    source: BinaryIO, semantic_json: str, limits: PackageLimits, *, sha256: str = "", passing: Passing | None = None
) -> tuple[Package, SemanticSpecification]:
    """Read a package statically and settle its semantic specification (the given one wins).

    InvalidInput with the package's or specification's own reason where it can't be taken.
    """
    package = read_package(source, limits=limits, sha256=sha256, contents=passing)
    semantic = SemanticSpecification.from_json(semantic_json) if semantic_json else package.semantic
    if semantic is None:
        raise InvalidInput(
            "The package has no semantic specification, and none came with the upload.",
            reason="SEMANTIC_MISSING",
            hint="Add semantic_specification.json to the package (`dock init` writes one), or push with --semantic.",
        )
    check_agreement(package, semantic)
    return package, semantic
