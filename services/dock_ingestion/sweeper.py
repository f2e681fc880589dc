"""Removes what nobody refers to: abandoned uploads and blobs without a record (guarantee G11)."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from dock_blob import BlobStore
from dock_db import Database, Learnwares, Uploads, holds
from dock_db.leadership import Leadership
from dock_db.ownership import require_own
from dock_failpoint import failpoint
from dock_ingestion.settings import IngestionSettings

_log = logging.getLogger(__name__)


class Sweeper:
    """Sweeps on a thread of its own. What is referenced, or younger than the grace, is never touched.

    Of several on one database one leads and sweeps.
    """

    def __init__(
        self,
        database: Database,
        blobs: BlobStore,
        settings: IngestionSettings,
        on_orphan: Callable[[str], None] = lambda _kind: None,
    ) -> None:
        self._on_orphan = on_orphan
        self._database = database
        self._blobs = blobs
        self._settings = settings
        self._leadership = Leadership(database, "sweeper")
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ingestion-sweeper", daemon=True)

    def start(self) -> None:
        """Begin sweeping every `sweep_period_s`."""
        self._thread.start()

    def stop(self) -> None:
        """Stop and wait."""
        self._stopping.set()
        self._thread.join()
        self._leadership.release()

    def sweep(self) -> int:
        """One pass; return how many objects went. Old uploads' rows go first, so a second pass is never needed.

        While a backup is made nothing goes: its rows may refer to what nobody refers to any more. Nor does anything in
        the first days after a restore: the store may have what came after the backup. A store that belongs to another
        dock is FailedPrecondition STORE_OF_ANOTHER_DOCK.
        """
        require_own(self._database, self._blobs)  # what no row here refers to may be dear to another dock
        with self._database.read() as session:
            if holds.sweeping_is_held(session):
                return 0
        grace = self._settings.abandoned_after_s
        unfinished = list(self._blobs.list_unfinished())
        old = [info.key for info in unfinished if info.age_s > grace]
        for key in old:
            self._blobs.abort(key)
            self._on_orphan("upload")
            failpoint("ingestion.sweep.after_abort")
        with self._database.transaction() as session:
            for info in unfinished:
                if info.age_s <= grace:  # chunks came since the row was written
                    Uploads().progress(session, info.key.rpartition("/")[2])
            Uploads().drop_stale(session, older_than_s=grace)
        failpoint("ingestion.sweep.after_rows")
        # Blobs are listed before the references are read: a blob referenced since is then seen as referenced.
        candidates = [info.key for info in self._blobs.list("packages/") if info.age_s > grace]
        with self._database.read() as session:
            kept = Learnwares().blob_keys(session) | Uploads().blob_keys(session)
        orphans = [key for key in candidates if key not in kept]
        return len(old) + sum(self._delete(key) for key in orphans)

    def _delete(self, key: str) -> bool:
        # No lock: keys are never used again, so nobody can come to refer to it, however long the store takes. Only a
        # backup that began before the references were read may know of it; one that begins later cannot.
        with self._database.read() as session:
            if holds.sweeping_is_held(session):
                return False
        self._blobs.delete(key)
        self._on_orphan("package")
        return True

    def _run(self) -> None:
        while not self._stopping.wait(self._settings.sweep_period_s):
            try:
                if not self._leadership.held():
                    continue
                gone = self.sweep()
            except Exception:  # noqa: BLE001 - the thread must live on
                _log.exception("sweep failed; the next one tries again")
            else:
                _log.info("swept", extra={"objects": gone})
