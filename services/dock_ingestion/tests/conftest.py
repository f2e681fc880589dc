from __future__ import annotations

import hashlib
import itertools
import zlib
from pathlib import Path

import pytest

from dock_ingestion.catalogue import Catalogue
from dock_ingestion.settings import IngestionSettings
from dock_ingestion.sweeper import Sweeper
from dock_ingestion.uploads import Declaration, UploadDesk

GRACE_S = 100.0


class Office:
    """A desk over the house, and a client's manners."""

    def __init__(self, house, **settings):
        self.house = house
        self.settings = IngestionSettings(**{"abandoned_after_s": GRACE_S, **settings})
        self.desk = UploadDesk(house.database, house.blobs, self.settings, "default")
        self.catalogue = Catalogue(house.database, house.blobs, "default", poll_s=0.02)
        self.sweeper = Sweeper(house.database, house.blobs, self.settings)
        self._numbers = itertools.count(1)

    def declaration(self, package: Path, **changes) -> Declaration:
        data = package.read_bytes()
        values = {
            "upload_id": f"upload-{next(self._numbers):06d}",
            "size_bytes": len(data),
            "sha256": hashlib.sha256(data).hexdigest(),
            "owner": "ann",
        }
        return Declaration(**{**values, **changes})

    def write(self, declaration: Declaration, data: bytes, offset: int = 0) -> int:
        return self.desk.write(declaration.upload_id, offset, data, zlib.crc32(data))

    def sent(self, package: Path, **changes) -> Declaration:
        """Begun and sent whole, not committed."""
        declaration = self.declaration(package, **changes)
        self.desk.begin(declaration)
        self.write(declaration, package.read_bytes())
        return declaration

    def push(self, package: Path, **changes):
        return self.desk.commit(self.sent(package, **changes).upload_id)


@pytest.fixture
def office(house):
    return Office(house)


@pytest.fixture
def open_office(house):
    return lambda **settings: Office(house, **settings)
