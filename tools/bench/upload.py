"""Uploads: pushes to a dock with an object store and with files, beside putting the same bytes there without a dock."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from minio import Minio

from dock_rpc.channel import channel
from dockapi.ingestion.v1 import ingestion_pb2
from dockapi.ingestion.v1 import ingestion_pb2_grpc as rpc
from learndock.client.patience import Patience
from learndock.client.upload import Parcel, Upload, make_parcel
from table import Cell, Table

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT))

from tools.services.minio import S3Server  # noqa: E402

from tests.packages.models import build_package  # noqa: E402

COMMAND = "python tools/bench/upload.py"
MB = 1_000_000


@dataclass(frozen=True)
class Push:
    """Seconds until the last byte was persisted, and until the dock had accepted the package."""

    sent_s: float
    accepted_s: float


def tables(quick: bool) -> list[Table]:
    """Pushes of several sizes, by what holds the packages."""
    sizes = (1, 20) if quick else (1, 100, 1_000)
    rows: list[list[Cell]] = []
    with tempfile.TemporaryDirectory(prefix="dock-bench-") as scratch:
        folder = Path(scratch)
        server = S3Server(folder / "s3")
        server.start()
        try:
            for size in sizes:
                rows += _both(folder / f"{size}", size, server, 1 if quick else _repeats(size))
        finally:
            server.close()
    return [
        Table(
            key="upload.push",
            title="Pushing a package, and putting the same bytes without a dock",
            columns=(
                "packages lie in", "MB", "runs", "put, MB/s", "push until all is persisted, MB/s", "share of put",
                "put, s", "floor, s", "accepted, s", "share of put until accepted", "memory before, MB", "peak, MB",
            ),
            rows=rows,
            command=COMMAND,
            notes=(
                "Client, ingestion (gRPC on the loopback, SQLite) and the object store (MinIO) share these cores and "
                "one disk. Put: `fput_object` of the `minio` client to the same server, as it comes, with three parts "
                "at a time; for files, writing and syncing a copy. Each package is put, then pushed; figures are "
                "medians over the runs, shares medians of each run's own. A push is BeginUpload and WriteUpload; "
                "until accepted there is also the commit: the dock reads all of it back once, compares the digest, "
                "checks each file of the package and accepts it. Memory is that of the ingestion process (VmRSS, "
                "VmHWM).",
                "Floor: the parts that nobody can do without, measured one after the other by themselves: the put, one "
                "call without work, and one transaction that is synced to the disk. A push of 1 MB is three calls and "
                "two such transactions. The goal is a share of 0.8.",
            ),
        )
    ]  # fmt: skip


def _repeats(size: int) -> int:
    return {1: 15, 100: 5}.get(size, 2)


def _both(folder: Path, size: int, server: S3Server, repeats: int) -> list[list[Cell]]:
    folder.mkdir()
    url = server.new_bucket()
    try:
        packages = [_package(folder / f"{number}.zip", size, number) for number in range(repeats)]
        puts = {
            "an object store": lambda path: _put_object(url, path),
            "files": lambda path: _put_file(folder, path),
        }
        return [
            _measured(name, folder / name.split()[-1], packages, put, url if name != "files" else "")
            for name, put in puts.items()
        ]
    finally:
        shutil.rmtree(folder)


def _measured(name: str, folder: Path, packages: list[Path], put: Callable[[Path], None], url: str) -> list[Cell]:
    folder.mkdir()
    size = packages[0].stat().st_size / MB
    warm_up = build_package(folder / "warm-up.zip")
    put(warm_up)
    puts, pushes, besides = [], [], []
    with _ingestion(folder, url) as (port, pid):
        _push(port, make_parcel(warm_up, owner="bench", learnware_id="", semantic_json=""))
        before = _memory(pid, "VmRSS")
        for path in packages:
            puts.append(_seconds(lambda path=path: put(path)))  # type: ignore[misc]
            pushes.append(_push(port, make_parcel(path, owner="bench", learnware_id="", semantic_json="")))
            besides.append(_call(port) + _transaction(folder / "floor.db"))
        peak = _memory(pid, "VmHWM")
    put_s = median(puts)
    return [
        name,
        round(size),
        len(packages),
        size / put_s,
        size / median(push.sent_s for push in pushes),
        median(alone / push.sent_s for alone, push in zip(puts, pushes, strict=True)),
        put_s,
        put_s + median(besides),
        median(push.accepted_s for push in pushes),
        median(alone / push.accepted_s for alone, push in zip(puts, pushes, strict=True)),
        before,
        peak,
    ]


def _call(port: int) -> float:
    """Seconds of one call that finds nothing to do, on a line that stands."""
    with channel(f"127.0.0.1:{port}") as opened:
        stub = rpc.IngestionServiceStub(opened)
        nothing = ingestion_pb2.ListLearnwaresRequest(page_size=1, owner="nobody")
        stub.ListLearnwares(nothing)
        return _seconds(lambda: stub.ListLearnwares(nothing))


def _transaction(path: Path) -> float:
    """Seconds of one transaction on SQLite that is on the disk when it returns."""
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=FULL")
        database.execute("CREATE TABLE IF NOT EXISTS floor (made_at REAL)")
        return _seconds(lambda: database.execute("INSERT INTO floor VALUES (?)", (time.time(),)))


def _push(port: int, parcel: Parcel) -> Push:
    opened = channel(f"127.0.0.1:{port}")
    persisted_at: list[float] = []

    def progress(persisted: int, size: int) -> None:
        if persisted == size and not persisted_at:
            persisted_at.append(time.perf_counter())

    try:
        stub = rpc.IngestionServiceStub(opened)
        stub.ListLearnwares(ingestion_pb2.ListLearnwaresRequest(page_size=1))  # the line stands before the clock runs
        upload = Upload(stub, Patience(60.0), progress)
        start = time.perf_counter()
        upload.push(parcel)
        return Push(persisted_at[0] - start, time.perf_counter() - start)
    finally:
        opened.close()


def _put_object(url: str, path: Path) -> None:
    parts = urlsplit(url)
    client = Minio(
        f"{parts.hostname}:{parts.port}",
        access_key=parts.username,
        secret_key=parts.password,
        secure=False,
        region="us-east-1",
    )
    bucket = parts.path.strip("/")
    client.fput_object(bucket, "put", str(path))


def _put_file(folder: Path, path: Path) -> None:
    with path.open("rb") as source, (folder / "put").open("wb") as target:
        shutil.copyfileobj(source, target, 1 << 20)
        target.flush()
        os.fsync(target.fileno())


@contextmanager
def _ingestion(folder: Path, url: str) -> Iterator[tuple[int, int]]:
    """A server's port and process id."""
    command = [sys.executable, str(HERE / "upload_server.py"), str(folder), *([url] if url else [])]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield int((process.stdout.readline() if process.stdout else "") or 0), process.pid
    finally:
        process.terminate()
        process.wait()


def _package(path: Path, size: int, number: int) -> Path:
    """A package of about `size` MB, most of it bytes that no compression makes smaller."""
    build_package(path, kwargs={"threshold": float(number)})
    with zipfile.ZipFile(path, "a", zipfile.ZIP_STORED) as archive, archive.open("weights.bin", "w") as weights:
        for _ in range(size):
            weights.write(os.urandom(MB - (20_000 if size == 1 else 0)))
    return path


def _memory(pid: int, field: str) -> float:
    """MB of a process, by the kernel."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    line = next(line for line in status.splitlines() if line.startswith(f"{field}:"))
    return int(line.split()[1]) * 1024 / MB


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    for table in tables(quick="--quick" in sys.argv):
        print(table.to_markdown())


if __name__ == "__main__":
    main()
