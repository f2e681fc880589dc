"""A look over a dock whose store reads wrong; what is really damaged is in tests/torture/test_fsck.py."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dock_blob.file import FileBlobStore
from dock_server.folder import DockFolder
from dock_server.inspection import Inspection
from dock_server.opened import OpenedDock
from dock_server.settings import DockSettings


class Flaky(FileBlobStore):
    """A store that gives the first byte wrong in its first `wrong` readings."""

    wrong = 1

    def read(self, key: str, offset: int = 0, chunk_bytes: int = 1 << 20) -> Iterator[bytes]:
        chunks = super().read(key, offset, chunk_bytes)
        if not self.wrong or not key.startswith("packages/"):
            return chunks
        self.wrong -= 1
        return (bytes([chunk[0] ^ 1]) + chunk[1:] for chunk in chunks)


@pytest.mark.parametrize(("wrong", "kind"), [(0, ""), (1, "PACKAGE_UNREADABLE"), (2, "PACKAGE_DAMAGED")])
def test_only_what_is_wrong_twice_is_damaged_and_goes_into_quarantine(house, wrong, kind):
    house.database.create()
    row = house.received()
    store = Flaky(house.folder / "blobs")
    store.wrong = wrong
    dock = OpenedDock(DockSettings(data=house.folder), DockFolder(house.folder), house.database, store)
    inspection = Inspection(dock, keys=house.folder / "keys", grace_s=60.0)
    found = [each for each in inspection.findings() if each.kind.startswith("PACKAGE_")]
    assert [each.kind for each in found] == [kind] * bool(kind)
    moved = [path for each in found if (path := inspection.quarantine(each))]
    assert len(moved) == (wrong == 2)
    assert (house.keys() == {row.blob_key}) == (not moved)
