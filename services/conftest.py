"""What tests of services share: a real database under a clock of their own, a real store, and short ways to states."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest

from dock_blob.file import FileBlobStore
from dock_blob.mark import KEY
from dock_db import Database, LearnwareRow, Learnwares, Specifications, State
from dock_db.ownership import mark
from dock_ingestion.settings import IngestionSettings
from dock_ingestion.wiring import make_ingestion
from dock_rpc.channel import channel
from dock_rpc.server import build_server
from dock_sandbox.environment import EnvironmentBuilder
from dock_specification.catalogue import SpecificationCatalogue
from dock_specification.servicer import SpecificationServicer
from dockapi.ingestion.v1.ingestion_pb2_grpc import add_IngestionServiceServicer_to_server
from dockapi.specification.v1.specification_pb2_grpc import add_SpecificationServiceServicer_to_server
from learndock.package import read_package
from learndock.semantic import SemanticSpecification
from learndock.specification import TableSpecification
from tests.packages.models import build_package


class Clock:
    """Stands still until it is pushed."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        """Seconds since 1970, as the database takes them."""
        return self.now

    def pass_by(self, seconds: float) -> None:
        """Let time go by for the database."""
        self.now += seconds


@dataclass
class House:
    """A database and a store, with learnwares in whatever state a test begins with."""

    folder: Path
    database: Database
    blobs: FileBlobStore
    clock: Clock
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def package(self, **parts: Any) -> Path:
        """A package's zip; `parts` are those of `build_package`."""
        return build_package(self.folder / "packages" / f"{next(self.numbers)}.zip", **parts)

    def received(
        self, *, owner: str = "ann", tenant: str = "default", learnware_id: str = "", **parts: Any
    ) -> LearnwareRow:
        """A learnware that waits for its check."""
        self.clock.pass_by(0.001)
        path = self.package(**parts)
        data = path.read_bytes()
        package = read_package(path)
        assert package.semantic is not None
        digest = hashlib.sha256(data).hexdigest()
        key = f"packages/{tenant}/{digest}/upload-{next(self.numbers):06d}"
        self.blobs.put(key, [data])
        with self.database.transaction() as session:
            return Learnwares().insert(
                session,
                tenant=tenant,
                owner=owner,
                name=package.semantic.name,
                content_sha256=digest,
                size_bytes=len(data),
                blob_key=key,
                semantic_json=json.dumps(package.semantic.to_json()),
                specification_type=package.specification.type if package.specification else "",
                learnware_id=learnware_id,
            )

    def claimed(self, row: LearnwareRow, working: State = State.CHECKING, lease_s: float = 60.0) -> LearnwareRow:
        """The same learnware with somebody at work on it."""
        with self.database.transaction() as session:
            claimed = Learnwares().claim(session, row.learnware_id, row.version, working=working, lease_s=lease_s)
        assert claimed is not None
        return claimed

    def finished(self, row: LearnwareRow, to: State, reason: str = "") -> LearnwareRow:
        """The same learnware after its attempt ended."""
        with self.database.transaction() as session:
            Learnwares().finish(
                session, row.learnware_id, row.version, attempt=row.attempt, to=to, reason=reason, reason_text=reason
            )
        return self.now(row)

    def accepted(self, **parts: Any) -> LearnwareRow:
        """A learnware that waits for its embedding."""
        return self.finished(self.claimed(self.received(**parts)), State.ACCEPTED)

    def embedded(self, **parts: Any) -> LearnwareRow:
        """A learnware whose specification is stored, and that no index has yet."""
        row = self.claimed(self.accepted(**parts), State.EMBEDDING)
        with self.blobs.open(row.blob_key) as source:
            found = read_package(source).specification
        with self.database.transaction() as session:
            Specifications().store(
                session,
                row.learnware_id,
                row.version,
                type=found.type if found else "",
                payload=json.dumps(found.to_json()).encode() if found else b"",
                self_norm=found.self_norm if isinstance(found, TableSpecification) else 0.0,
                effective_size=found.effective_size if isinstance(found, TableSpecification) else 0.0,
            )
            Learnwares().mark_embedded(session, row.learnware_id, row.version, attempt=row.attempt)
        return self.now(row)

    def indexed(self, **parts: Any) -> LearnwareRow:
        """A learnware that an index has announced."""
        row = self.embedded(**parts)
        with self.database.transaction() as session:
            Learnwares().mark_indexed(session, row.learnware_id, row.version)
        return self.now(row)

    def delete(self, row: LearnwareRow) -> None:
        """Delete this version."""
        with self.database.transaction() as session:
            Learnwares().delete(session, row.learnware_id, row.version)

    def now(self, row: LearnwareRow) -> LearnwareRow:
        """The record as it is by now."""
        with self.database.read() as session:
            return Learnwares().get(session, row.learnware_id, row.version)

    def rows(self, *states: State) -> list[LearnwareRow]:
        """Every record, deleted ones only where named."""
        with self.database.read() as session:
            return Learnwares().list(session, tenant="default", states=states)

    def keys(self) -> set[str]:
        """Everything in the store but its mark, finished or not."""
        return {info.key for info in [*self.blobs.list(), *self.blobs.list_unfinished()]} - {KEY}

    def age_blobs(self, seconds: float) -> None:
        """Make everything in the store older."""
        for path in (self.folder / "blobs").rglob("*"):
            if path.is_file():
                moment = path.stat().st_mtime - seconds
                os.utime(path, (moment, moment))

    def semantic(self, row: LearnwareRow) -> SemanticSpecification:
        """The record's semantic specification."""
        return SemanticSpecification.from_json(row.semantic_json)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """An empty house."""
    clock = Clock()
    database = Database(f"sqlite:///{tmp_path / 'dock.db'}", clock=clock)
    database.create()
    blobs = FileBlobStore(tmp_path / "blobs")
    mark(database, blobs)
    yield House(tmp_path, database, blobs, clock)
    database.close()


@pytest.fixture
def until() -> Callable[..., None]:
    """Waits for something that other threads do."""

    def wait(condition: Callable[[], Any], seconds: float = 60.0) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "it did not happen"
            time.sleep(0.01)

    return wait


@pytest.fixture(scope="session")
def environments(tmp_path_factory: pytest.TempPathFactory) -> EnvironmentBuilder:
    """Environments that all tests share."""
    return EnvironmentBuilder(tmp_path_factory.mktemp("environments"))


@pytest.fixture
def peers(house: House) -> Iterator[grpc.Channel]:
    """Ingestion and specification over the house, as other services reach them."""
    ingestion = make_ingestion(house.database, house.blobs, IngestionSettings(), tenant="default").servicer
    specification = SpecificationServicer(SpecificationCatalogue(house.database, "default"))
    services = [
        ("dockapi.ingestion.v1.IngestionService", add_IngestionServiceServicer_to_server, ingestion),
        ("dockapi.specification.v1.SpecificationService", add_SpecificationServiceServicer_to_server, specification),
    ]
    with build_server(services, address="127.0.0.1:0") as server:
        opened = channel(f"127.0.0.1:{server.port}")
        yield opened
        opened.close()
