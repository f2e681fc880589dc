"""Backs a dock up again and again, by one of its processes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection

from dock_blob import BlobStore
from dock_db import Database, Leadership, rowcopy
from dock_server.backup.taking import BackupTaker
from dock_server.backup.vault import Vault
from dock_server.settings import BackupSettings
from dock_server.targets import Means
from learndock.errors import InvalidInput

_log = logging.getLogger(__name__)
_LOOK_S = 30.0


def scheduled(targets: Collection[str], means: Means, tenant: str) -> list[BackupSchedule]:
    """The schedule that DOCK_BACKUP_… asks for, in a process with ingestion. InvalidInput BACKUP_PLACE_MISSING."""
    settings = BackupSettings()
    if "ingestion" not in targets or not settings.every_s:
        return []
    check_schedule(settings)
    return [BackupSchedule(means.database, means.blobs, settings, tenant=tenant)]


def check_schedule(settings: BackupSettings) -> None:
    """InvalidInput BACKUP_PLACE_MISSING where backups are to be made and no place is named."""
    if settings.every_s and not settings.to:
        raise InvalidInput(
            "Backups are to be made, and nobody says where.",
            reason="BACKUP_PLACE_MISSING",
            hint="Set DOCK_BACKUP_TO to a folder or to s3://host:port/bucket/prefix, or unset DOCK_BACKUP_EVERY_S.",
        )


class BackupSchedule:
    """Makes a backup whenever the newest is older than `every_s`, however often processes start. One leads."""

    def __init__(
        self,
        database: Database,
        blobs: BlobStore,
        settings: BackupSettings,
        *,
        tenant: str,
    ) -> None:
        self._database = database
        self._settings = settings
        self._taker = BackupTaker(database, blobs, tenant=tenant)
        self._leadership = Leadership(database, "backup")
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="backup", daemon=True)

    def start(self) -> None:
        """Start looking."""
        self._thread.start()

    def stop(self) -> None:
        """Stop. A backup that is being made stays torn; the next one goes on with its packages."""
        self._stopping.set()
        self._thread.join(5.0)
        self._leadership.release()

    def due_in(self) -> float:
        """Seconds until the next backup is due; 0 or less where it is."""
        vault = Vault.open(self._settings.to, make=True)
        complete = [name for name, whole in vault.names().items() if whole]
        newest = vault.manifest(complete[-1]).made_at if complete else 0.0
        with self._database.read() as session:
            return newest + self._settings.every_s - rowcopy.moment(session)

    def take(self) -> None:
        """Make a backup now."""
        taken = self._taker.take(Vault.open(self._settings.to, make=True), keep=self._settings.keep)
        told = {"backup": taken.manifest.name, "packages": taken.manifest.packages, "copied": taken.copied}
        _log.info("backed up", extra=told)
        if taken.manifest.missing:
            _log.error("packages that the dock has lost are not in the backup: run `dock fsck`", extra=told)

    def _run(self) -> None:
        wait_s = 0.0
        while not self._stopping.wait(wait_s):
            wait_s = min(_LOOK_S, self._settings.every_s)
            try:
                # Looked at twice: another may have led, and made one, until a moment ago.
                if self.due_in() <= 0 and self._leadership.held() and self.due_in() <= 0:
                    self.take()
            except Exception:  # noqa: BLE001 - the thread must live on
                _log.exception("the backup failed; it is tried again")
