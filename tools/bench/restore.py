"""How long a backup, its restore and the look over what came back take: `python -m tools.bench.restore`.

Packages are small and each is another; rows are as ingestion leaves them. Both docks are in folders: every package is
synced to the disk, once in the place for backups and once in the restored dock.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from dock_blob.file import FileBlobStore
from dock_db import Database, Learnwares
from dock_server.backup.restoring import restore
from dock_server.backup.taking import BackupTaker
from dock_server.backup.vault import Vault
from dock_server.folder import DockFolder
from dock_server.inspection import Inspection
from dock_server.opened import OpenedDock
from dock_server.settings import DockSettings
from learndock.semantic import SemanticSpecification

_BATCH = 500
_SEMANTIC = SemanticSpecification(
    "Text", "Others", "Scikit-learn", ("Business",), "MIT", name="a model", description="one of many"
)
Result = TypeVar("Result")


def fill(dock: OpenedDock, count: int, package_bytes: int) -> None:
    """Put `count` learnwares into an empty dock, each with a package of its own."""
    for first in range(0, count, _BATCH):
        with dock.database.transaction() as session:
            for number in range(first, min(count, first + _BATCH)):
                data = number.to_bytes(8, "big") * (package_bytes // 8)
                digest = hashlib.sha256(data).hexdigest()
                key = f"packages/default/{digest}/upload-{number:08d}"
                dock.blobs.put(key, [data])
                Learnwares().insert(
                    session,
                    tenant="default",
                    owner=f"owner-{number % 50}",
                    name="a model",
                    content_sha256=digest,
                    size_bytes=len(data),
                    blob_key=key,
                    semantic_json=json.dumps(_SEMANTIC.to_json()),
                    specification_type="RKMETableSpecification",
                    learnware_id="",
                )


def timed(what: str, work: Callable[[], Result]) -> Result:
    """Do it, and say how long it took."""
    begun = time.monotonic()
    done = work()
    print(f"{what}: {time.monotonic() - begun:.1f} s", flush=True)
    return done


def dock_in(folder: Path) -> OpenedDock:
    """A dock in a folder, with nothing in it."""
    folder.mkdir()
    database = Database(f"sqlite:///{folder / 'dock.db'}")
    return OpenedDock(DockSettings(data=folder), DockFolder(folder), database, FileBlobStore(folder / "blobs"))


def main() -> None:
    """Make a dock, back it up, restore it and look it over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--learnwares", type=int, default=10_000)
    parser.add_argument("--package-bytes", type=int, default=8_192)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as top:
        dock, back = (dock_in(Path(top, name)) for name in ("dock", "back"))
        dock.database.create()
        timed("filling", lambda: fill(dock, given.learnwares, given.package_bytes))
        vault = Vault.open(str(Path(top, "vault")), make=True)
        taker = BackupTaker(dock.database, dock.blobs, tenant="default")
        made = timed("backup", lambda: taker.take(vault))
        timed("backup again", lambda: taker.take(vault))
        keys = Path(top, "keys")
        timed("restore", lambda: restore(vault, made.manifest, back.database, back.blobs, keys=keys))
        found = timed("fsck", lambda: list(Inspection(back, keys=keys, grace_s=60.0).findings()))
        print(f"{given.learnwares} learnwares; found: {sorted({each.kind for each in found})}")
        for each in (dock, back):
            each.database.close()


if __name__ == "__main__":
    main()
