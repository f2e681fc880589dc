"""A flood: one owner sends junk as fast as it can, without ever waiting as it is told to.

Run as a script it floods the dock at the address given as its argument until a line comes on standard input; it then
says as JSON how many answers of each kind it got.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import threading
import uuid
import zlib
from collections import Counter

import grpc

from dockapi.ingestion.v1 import ingestion_pb2 as pb
from dockapi.ingestion.v1 import ingestion_pb2_grpc

JUNK = b"no package " * 93
THREADS = 16


class Flood:
    """Junk from a process of its own, for the length of a with-block."""

    def __init__(self, address: str) -> None:
        self._address = address
        self.answers: dict[str, int] = {}

    def __enter__(self) -> Flood:
        command = [sys.executable, __file__, self._address]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self._process.stdout is not None:
            self._process.stdout.readline()  # it floods
        return self

    def __exit__(self, *_exc: object) -> None:
        self.answers = json.loads(self._process.communicate("stop\n")[0])


def _push(stub: ingestion_pb2_grpc.IngestionServiceStub) -> None:
    upload_id, digest = uuid.uuid4().hex, hashlib.sha256(JUNK).hexdigest()
    begun = pb.BeginUploadRequest(upload_id=upload_id, size_bytes=len(JUNK), sha256=digest, owner="flood")
    stub.BeginUpload(begun, timeout=30)
    chunk = pb.WriteUploadRequest(upload_id=upload_id, offset=0, data=JUNK, crc32=zlib.crc32(JUNK))
    stub.WriteUpload(iter([chunk]), timeout=30)
    stub.CommitUpload(pb.CommitUploadRequest(upload_id=upload_id), timeout=30)


def _flood(address: str, stop: threading.Event, answers: Counter[str]) -> None:
    with grpc.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)]) as link:
        stub = ingestion_pb2_grpc.IngestionServiceStub(link)
        while not stop.is_set():
            try:
                _push(stub)
                answers["OK"] += 1
            except grpc.RpcError as error:
                answers[error.code().name] += 1


def main() -> None:
    stop, answers = threading.Event(), [Counter[str]() for _ in range(THREADS)]
    threads = [threading.Thread(target=_flood, args=(sys.argv[1], stop, each)) for each in answers]
    for thread in threads:
        thread.start()
    print("it floods", flush=True)
    sys.stdin.readline()
    stop.set()
    for thread in threads:
        thread.join()
    print(json.dumps(sum(answers, Counter())))


if __name__ == "__main__":
    main()
