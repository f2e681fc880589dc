"""Row 11 and 12 of the fault matrix: an object store that is down, busy, cut, short or wrong, and what is abandoned."""

from __future__ import annotations

import hashlib
import random
import threading
import time
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from minio.error import S3Error

from dock_blob.growth import Names
from dock_blob.s3 import S3BlobStore
from dock_blob.settings import BlobSettings
from dock_blob.trouble import typed
from dock_db import Database, Learnwares
from dock_ingestion.chunks import Chunk
from dock_ingestion.settings import IngestionSettings
from dock_ingestion.sweeper import Sweeper
from dock_ingestion.uploads import Declaration, UploadDesk
from dock_ingestion.wiring import make_ingestion
from dock_rpc.channel import channel
from dock_rpc.server import build_server
from dockapi.ingestion.v1 import ingestion_pb2_grpc as rpc
from learndock.client.download import Download
from learndock.client.patience import Patience
from learndock.client.records import LearnwareRecord
from learndock.client.upload import Upload, make_parcel
from learndock.errors import DockError, InvalidInput, Unavailable
from tests.faults.proxy import Plan, Proxy
from tests.packages.models import build_package

PART = 5 << 20
FAST = BlobSettings(part_bytes=PART, wait_s=0, tries=4, read_timeout_s=20)
CLOCK_AHEAD_S = 1_000.0


def package(path: Path, *, size: int = 0, number: int = 0) -> Path:
    build_package(path, kwargs={"threshold": float(number)})
    if size:
        with zipfile.ZipFile(path, "a", zipfile.ZIP_STORED) as archive:
            archive.writestr("weights.bin", random.Random(number).randbytes(size))
    return path


def through(url: str, proxy: Proxy) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{parts.username}:{parts.password}@127.0.0.1:{proxy.port}"))


@dataclass
class Bench:
    """A dock's ingestion on SQLite and on an object store behind a proxy, and the store without the proxy."""

    folder: Path
    proxy: Proxy
    database: Database
    direct: S3BlobStore
    stub: rpc.IngestionServiceStub

    def push(self, path: Path, patience_s: float = 60.0):
        parcel = make_parcel(path, owner="ann", learnware_id="", semantic_json="")
        return Upload(self.stub, Patience(patience_s)).push(parcel)

    def rows(self):
        with self.database.read() as session:
            return Learnwares().list(
                session, tenant="default", owner="", states=[], name_contains="", after=None, limit=100
            )

    def judge(self) -> None:
        """Every record has its bytes, by digest."""
        for row in self.rows():
            assert hashlib.sha256(b"".join(self.direct.read(row.blob_key))).hexdigest() == row.content_sha256


@pytest.fixture
def bench(tmp_path, s3_server) -> Iterator[Bench]:
    url = s3_server.new_bucket()
    parts = urlsplit(url)
    database = Database(f"sqlite:///{tmp_path / 'dock.db'}")
    database.create()
    with Proxy(str(parts.hostname), int(parts.port or 0)) as proxy:
        store, direct = S3BlobStore.connect(through(url, proxy), FAST), S3BlobStore.connect(url, FAST)
        ingestion = make_ingestion(database, store, IngestionSettings(), tenant="default")
        service = ("dockapi.ingestion.v1.IngestionService", rpc.add_IngestionServiceServicer_to_server)
        with build_server([(*service, ingestion.servicer)], address="127.0.0.1:0") as server:
            opened = channel(f"127.0.0.1:{server.port}")
            yield Bench(tmp_path, proxy, database, direct, rpc.IngestionServiceStub(opened))
            opened.close()
        store.close()
        direct.close()
    database.close()


