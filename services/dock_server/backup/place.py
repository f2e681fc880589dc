"""Which dock a restore makes: a new one in an empty place, or the one that was lost, in what is left of it."""

from __future__ import annotations

from dock_blob import BlobStore
from dock_blob.mark import Mark, read_mark
from dock_db import Database, Identity
from dock_db.ownership import PREFIX, mark, ownership
from dock_server.backup.manifest import Manifest
from learndock.errors import FailedPrecondition


def settle(manifest: Manifest, database: Database, blobs: BlobStore, *, same_dock: bool) -> str:
    """Give database and store one id before anything is copied, so that nobody else takes the store; the id.

    A new dock's store is empty, or marked by this very restore before it was torn. The same dock's store may be the one
    that it had, with all that is in it. FailedPrecondition STORE_NOT_EMPTY, STORE_OF_ANOTHER_DOCK, STORE_HOLDS_BACKUPS.
    """
    database.create()
    there = read_mark(blobs)
    if same_dock:
        _become(manifest, database, there)
    elif there is None and _has_something(blobs):
        raise FailedPrecondition(
            "The store is not empty, and no mark says whose it is.",
            reason="STORE_NOT_EMPTY",
            hint="Restore into an empty bucket or folder. Where it is the store of the very dock that comes back, and "
            "no other dock runs on it, say --same-dock.",
        )
    mark(database, blobs)
    return ownership(database, blobs).dock_id


def _become(manifest: Manifest, database: Database, there: Mark | None) -> None:
    """A backup of before there were ids goes by the mark of the store; without one the new id is as good as any."""
    wanted = manifest.dock_id or (there.dock_id if there else "")
    if wanted:
        database.insist(lambda session: Identity().take(session, wanted))


def _has_something(blobs: BlobStore) -> bool:
    return next(iter(blobs.list(PREFIX)), None) is not None or next(iter(blobs.list_unfinished()), None) is not None
