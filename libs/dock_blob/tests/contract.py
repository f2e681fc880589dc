"""What every BlobStore does. An adapter's tests inherit from it and give the fixture `store`."""

from __future__ import annotations

import concurrent.futures
import hashlib
import os
import random
import uuid

import pytest

from dock_blob import BlobStore, Whole
from dock_blob.mark import BACKUPS, KEY, PACKAGES, Mark, put_mark, read_mark
from learndock.errors import AlreadyExists, FailedPrecondition, InvalidInput, NotFound

BAD_KEYS = [
    "", "/", "/etc/passwd", "a//b", "a/", "..", "../a", "a/../b", "a/./b", ".hidden", "a/.b", "a\x00b", "a\nb",
    "a\\b", "a b", "ä", "a~", "a:b", "x" * 201, "/".join(["x" * 100] * 11),
]  # fmt: skip


def new_key() -> str:
    return f"packages/default/{uuid.uuid4().hex}/upload-1"


class BlobStoreContract:
    def test_put_and_read_back(self, store: BlobStore):
        key = new_key()
        assert store.put(key, [b"abc", b"", b"defg"]) == 7
        assert b"".join(store.read(key)) == b"abcdefg"
        assert store.stat(key).size == 7
        assert 0 <= store.stat(key).age_s < 60

    def test_an_empty_object(self, store: BlobStore):
        key = new_key()
        assert store.put(key, []) == 0
        assert list(store.read(key)) == []

    def test_ranges(self, store: BlobStore):
        key = new_key()
        store.put(key, [bytes(range(100))])
        assert b"".join(store.read(key, 90, 3)) == bytes(range(90, 100))
        assert [len(chunk) for chunk in store.read(key, 93, 3)] == [3, 3, 1]
        assert list(store.read(key, 100)) == list(store.read(key, 1000)) == []
        with pytest.raises(InvalidInput):
            store.read(key, -1)

    def test_open_is_seekable(self, store: BlobStore):
        key = new_key()
        store.put(key, [b"0123456789"])
        with store.open(key) as reader:
            assert reader.seek(0, os.SEEK_END) == 10
            reader.seek(4)
            assert reader.read(3) == b"456"

    def test_the_same_content_again_is_fine_and_other_content_is_refused(self, store: BlobStore):
        key = new_key()
        store.put(key, [b"first"])
        assert store.put(key, [b"fir", b"st"]) == 5
        with pytest.raises(AlreadyExists) as caught:
            store.put(key, [b"other"])
        assert caught.value.reason == "BLOB_EXISTS"
        assert b"".join(store.read(key)) == b"first"

    def test_the_mark_is_whoevers_came_first(self, store: BlobStore):
        assert read_mark(store) is None
        mine = Mark("a" * 32, PACKAGES)
        assert put_mark(store, mine) == put_mark(store, mine) == read_mark(store) == mine
        for other in (Mark("b" * 32, PACKAGES), Mark("a" * 32, BACKUPS)):
            assert put_mark(store, other) == mine
        assert [info.key for info in store.list()] == [KEY]
        assert list(store.list("packages/")) == list(store.list_unfinished()) == []

    @pytest.mark.parametrize("content", [b"", b"\xff", b"[]", b"{}", b'{"dock_id": "a"}'])
    def test_a_mark_that_says_nothing_is_no_mark_of_ours(self, store: BlobStore, content: bytes):
        store.put(KEY, [content])
        with pytest.raises(FailedPrecondition) as unreadable:
            read_mark(store)
        assert unreadable.value.reason == "STORE_MARK_UNREADABLE"

    def test_a_mark_of_which_a_bit_flipped_is_not_another_docks(self, store: BlobStore):
        put_mark(store, Mark("a" * 32, PACKAGES))
        written = b"".join(store.read(KEY))
        store.delete(KEY)
        store.put(KEY, [written.replace(b"a" * 32, b"a" * 31 + b"c")])
        with pytest.raises(FailedPrecondition) as unreadable:
            read_mark(store)
        assert unreadable.value.reason == "STORE_MARK_UNREADABLE"

    def test_a_put_that_breaks_off_leaves_nothing(self, store: BlobStore):
        key = new_key()

        def chunks():
            yield b"half"
            raise RuntimeError("the source broke")

        with pytest.raises(RuntimeError):
            store.put(key, chunks())
        with pytest.raises(NotFound):
            store.stat(key)
        assert list(store.list()) == list(store.list_unfinished()) == []

    def test_missing_objects(self, store: BlobStore):
        key = new_key()
        for ask in (store.open, store.read, store.stat, store.complete):
            with pytest.raises(NotFound) as caught:
                ask(key)
            assert caught.value.reason == "BLOB_NOT_FOUND"
        store.delete(key)
        store.abort(key)
        assert store.persisted_bytes(key) == 0

    @pytest.mark.parametrize("key", BAD_KEYS)
    def test_bad_keys(self, store: BlobStore, key: str):
        for ask in (
            store.open,
            store.read,
            store.stat,
            store.delete,
            store.abort,
            store.complete,
            store.persisted_bytes,
        ):
            with pytest.raises(InvalidInput) as caught:
                ask(key)
            assert caught.value.reason == "BLOB_KEY_INVALID"
        with pytest.raises(InvalidInput):
            store.put(key, [b""])
        with pytest.raises(InvalidInput):
            store.append_part(key, 0, b"x")

    def test_a_key_may_continue_another(self, store: BlobStore):
        store.put("a", [b"1"])
        store.put("a/b", [b"2"])
        store.put("a/b/c", [b"3"])
        assert [info.key for info in store.list()] == ["a", "a/b", "a/b/c"]
        store.delete("a/b")
        assert [info.key for info in store.list("a")] == ["a", "a/b/c"]

    def test_listing(self, store: BlobStore):
        for key in ("packages/x/1", "packages/x/2", "packages/y/1", "other/1"):
            store.put(key, [key.encode()])
        assert [info.key for info in store.list("packages/x/")] == ["packages/x/1", "packages/x/2"]
        assert [info.key for info in store.list("packages/")] == ["packages/x/1", "packages/x/2", "packages/y/1"]
        assert {info.size for info in store.list("other")} == {7}

    def test_an_upload_grows_and_completes(self, store: BlobStore):
        key = new_key()
        assert store.append_part(key, 0, b"abc") == 3
        assert store.append_part(key, 3, b"def") == 6
        assert store.persisted_bytes(key) == 6
        assert [info.key for info in store.list_unfinished()] == [key]
        assert list(store.list()) == []
        assert store.complete(key).size == 6
        assert store.complete(key).size == 6
        assert b"".join(store.read(key)) == b"abcdef"
        assert list(store.list_unfinished()) == []
        assert store.persisted_bytes(key) == 0

    @pytest.mark.parametrize("size", [0, 10, 3 << 20])
    @pytest.mark.parametrize("declared", [True, False])
    def test_a_stream_of_chunks(self, store: BlobStore, size: int, declared: bool):
        key, data = new_key(), random.Random(size).randbytes(size)
        whole = Whole(size, hashlib.sha256(data).hexdigest()) if declared else None
        half = data[: size // 2]
        assert store.append(key, 0, iter([half[:3], b"", half[3:]]), whole) == len(half)
        assert store.persisted_bytes(key) == len(half)
        assert store.append(key, 0, [data], whole) == size
        if size:
            store.complete(key, whole)
            assert b"".join(store.read(key)) == data

    def test_a_stream_that_breaks_off_keeps_what_came(self, store: BlobStore):
        key = new_key()

        def breaks():
            yield b"came"
            raise RuntimeError("the client went away")

        with pytest.raises(RuntimeError):
            store.append(key, 0, breaks())
        assert store.persisted_bytes(key) == 4
        with pytest.raises(InvalidInput):
            store.append(key, 5, [b"x"])
        assert store.append(key, 4, [b" whole"]) == 10
        store.complete(key)
        assert b"".join(store.read(key)) == b"came whole"

    def test_parts_again_and_overlapping_are_harmless(self, store: BlobStore):
        key = new_key()
        store.append_part(key, 0, b"abcd")
        assert store.append_part(key, 0, b"abcd") == 4
        assert store.append_part(key, 2, b"cdef") == 6
        assert store.append_part(key, 1, b"b") == 6
        assert store.append_part(key, 6, b"") == 6
        store.complete(key)
        assert b"".join(store.read(key)) == b"abcdef"
        assert store.append_part(key, 4, b"ef") == 6
        assert list(store.list_unfinished()) == []

    @pytest.mark.parametrize("offset", [4, 100, -1])
    def test_a_gap_is_refused(self, store: BlobStore, offset: int):
        key = new_key()
        store.append_part(key, 0, b"abc")
        with pytest.raises(InvalidInput) as caught:
            store.append_part(key, offset, b"x")
        assert caught.value.reason == "UPLOAD_OFFSET_GAP"
        assert store.persisted_bytes(key) == 3

    def test_completing_over_an_object(self, store: BlobStore):
        key = new_key()
        store.put(key, [b"kept"])
        with pytest.raises(AlreadyExists):
            store.append_part(key, 0, b"other content")
        assert b"".join(store.read(key)) == b"kept"

    def test_aborting_and_beginning_again(self, store: BlobStore):
        key = new_key()
        store.append_part(key, 0, b"wrong")
        store.abort(key)
        store.abort(key)
        assert store.persisted_bytes(key) == 0
        store.append_part(key, 0, b"right!")
        store.complete(key)
        assert b"".join(store.read(key)) == b"right!"

    def test_deleting_while_somebody_reads(self, store: BlobStore):
        key = new_key()
        store.put(key, [b"x" * 10_000])
        with store.open(key) as reader:
            assert reader.read(10) == b"x" * 10
            store.delete(key)
            store.delete(key)
        with pytest.raises(NotFound):
            store.read(key)

    def test_many_at_once(self, store: BlobStore):
        def upload(number: int) -> str:
            key = f"packages/t/{number % 5}/{number}"
            for start in range(0, 40, 10):
                store.append_part(key, start, bytes([number]) * 10)
            store.complete(key)
            return key

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            keys = list(pool.map(upload, range(40)))
        assert sorted(info.key for info in store.list()) == sorted(keys)
        assert all(b"".join(store.read(key)) == bytes([number]) * 40 for number, key in enumerate(keys))

    def test_the_same_part_from_several_clients(self, store: BlobStore):
        key = new_key()
        parts = [bytes([number]) * 100 for number in range(20)]

        def client(_: int) -> None:
            for number, part in enumerate(parts):
                store.append_part(key, number * 100, part)

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            list(pool.map(client, range(4)))
        store.complete(key)
        assert b"".join(store.read(key)) == b"".join(parts)
