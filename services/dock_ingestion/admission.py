"""Whether a finished upload may become a learnware: digest, package and specifications, all static."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import BinaryIO

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


def admit(source: BinaryIO, semantic_json: str, limits: PackageLimits) -> tuple[Package, SemanticSpecification]:
    """Read a package statically and settle its semantic specification (the given one wins).

    InvalidInput with the package's or specification's own reason where it can't be taken.
    """
    package = read_package(source, limits=limits)
    semantic = SemanticSpecification.from_json(semantic_json) if semantic_json else package.semantic
    if semantic is None:
        raise InvalidInput(
            "The package has no semantic specification, and none came with the upload.",
            reason="SEMANTIC_MISSING",
            hint="Add semantic_specification.json to the package (`dock init` writes one), or push with --semantic.",
        )
    check_agreement(package, semantic)
    return package, semantic
