"""The list of a backup's packages, and the comparison with the digest that each was accepted with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

from learndock.errors import InvalidInput


def whole(chunks: Iterator[bytes], sha256: str) -> Iterator[bytes]:
    """The same bytes; InvalidInput PACKAGE_NOT_AS_ACCEPTED at their end where their digest is another."""
    hasher = hashlib.sha256()
    for chunk in chunks:
        hasher.update(chunk)
        yield chunk
    if hasher.hexdigest() != sha256:
        raise InvalidInput("A package is not as it was accepted.", reason="PACKAGE_NOT_AS_ACCEPTED")


def entry(line: str) -> tuple[str, str, int]:
    """(key, SHA-256, bytes) of a line of the list of packages."""
    said = json.loads(line)
    return str(said["key"]), str(said["sha256"]), int(said["size"])
