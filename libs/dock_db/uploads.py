"""Uploads under way: what was declared, and what became of it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, delete, select, update
from sqlalchemy.orm import Session

from dock_db import dialect, tables
from dock_db.rows import UploadRow
from learndock.errors import AlreadyExists, NotFound

_table = tables.uploads
_COLUMNS = tuple(_table.c[name] for name in UploadRow.__dataclass_fields__)
_DECLARED = ("tenant", "owner", "learnware_id", "size_bytes", "sha256", "semantic_json")


class Uploads:
    """Declarations of uploads by the id that the client chose."""

    def begin(
        self,
        session: Session,
        *,
        upload_id: str,
        tenant: str,
        owner: str,
        learnware_id: str,
        size_bytes: int,
        sha256: str,
        blob_key: str,
        semantic_json: str,
    ) -> tuple[UploadRow, bool]:
        """Declare an upload: (its row, whether it is new). Another under its id is AlreadyExists (UPLOAD_ID_TAKEN).

        `blob_key` is for a new one, and must be one that was never used: an upload that is there keeps its own.
        """
        declared = {
            "tenant": tenant,
            "owner": owner,
            "learnware_id": learnware_id,
            "size_bytes": size_bytes,
            "sha256": sha256,
            "semantic_json": semantic_json,
        }
        moment = dialect.now(session)
        values = {"upload_id": upload_id, "blob_key": blob_key, "updated_at": moment, **declared}
        is_new = dialect.insert_or_ignore(session, _table, values)
        if not is_new:
            self.progress(session, upload_id)
        row = self.get(session, upload_id)
        different = [name for name in _DECLARED if getattr(row, name) != declared[name]]
        if different:
            raise AlreadyExists(
                f"Upload {upload_id} was begun with another {' and '.join(different)}.",
                reason="UPLOAD_ID_TAKEN",
                hint="Choose another upload id, or declare it as before.",
                details={"different": ",".join(different)},
            )
        return row, is_new

    def get(self, session: Session, upload_id: str) -> UploadRow:
        """A declared upload. NotFound UPLOAD_NOT_FOUND."""
        return self._find(session, upload_id, select(*_COLUMNS))

    def hold(self, session: Session, row: UploadRow) -> UploadRow:
        """An upload as it is now, which nobody else commits or drops until the transaction ends.

        NotFound UPLOAD_NOT_FOUND, also where it was dropped and begun anew.
        """
        same = select(*_COLUMNS).where(_table.c.blob_key == row.blob_key)
        return self._find(session, row.upload_id, same.with_for_update())

    def _find(self, session: Session, upload_id: str, columns: Select[Any]) -> UploadRow:
        found = session.execute(columns.where(_table.c.upload_id == upload_id)).mappings().first()
        if found is None:
            raise NotFound(
                f"There is no upload {upload_id} here.",
                reason="UPLOAD_NOT_FOUND",
                hint="Begin it (again): abandoned uploads are dropped after a while.",
            )
        return UploadRow(**found)

    def progress(self, session: Session, upload_id: str) -> None:
        """Keep an upload from counting as abandoned."""
        moment = dialect.now(session)
        session.execute(update(_table).where(_table.c.upload_id == upload_id).values(updated_at=moment))

    def commit(self, session: Session, upload_id: str, learnware_id: str, version: int) -> UploadRow:
        """Note which learnware version the upload became. NotFound UPLOAD_NOT_FOUND."""
        became = {"committed_learnware_id": learnware_id, "committed_version": version}
        moment = dialect.now(session)
        session.execute(update(_table).where(_table.c.upload_id == upload_id).values(updated_at=moment, **became))
        return self.get(session, upload_id)

    def drop(self, session: Session, upload_id: str) -> None:
        """Forget an upload, if there is one."""
        session.execute(delete(_table).where(_table.c.upload_id == upload_id))

    def drop_stale(self, session: Session, *, older_than_s: float) -> int:
        """Forget the uncommitted ones that nobody touched for so long; return how many."""
        stale = (_table.c.committed_learnware_id == "", _table.c.updated_at < dialect.now(session) - older_than_s)
        return len(session.execute(delete(_table).where(*stale).returning(_table.c.upload_id)).all())

    def blob_keys(self, session: Session) -> set[str]:
        """The blobs that uncommitted uploads grow."""
        return set(session.scalars(select(_table.c.blob_key).where(_table.c.committed_learnware_id == "")))
