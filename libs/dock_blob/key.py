"""What may be a blob's key, and the refusals that all stores word alike."""

from __future__ import annotations

import re

from learndock.errors import AlreadyExists, InvalidInput, NotFound

MAX_KEY = 1024
_SEGMENT = re.compile(r"(?!\.)[A-Za-z0-9._@+-]{1,200}")


def check_key(key: str) -> list[str]:
    """The key's segments. InvalidInput BLOB_KEY_INVALID."""
    segments = key.split("/")
    if len(key) > MAX_KEY or not all(_SEGMENT.fullmatch(segment) for segment in segments):
        raise InvalidInput(
            f"{key[:80]!r} cannot be a blob's key.",
            reason="BLOB_KEY_INVALID",
            hint="A key is names of letters, digits and '._@+-', not beginning with '.', with '/' between them.",
        )
    return segments


def check_range(offset: int, chunk_bytes: int) -> None:
    """Refuse a range that makes no sense. InvalidInput BLOB_RANGE_INVALID."""
    if offset < 0 or chunk_bytes < 1:
        raise InvalidInput(
            f"Bytes cannot be read from {offset} in steps of {chunk_bytes}.", reason="BLOB_RANGE_INVALID"
        )


def gap(key: str, offset: int, persisted: int) -> InvalidInput:
    """Bytes that do not follow what is there."""
    return InvalidInput(
        f"A part at byte {offset} of {key} does not follow the {persisted} bytes that are here.",
        reason="UPLOAD_OFFSET_GAP",
        hint="Ask for the persisted size and go on from there.",
        details={"persisted_bytes": persisted},
    )


def exists(key: str) -> AlreadyExists:
    """Other content under a key."""
    return AlreadyExists(
        f"{key} holds other content, and objects are never overwritten.",
        reason="BLOB_EXISTS",
        hint="Use a key of its own.",
    )


def missing(key: str) -> NotFound:
    """No object under a key."""
    return NotFound(f"There is no blob {key}.", reason="BLOB_NOT_FOUND", details={"key": key})
