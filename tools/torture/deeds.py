"""What people do so that services pass their failpoints: also what no client does by itself."""

from __future__ import annotations

import hashlib
import itertools
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

import wares
from dockapi.ingestion.v1 import ingestion_pb2 as pb
from flow import Flow
from learndock.client import Dock
from learndock.client.upload import make_parcel
from lives import abandon

LARGE = 12 << 20
"""More than two parts of an object store."""


def deeds(flow: Flow, client: Dock) -> Iterator[Callable[[], object]]:
    """What is on the way of every failpoint, again and again; what is large or left half-way only at times."""
    for turn in itertools.count():
        if turn % 30 == 0:
            yield lambda: abandon(client, flow.rng)
            yield lambda: _abandon_large(flow, client)
            yield lambda: flow.push(client, flow.packages(1, ballast=LARGE)[0])
        if turn % 10 == 0:
            [package] = flow.packages(1)
            yield lambda package=package: _push_in_halves(flow, client, package)  # type: ignore[misc]
            yield lambda package=package: flow.push_twin(client, package)  # type: ignore[misc]
            yield lambda: _delete(flow, client)
        yield lambda: _predict(flow, client)


def _delete(flow: Flow, client: Dock) -> None:
    key = flow.take()
    if key is not None:
        flow.delete(client, key)


def _predict(flow: Flow, client: Dock) -> None:
    served = client.list(states=["INDEXED"])
    if served:
        client.predict([flow.rng.choice(served).learnware_id], np.zeros((3, wares.WIDTH)), "raw")


def _abandon_large(flow: Flow, client: Dock) -> None:
    data = flow.rng.randbytes(LARGE // 2)
    upload_id = f"abandoned-{flow.rng.getrandbits(60)}"
    _begin(client, upload_id, LARGE, hashlib.sha256(data).hexdigest())
    _write(client, upload_id, data)


def _push_in_halves(flow: Flow, client: Dock, package: Path) -> None:
    """As a client does whose line breaks: it goes on with what is there already."""
    parcel = make_parcel(package, owner=client.owner, learnware_id="", semantic_json="")
    flow.note(package)
    _begin(client, parcel.upload_id, parcel.size_bytes, parcel.sha256)
    _write(client, parcel.upload_id, package.read_bytes()[: parcel.size_bytes // 2])
    flow.push(client, package)


def _begin(client: Dock, upload_id: str, size_bytes: int, sha256: str) -> None:
    request = pb.BeginUploadRequest(upload_id=upload_id, size_bytes=size_bytes, sha256=sha256, owner=client.owner)
    client._peers.ingestion.BeginUpload(request)  # noqa: SLF001 - a client sends all or dies


def _write(client: Dock, upload_id: str, data: bytes) -> None:
    def chunks() -> Iterator[pb.WriteUploadRequest]:
        for offset in range(0, len(data), 1 << 20):
            piece = data[offset : offset + (1 << 20)]
            yield pb.WriteUploadRequest(upload_id=upload_id, offset=offset, data=piece, crc32=zlib.crc32(piece))

    client._peers.ingestion.WriteUpload(chunks())  # noqa: SLF001
