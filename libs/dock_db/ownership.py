"""Whether a store of packages belongs to the dock of a database. What deletes from a store asks this first."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from dock_blob import BlobStore
from dock_blob.mark import PACKAGES, Mark, put_mark, read_mark
from dock_db import tables
from dock_db.database import Database
from dock_db.identity import Identity
from learndock.errors import FailedPrecondition

PREFIX = "packages/"
"""Where packages lie in a store."""


@dataclass(frozen=True)
class Ownership:
    """The id of a database's dock, and the mark of a store."""

    dock_id: str
    mark: Mark | None

    @property
    def certain(self) -> bool:
        """Whether the store is marked as this dock's."""
        return self.mark == Mark(self.dock_id, PACKAGES)

    def refuse_others(self) -> None:
        """FailedPrecondition STORE_OF_ANOTHER_DOCK, STORE_HOLDS_BACKUPS; a store without a mark is let pass."""
        if self.mark is None or self.certain:
            return
        if self.mark.holds != PACKAGES:
            raise FailedPrecondition(
                "The store of packages is a place for backups.",
                reason="STORE_HOLDS_BACKUPS",
                hint="Give the dock a bucket, a prefix or a folder of its own.",
            )
        raise FailedPrecondition(
            f"The store belongs to the dock {self.mark.dock_id}, and the database to {self.dock_id}.",
            reason="STORE_OF_ANOTHER_DOCK",
            hint="Name the store of this database, or another one that is empty. Where the database was brought back "
            "for a dock that is lost, see `dock restore --same-dock` and `dock db identity --take-store`.",
            details={"store": self.mark.dock_id, "database": self.dock_id},
        )


def ownership(database: Database, blobs: BlobStore) -> Ownership:
    """Look at both; nothing is written."""
    with database.read() as session:
        dock_id = Identity().get(session)
    return Ownership(dock_id, read_mark(blobs))


def require_own(database: Database, blobs: BlobStore) -> None:
    """Return where the store is marked as this dock's; one without a mark is marked, if nothing speaks against it.

    A store of before there were marks has packages that the rows refer to. FailedPrecondition STORE_OF_ANOTHER_DOCK,
    STORE_HOLDS_BACKUPS, STORE_UNKNOWN.
    """
    found = ownership(database, blobs)
    found.refuse_others()
    if found.certain:
        return
    if not _plausible(database, blobs):
        raise FailedPrecondition(
            "The store has packages, and none that the database knows; no mark says whose they are.",
            reason="STORE_UNKNOWN",
            hint="Name the store of this database, or an empty one; `dock db identity --take-store` takes it as it is.",
        )
    mark(database, blobs)


def mark(database: Database, blobs: BlobStore) -> None:
    """Mark a store as this dock's. As `Ownership.refuse_others` where it has another mark already."""
    with database.read() as session:
        dock_id = Identity().get(session)
    Ownership(dock_id, put_mark(blobs, Mark(dock_id, PACKAGES))).refuse_others()


def _plausible(database: Database, blobs: BlobStore) -> bool:
    known: set[str] | None = None
    for info in blobs.list(PREFIX):
        if known is None:
            with database.read() as session:
                known = set(session.scalars(select(tables.learnwares.c.blob_key)))
                known |= set(session.scalars(select(tables.uploads.c.blob_key)))
        if info.key in known:
            return True
    return known is None
