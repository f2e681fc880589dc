"""The S3 adapter on a real server: the contract, several replicas, sudden death, what is told of failures."""

from __future__ import annotations

import concurrent.futures
import hashlib
import io
import os
import random
import signal
import subprocess
import sys
import zipfile
from typing import ClassVar

import pytest

from dock_blob import Whole
from dock_blob.growth import Names
from dock_blob.s3 import S3BlobStore
from dock_blob.settings import BlobSettings
from dock_blob.tests.contract import BlobStoreContract, new_key
from learndock.errors import InvalidInput, Unavailable

PART = 5 << 20
SETTINGS = BlobSettings(part_bytes=PART, wait_s=0)


@pytest.fixture
def url(s3_server):
    return s3_server.new_bucket()


@pytest.fixture
def store(url):
    opened = S3BlobStore.connect(url, SETTINGS)
    yield opened
    opened.close()


@pytest.fixture
def other(url):
    """Another replica on the same bucket."""
    opened = S3BlobStore.connect(url, SETTINGS)
    yield opened
    opened.close()


class TestS3BlobStore(BlobStoreContract):
    pass


class TestS3BlobStoreBelowAPrefix(BlobStoreContract):
    @pytest.fixture
    def store(self, s3_server):
        opened = S3BlobStore.connect(s3_server.new_bucket().replace("?", "/docks/one?"), SETTINGS)
        yield opened
        opened.close()


def content(size: int, seed: int = 0) -> tuple[bytes, Whole]:
    data = random.Random(seed).randbytes(size)
    return data, Whole(size, hashlib.sha256(data).hexdigest())


def sliced(data: bytes, size: int = 1 << 20):
    return (data[start : start + size] for start in range(0, len(data), size))


def names_in(store) -> list[str]:
    return [found.name for found in store._bucket.below("")]


def nothing_unfinished(store, key: str) -> bool:
    names = Names.of("", key)
    return not list(store._bucket.below("unfinished/")) and not store._bucket.uploads(names.target)


@pytest.mark.parametrize("size", [1, PART - 1, PART, PART + 1, 3 * PART, 3 * PART + 12_345])
@pytest.mark.parametrize("declared", [True, False])
def test_an_upload_of_any_size_in_one_stream(store, size, declared):
    key = new_key()
    data, whole = content(size)
    told = whole if declared else None
    assert store.append(key, 0, sliced(data), told) == size
    assert store.complete(key, told).size == size
    assert b"".join(store.read(key)) == data
    assert nothing_unfinished(store, key)


def test_a_small_upload_is_one_object_from_the_first(store):
    key = new_key()
    data, whole = content(100_000)
    store.append(key, 0, [data], whole)
    assert names_in(store) == [f"objects/{key}!"]
    assert store.persisted_bytes(key) == 0
    assert store.append(key, 50_000, [data[50_000:]], whole) == 100_000


def test_what_was_not_declared_is_no_object_before_somebody_looked(store):
    key = new_key()
    _, whole = content(1000)
    wrong = b"x" * 1000
    assert store.append(key, 0, [wrong], whole) == 1000
    assert store.persisted_bytes(key) == 1000
    with pytest.raises(InvalidInput) as caught:
        store.complete(key, whole)
    assert caught.value.reason == "UPLOAD_DIGEST_MISMATCH"
    assert list(store.list()) == []
    store.abort(key)
    assert names_in(store) == []


def test_replicas_take_turns(store, other):
    key = new_key()
    data, whole = content(3 * PART + 777)
    rng = random.Random(1)
    offset, turn = 0, 0
    while offset < len(data):
        replica = (store, other)[turn % 2]
        assert replica.persisted_bytes(key) == offset
        step = rng.choice([1, 1000, 1 << 20, 3 << 20, 7 << 20])
        offset = replica.append(key, offset, sliced(data[offset : offset + step]), whole)
        turn += 1
    other.complete(key, whole)
    assert b"".join(store.read(key)) == data
    assert nothing_unfinished(store, key)


def test_a_slow_client_leaves_no_heap_of_segments(store):
    key = new_key()
    data, _ = content(3 * PART)
    for start in range(0, len(data), 1 << 20):
        store.append_part(key, start, data[start : start + (1 << 20)])
    assert [info.size for info in store.list_unfinished()] == [len(data)]
    assert names_in(store) == [Names.of("", key).begun]
    store.complete(key)
    assert b"".join(store.read(key)) == data


def test_a_broken_stream_keeps_what_came(store):
    key = new_key()
    data, whole = content(2 * PART)

    def breaks():
        yield from sliced(data[: PART + 100_000])
        raise ConnectionResetError("the client went away")

    with pytest.raises(ConnectionResetError):
        store.append(key, 0, breaks(), whole)
    assert store.persisted_bytes(key) == PART + 100_000


