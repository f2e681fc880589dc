"""Uploads: pushes to a dock with an object store and with files, beside putting the same bytes there without a dock."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
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
                "packages lie in", "MB", "put, MB/s", "push until all is persisted, MB/s", "share of put", "commit, s",
                "memory before, MB", "peak, MB",
            ),
            rows=rows,
            command=COMMAND,
            notes=(
                "Client, ingestion (gRPC on the loopback, SQLite) and the object store (MinIO) share these cores and "
                "one disk. Put: `fput_object` of the `minio` client to the same server, as it comes, with three parts "
                "at a time; for files, writing and syncing a copy. Both are the quickest of five runs, one for 1,000 "
                "MB. A push is BeginUpload and WriteUpload; commit is what comes after: the dock reads all of it back, "
                "compares the digest, looks at the package and accepts it. Memory is that of the ingestion process "
                "(VmRSS, VmHWM).",
                "The goal is a share of 0.8. Where the cores do other work too, as when this was published, the share "
                "of one run and the next differ by a factor of two: 0.5 to 1.1 for 100 and 1,000 MB.",
            ),
        )
    ]  # fmt: skip


def _repeats(size: int) -> int:
    return 1 if size >= 1_000 else 5


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
    puts, pushes = [], []
    with _ingestion(folder, url) as (port, pid):
        _push(port, make_parcel(warm_up, owner="bench", learnware_id="", semantic_json=""))
        before = _memory(pid, "VmRSS")
        for path in packages:
            puts.append(_seconds(lambda path=path: put(path)))  # type: ignore[misc]
            pushes.append(_push(port, make_parcel(path, owner="bench", learnware_id="", semantic_json="")))
        peak = _memory(pid, "VmHWM")
    rate, sent = size / min(puts), size / min(push.sent_s for push in pushes)
    commit = min(push.accepted_s - push.sent_s for push in pushes)
    return [name, round(size), rate, sent, sent / rate, commit, before, peak]


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


def _seconds(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    for table in tables(quick="--quick" in sys.argv):
        print(table.to_markdown())


if __name__ == "__main__":
    main()