@pytest.mark.parametrize(
    "shares",
    [
        {"refuse": 0.3},
        {"reset": 0.15, "reset_after": 0.15},
        {"reset_amid": 0.1, "truncate": 0.1, "wrong_request": 0.1},
    ],
    ids=["busy", "reset", "cut-and-wrong"],
)
def test_pushes_arrive_whole_through_a_store_that_fails_three_times_in_ten(bench, shares):
    bench.proxy.plan = Plan(shares, seed=7)
    large = package(bench.folder / "large.zip", size=2 * PART + 1000)
    small = [package(bench.folder / f"{number}.zip", number=number) for number in (1, 2)]
    accepted = {bench.push(path).learnware_id: path.read_bytes() for path in [*small, large]}
    assert set(bench.proxy.plan.done) == set(shares)
    bench.proxy.plan = Plan()
    assert {row.learnware_id for row in bench.rows()} == set(accepted)
    bench.judge()
    for row in bench.rows():
        assert b"".join(bench.direct.read(row.blob_key)) == accepted[row.learnware_id]


def test_what_is_read_back_wrong_is_not_accepted(bench):
    path = package(bench.folder / "a.zip", size=PART + 10)
    bench.proxy.plan = Plan({"wrong_bytes": 1.0}, only=lambda method, target: method == "GET" and "?" not in target)
    with pytest.raises(InvalidInput) as caught:
        bench.push(path)
    assert caught.value.reason == "UPLOAD_DIGEST_MISMATCH"
    assert bench.rows() == []
    bench.proxy.plan = Plan()
    assert bench.push(path).learnware_id
    bench.judge()


def test_a_download_of_wrong_bytes_is_found_out_by_the_client(bench):
    path = package(bench.folder / "a.zip", size=PART + 10)
    record = LearnwareRecord.from_message(bench.push(path))
    target = bench.folder / "pulled.zip"
    bench.proxy.plan = Plan({"wrong_bytes": 1.0}, only=lambda method, target: method == "GET" and "?" not in target)
    with pytest.raises(Unavailable) as caught:
        Download(bench.stub, Patience(5.0)).pull(record, target)
    assert caught.value.reason == "PACKAGE_DAMAGED"
    assert not target.exists()
    bench.proxy.plan = Plan({"truncate": 0.2, "reset_amid": 0.2}, seed=3)
    assert Download(bench.stub, Patience(60.0)).pull(record, target).read_bytes() == path.read_bytes()


def test_a_store_that_is_down_accepts_nothing_and_comes_back_by_itself(bench):
    path = package(bench.folder / "a.zip")
    bench.push(package(bench.folder / "before.zip", number=5))
    bench.proxy.plan = Plan({"down": 1.0})
    with pytest.raises(Unavailable) as caught:
        bench.push(path, patience_s=2.0)
    assert caught.value.reason == "STORAGE_DOWN"
    assert len(bench.rows()) == 1
    timer = threading.Timer(1.5, lambda: setattr(bench.proxy, "plan", Plan()))
    timer.start()
    bench.push(path)
    timer.join()
    assert len(bench.rows()) == 2
    bench.judge()


@pytest.mark.parametrize("fault", ["truncate", "reset_amid", "reset", "refuse", "down"])
def test_a_reader_raises_rather_than_end_early(s3_server, fault):
    url = s3_server.new_bucket()
    parts = urlsplit(url)
    data = random.Random(0).randbytes(9 << 20)
    with Proxy(str(parts.hostname), int(parts.port or 0)) as proxy:
        store = S3BlobStore.connect(through(url, proxy), FAST.model_copy(update={"tries": 1}))
        store.put("a", [data])
        seen = 0
        with pytest.raises(Unavailable) as caught:
            for chunk in store.read("a"):
                seen += len(chunk)
                proxy.plan = Plan({fault: 1.0})
        assert caught.value.reason == "STORAGE_DOWN"
        assert 0 < seen < len(data)
        proxy.plan = Plan()
        with store.open("a") as reader:
            reader.read(10)
            proxy.plan = Plan({fault: 1.0})
            with pytest.raises(Unavailable):
                reader.seek(5 << 20)
                reader.read(100)
        store.close()


