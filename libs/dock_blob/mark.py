"""Whose a store is: one small object in it, written once, names a dock and what of it lies there."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import asdict, dataclass

from dock_blob.port import BlobStore
from learndock.errors import AlreadyExists, FailedPrecondition, NotFound

KEY = "dock-id"
"""The key that nothing else may use."""
PACKAGES, BACKUPS = "packages", "backups"
_LONGEST = 4096


@dataclass(frozen=True)
class Mark:
    """The dock that a store belongs to, and whether its packages or its backups lie there."""

    dock_id: str
    holds: str


def read_mark(store: BlobStore) -> Mark | None:
    """The mark of a store; None where nobody marked it. FailedPrecondition STORE_MARK_UNREADABLE."""
    try:
        found = b"".join(store.read(KEY, chunk_bytes=_LONGEST))
    except NotFound:
        return None
    try:
        said = json.loads(found)
        mark, digest = Mark(str(said["dock_id"]), str(said["holds"])), str(said["sha256"])
    except (ValueError, TypeError, KeyError) as error:
        raise _unreadable() from error
    if digest != _digest(mark):
        raise _unreadable()
    return mark


def put_mark(store: BlobStore, mark: Mark) -> Mark:
    """Mark a store that has no mark, and give the mark that it has then: whoever came first keeps it.

    Of two at the same moment both may believe that they came first, until they read it again.
    """
    if (found := read_mark(store)) is not None:
        return found
    with suppress(AlreadyExists):
        said = {**asdict(mark), "sha256": _digest(mark)}
        store.put(KEY, [json.dumps(said, sort_keys=True).encode()])
    return read_mark(store) or mark


def _digest(mark: Mark) -> str:
    """So that a mark with a bit that flipped is not the mark of another dock."""
    return hashlib.sha256(f"{mark.holds} {mark.dock_id}".encode()).hexdigest()


def _unreadable() -> FailedPrecondition:
    return FailedPrecondition(
        f"The object {KEY} of the store does not say whose it is.",
        reason="STORE_MARK_UNREADABLE",
        hint="Find out which dock the store belongs to, then remove the object: that dock writes it again.",
    )
