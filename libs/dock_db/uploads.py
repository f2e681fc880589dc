"""Uploads under way: what was declared, and what became of it."""

from __future__ import annotations

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from dock_db import dialect, tables
from dock_db.rows import UploadRow
from learndock.errors import AlreadyExists, NotFound

_table = tables.uploads
_COLUMNS = tuple(_table.c[name] for name in UploadRow.__dataclass_fields__)
_DECLARED = ("tenant", "owner", "learnware_id", "size_bytes", "sha256", "blob_key", "semantic_json")


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
        """Declare an upload: (its row, whether it is new). Another under its id is AlreadyExists (UPLOAD_ID_TAKEN)."""
        declared = {
            "tenant": tenant,
            "owner": owner,
            "learnware_id": learnware_id,
            "size_bytes": size_bytes,
            "sha256": sha256,
            "blob_key": blob_key,
            "semantic_json": semantic_json,
        }
        values = {"upload_id": upload_id, "updated_at": dialect.now(session), **declared}
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
        statement = select(*_COLUMNS).where(_table.c.upload_id == upload_id)
        found = session.execute(statement).mappings().first()
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
