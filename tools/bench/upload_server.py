"""Ingestion alone in a process of its own: upload_server.py FOLDER [BLOB_URL] prints its port, and serves."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path

from dock_blob import BlobStore
from dock_blob.file import FileBlobStore
from dock_blob.s3 import S3BlobStore
from dock_db import Database
from dock_ingestion.settings import IngestionSettings
from dock_ingestion.wiring import make_ingestion
from dock_rpc.server import build_server
from dockapi.ingestion.v1 import ingestion_pb2_grpc as rpc


def main() -> None:
    folder = Path(sys.argv[1])
    blobs: BlobStore = S3BlobStore.connect(sys.argv[2]) if len(sys.argv) > 2 else FileBlobStore(folder / "blobs")
    database = Database(f"sqlite:///{folder / 'dock.db'}")
    database.create()
    ingestion = make_ingestion(database, blobs, IngestionSettings(), tenant="default")
    service = ("dockapi.ingestion.v1.IngestionService", rpc.add_IngestionServiceServicer_to_server, ingestion.servicer)
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    with build_server([service], address="127.0.0.1:0") as server:
        print(server.port, flush=True)
        stopped.wait()


if __name__ == "__main__":
    main()