def test_two_push_the_same_upload_at_once_in_steps_of_their_own(store, other):
    key = new_key()
    data, whole = content(2 * PART + 99_999)

    def push(replica: S3BlobStore, seed: int) -> None:
        rng, offset = random.Random(seed), 0
        while offset < len(data):
            step = rng.choice([300_000, 1 << 20, 4 << 20])
            try:
                offset = replica.append(key, offset, sliced(data[offset : offset + step]), whole)
            except (Unavailable, InvalidInput) as error:
                assert error.reason in ("UPLOAD_INTERRUPTED", "UPLOAD_OFFSET_GAP")
                offset = replica.persisted_bytes(key)

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(push, [store, other, store, other], range(4)))
    store.complete(key, whole)
    assert b"".join(other.read(key)) == data
    assert nothing_unfinished(store, key)


def test_several_complete_at_once(store, other):
    key = new_key()
    data, whole = content(PART + 1)
    store.append(key, 0, sliced(data), whole)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda replica: replica.complete(key, whole).size, [store, other] * 2))
    assert done == [len(data)] * 4
    assert b"".join(store.read(key)) == data


def test_a_late_part_of_a_broken_stream_changes_nothing(store, other):
    key = new_key()
    data, whole = content(2 * PART)
    upload = []

    def late():
        yield data[:PART]
        other.append(key, 0, sliced(data), whole)
        other.complete(key, whole)
        upload.append(key)
        yield b"y" * PART

    try:
        store.append(key, 0, late(), whole)
    except Unavailable as error:
        assert error.reason == "UPLOAD_INTERRUPTED"
    assert upload
    assert b"".join(store.read(key)) == data
    store.complete(key, whole)
    assert b"".join(store.read(key)) == data


def test_a_stream_whose_upload_is_dropped_says_so_and_leaves_what_a_sweep_finds(store, other):
    key = new_key()
    data, whole = content(3 * PART)

    def dropped():
        yield data[:PART]
        other.abort(key)
        yield from sliced(data[PART:])

    try:
        store.append(key, 0, dropped(), whole)
    except Unavailable as error:
        assert error.reason == "UPLOAD_INTERRUPTED"
    other.abort(key)
    assert nothing_unfinished(store, key)


def test_multipart_uploads_of_others_are_not_touched(store):
    """Servers list multipart uploads by the exact name, others by prefix: both must do."""
    first, second = "packages/a/x", "packages/a/x2"
    for key in (first, second):
        store.append(key, 0, sliced(content(PART + 1)[0]))
    store.abort(first)
    assert store.persisted_bytes(second) == PART + 1


def test_a_zip_is_read_without_reading_it_all(store, monkeypatch):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("weights.bin", random.Random(2).randbytes(4 * PART))
        archive.writestr("learnware.yaml", b"model: yes")
        for number in range(200):
            archive.writestr(f"code/{number}.py", b"pass\n" * 10)
    key = new_key()
    store.put(key, sliced(packed.getvalue()))
    asked: list[int] = []
    get = store._bucket.get
    monkeypatch.setattr(
        store._bucket, "get", lambda name, offset, length: asked.append(length) or get(name, offset, length)
    )
    with store.open(key) as reader, zipfile.ZipFile(reader) as archive:
        assert archive.read("learnware.yaml") == b"model: yes"
        assert all(archive.read(f"code/{number}.py") for number in range(200))
        assert sum(asked) < 1 << 20
        assert len(asked) < 10
        assert len(archive.read("weights.bin")) == 4 * PART
    assert len(asked) < 40


def test_reading_anywhere_is_reading_the_bytes(store):
    key = new_key()
    data, _ = content(2_000_000)
    store.put(key, [data])
    rng = random.Random(3)
    with store.open(key) as reader:
        for _ in range(100):
            start, count = rng.randrange(len(data)), rng.choice([1, 100, 70_000])
            reader.seek(start)
            assert reader.read(count) == data[start : start + count]
        reader.seek(-5, os.SEEK_END)
        assert reader.read() == data[-5:]
        reader.seek(10, os.SEEK_END)
        assert reader.read() == b""


