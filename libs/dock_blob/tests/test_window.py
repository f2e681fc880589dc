"""What uploads hold in memory, counted in bytes that were taken of clients and are not stored yet."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from dock_blob import Whole
from dock_blob.s3 import S3BlobStore
from dock_blob.settings import BlobSettings
from dock_blob.tests.contract import new_key

PART, CHUNK, PARTS = 5 << 20, 1 << 20, 5
PATIENCE_S = 120.0


class Scale:
    """Bytes that are held now, and the most there ever were."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.taken = self.held = self.most = 0

    def take(self, size: int) -> None:
        """Bytes come from a client."""
        with self._lock:
            self.taken += size
            self.held += size
            self.most = max(self.most, self.held)

    def give(self, size: int) -> None:
        """Bytes are stored."""
        with self._lock:
            self.held -= size


@pytest.mark.parametrize(("uploads", "connections"), [(1, 16), (3, 4)], ids=["one", "many"])
def test_a_store_that_takes_its_time_does_not_fill_the_memory(s3_server, monkeypatch, uploads, connections):
    """The store stands still until everybody has taken what he may: a part each, and those on the way."""
    settings = BlobSettings(part_bytes=PART, wait_s=0, connections=connections)
    store, scale, go_on = S3BlobStore.connect(s3_server.new_bucket(), settings), Scale(), threading.Event()
    put_part = store._bucket.put_part

    def slow(name: str, upload: str, number: int, data: bytes):
        assert go_on.wait(PATIENCE_S)
        stored = put_part(name, upload, number, data)
        scale.give(len(data))
        return stored

    monkeypatch.setattr(store._bucket, "put_part", slow)

    def chunks(content: bytes) -> Iterator[bytes]:
        for start in range(0, len(content), CHUNK):
            scale.take(CHUNK)
            yield content[start : start + CHUNK]

    contents = {new_key(): bytes([number]) * (PARTS * PART) for number in range(uploads)}
    wholes = {key: Whole(len(data), hashlib.sha256(data).hexdigest()) for key, data in contents.items()}
    with ThreadPoolExecutor(uploads) as pool:
        sent = [pool.submit(store.append, key, 0, chunks(data), wholes[key]) for key, data in contents.items()]
        on_the_way = min(3 * uploads, connections // 2)
        settled(scale, (uploads + on_the_way - 1) * PART)
        go_on.set()
        assert [each.result() for each in sent] == [PARTS * PART] * uploads
    assert scale.taken == uploads * PARTS * PART
    assert (uploads + on_the_way - 1) * PART < scale.most <= (uploads + on_the_way) * PART
    for key, whole in wholes.items():
        store.complete(key, whole)
        assert hashlib.sha256(b"".join(store.read(key))).hexdigest() == whole.sha256
    store.close()


def settled(scale: Scale, least: int) -> None:
    """Wait until more than `least` bytes are taken, and nobody takes more."""
    before, end = -1, time.monotonic() + PATIENCE_S
    while scale.taken <= least or before != scale.taken:
        assert time.monotonic() < end
        before = scale.taken
        time.sleep(1.0)