def test_a_full_store_is_told_as_full():
    for code in ("XMinioStorageFull", "XMinioAdminBucketQuotaExceeded"):
        error = S3Error(None, code, "full", "/b/o", "1", "2", "b", "o")
        assert typed(error, "store/b").reason == "STORAGE_FULL"


ABANDONED = 200


def test_what_two_hundred_clients_abandoned_is_swept_and_nothing_else(tmp_path, s3_server, monkeypatch):
    store = S3BlobStore.connect(s3_server.new_bucket(), FAST)
    now = [1_000_000.0]
    database = Database(f"sqlite:///{tmp_path / 'dock.db'}", clock=lambda: now[0])
    database.create()
    settings = IngestionSettings(abandoned_after_s=1.0, max_uploads_per_minute=10_000)
    desk = UploadDesk(database, store, settings, "default")
    kept = [_pushed(desk, package(tmp_path / f"{number}.zip", number=number)) for number in range(3)]
    kept.append(_pushed(desk, package(tmp_path / "large.zip", size=PART + 5, number=9)))
    keys = [_abandon(desk, monkeypatch, number) for number in range(ABANDONED)]
    assert len(list(store.list_unfinished())) > ABANDONED // 4
    time.sleep(1.1)
    now[0] += CLOCK_AHEAD_S

    Sweeper(database, store, settings).sweep()

    assert sorted(found.name for found in store._bucket.below("")) == sorted(
        ["objects/dock-id!", *(f"objects/{row.blob_key}!" for row in kept)]
    )
    assert [key for key in keys if store._bucket.uploads(Names.of("", key).target)] == []
    for row in kept:
        assert hashlib.sha256(b"".join(store.read(row.blob_key))).hexdigest() == row.content_sha256
    store.close()
    database.close()


def _pushed(desk: UploadDesk, path: Path):
    data = path.read_bytes()
    declaration = _declare(desk, data, f"upload-{path.stem:0>8}")
    desk.receive(_chunks(declaration.upload_id, data))
    return desk.commit(declaration.upload_id)[0]


def _declare(desk: UploadDesk, data: bytes, upload_id: str, size: int = 0) -> Declaration:
    declaration = Declaration(upload_id, size or len(data), hashlib.sha256(data).hexdigest(), "ann")
    desk.begin(declaration)
    return declaration


def _chunks(upload_id: str, data: bytes) -> Iterator[Chunk]:
    for start in range(0, len(data), 1 << 20):
        piece = data[start : start + (1 << 20)]
        yield Chunk(upload_id, start, piece, zlib.crc32(piece))


LARGE_EVERY = 20
STAGES = ["", "append.after_segment", "append.after_whole", "complete.before_put", "complete.after"]
LARGE_STAGES = [
    "begin.after_mark",
    "begin.after_upload",
    "append.part_under_way",
    "append.after_segment",
    "complete.before",
]


def _abandon(desk: UploadDesk, monkeypatch, number: int) -> str:
    """Go as far as one stage and then no further, as a client or a dock does that dies."""
    large = number % LARGE_EVERY == 0
    stages = LARGE_STAGES if large else STAGES
    stage = stages[number // (LARGE_EVERY if large else 1) % len(stages)]
    data = random.Random(number).randbytes(PART + 100 if large else 500)
    whole = stage in ("append.after_whole", "complete.before")
    declaration = _declare(desk, data, f"abandoned-{number:04d}", size=0 if whole else len(data) + 1000)
    if stage:
        monkeypatch.setenv("DOCK_FAILPOINTS", f"blob.bucket.{stage}=error")
    try:
        desk.receive(_chunks(declaration.upload_id, data))
        key = f"packages/default/{declaration.sha256}/{declaration.upload_id}"
        desk._blobs.complete(key)
    except DockError:
        pass
    monkeypatch.delenv("DOCK_FAILPOINTS", raising=False)
    return f"packages/default/{declaration.sha256}/{declaration.upload_id}"