PROGRAM = """
import os, sys, random, hashlib
from dock_blob import Whole
from dock_blob.s3 import S3BlobStore
from dock_blob.settings import BlobSettings
store = S3BlobStore.connect(os.environ["URL"], BlobSettings(part_bytes=5 << 20, wait_s=0))
PART = 5 << 20
data = random.Random(0).randbytes(2 * PART + 4321)
whole = Whole(len(data), hashlib.sha256(data).hexdigest())
said = lambda what: print(what, flush=True)
offset = store.persisted_bytes("t/up") or (len(data) if any(each.key == "t/up" for each in store.list("t/up")) else 0)
while offset < len(data):
    step = 2 << 20
    offset = store.append("t/up", offset, [data[offset:offset + step]], whole)
    said(offset)
store.complete("t/up", whole)
said("completed")
small = data[:1000]
store.append("t/small", 0, [small], Whole(1000, hashlib.sha256(small).hexdigest()))
said("small")
store.append("t/pieces", 0, [small])
store.complete("t/pieces")
said("pieces")
store.append("t/dropped", 0, [data[:PART + 1]])
store.abort("t/dropped")
store.put("t/gone", [b"gone"])
store.delete("t/gone")
said("end")
"""
MOMENTS = [
    "begin.after_mark",
    "begin.after_upload",
    "append.part_under_way",
    "append.part_under_way@2",
    "append.after_segment",
    "append.after_segment@3",
    "append.after_whole",
    "complete.before",
    "complete.before_put",
    "complete.after",
    "complete.after@2",
    "abort.after_upload",
    "delete.after",
]


def run(url: str, moment: str) -> tuple[int, list[str]]:
    name, _, nth = moment.partition("@")
    setting = f"blob.bucket.{name}=kill" + (f"@{nth}" if nth else "")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "URL": url, "DOCK_FAILPOINTS": setting if moment else ""},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout.split()


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_at_a_moment_another_replica_goes_on(store, url, moment):
    data, _ = content(2 * PART + 4321)
    code, said = run(url, moment)
    assert code == -signal.SIGKILL
    acknowledged = max([int(word) for word in said if word.isdigit()], default=0)
    if not list(store.list("t/up")):
        assert store.persisted_bytes("t/up") >= acknowledged
    else:
        assert b"".join(store.read("t/up")) == data

    code, said = run(url, "")
    assert code == 0
    assert said[-1] == "end"
    assert b"".join(store.read("t/up")) == data
    assert b"".join(store.read("t/small")) == b"".join(store.read("t/pieces")) == data[:1000]
    for info in list(store.list_unfinished()):
        store.abort(info.key)
    assert names_in(store) == [f"objects/t/{key}!" for key in ("pieces", "small", "up")]
    assert not any(store._bucket.uploads(f"objects/t/{key}!") for key in ("up", "small", "pieces", "dropped"))


def test_what_was_acknowledged_survives_the_servers_death(own_s3):
    url = own_s3.new_bucket()
    store = S3BlobStore.connect(url, SETTINGS)
    data, whole = content(2 * PART + 7)
    store.append("t/up", 0, sliced(data[: PART + 1000]), whole)
    own_s3.kill()
    with pytest.raises(Unavailable):
        S3BlobStore.connect(url, SETTINGS)
    own_s3.start()
    offset = store.persisted_bytes("t/up")
    assert offset == PART + 1000
    store.append("t/up", offset, sliced(data[offset:]), whole)
    store.complete("t/up", whole)
    assert b"".join(store.read("t/up")) == data


class _SaysYesFirst:
    """A server's answers to a completion: 200 before it is done, and then the error in the text, `times` times."""

    headers: ClassVar[dict[str, str]] = {}
    data = b'<?xml version="1.0"?><Error><Code>InternalError</Code><Message>try again</Message></Error>'

    def __init__(self, store: S3BlobStore, times: int) -> None:
        client = store._bucket._client
        self._execute, self._left = client._execute, times
        client._execute = self

    def __call__(self, method: str, *args, **named):
        if method == "POST" and "uploadId" in named.get("query_params", {}) and self._left:
            self._left -= 1
            return self
        return self._execute(method, *args, **named)


def test_a_yes_with_an_error_in_it_is_no_completion(store):
    data, whole = content(PART + 1)
    store.append("a", 0, sliced(data), whole)
    _SaysYesFirst(store, times=1)
    assert store.complete("a", whole).size == len(data)
    _SaysYesFirst(store, times=1)
    assert store.put("b", sliced(data)) == len(data)
    assert b"".join(store.read("b")) == data


def test_where_the_completion_fails_for_good_what_came_stays(store):
    data, whole = content(PART + 1)
    store.append("a", 0, sliced(data), whole)
    _SaysYesFirst(store, times=SETTINGS.tries)
    with pytest.raises(Unavailable):
        store.complete("a", whole)
    assert store.persisted_bytes("a") == len(data)
    assert store.complete("a", whole).size == len(data)


def test_an_upload_goes_on_where_parts_have_become_larger_since(store, url):
    data, whole = content(3 * PART)
    store.append("a", 0, sliced(data[:PART]), whole)
    later = S3BlobStore.connect(url, BlobSettings(part_bytes=2 * PART, wait_s=0))
    assert later.persisted_bytes("a") == PART
    assert later.append("a", PART, sliced(data[PART:]), whole) == len(data)
    later.complete("a", whole)
    assert b"".join(store.read("a")) == data
    later.close()
