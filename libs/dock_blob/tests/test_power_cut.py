"""The power goes at any moment of a store's work: what it had acknowledged is whole, and nothing else is listed."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest

from dock_blob.file import FileBlobStore
from dock_blob.tests.disk import Disk

PART = b"part" * 40
WHOLE = {"a/1": bytes(range(200)), "a/2": PART * 3, "b/c/3": b"x" * 333}


@dataclass
class Promises:
    """What the store has answered so far."""

    objects: set[str] = field(default_factory=set)
    parts: dict[str, int] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    going: set[str] = field(default_factory=set)


def copy(promises: Promises) -> Promises:
    return Promises(set(promises.objects), dict(promises.parts), set(promises.gone), set(promises.going))


def work(store: FileBlobStore, promises: Promises, said) -> None:
    store.put("a/1", [WHOLE["a/1"][:50], WHOLE["a/1"][50:]])
    promises.objects.add("a/1")
    said()
    for key in ("a/2", "b/c/3"):
        data, offset = WHOLE[key], 0
        while offset < len(data):
            offset = store.append_part(key, offset, data[offset : offset + len(PART)])
            promises.parts[key] = offset
            said()
    for key in ("a/2", "b/c/3"):
        store.complete(key)
        promises.objects.add(key)
        del promises.parts[key]
        said()
    promises.going.add("a/2")
    promises.objects.remove("a/2")
    said()
    store.delete("a/2")
    promises.gone.add("a/2")
    said()
    promises.gone.remove("a/2")  # from here on it may be back
    said()
    store.put("a/2", [WHOLE["a/2"]])
    promises.objects.add("a/2")
    promises.going.remove("a/2")
    said()


@pytest.fixture
def recorded(tmp_path, monkeypatch):
    """(image, promises) of every moment."""
    root = tmp_path / "store"
    root.mkdir()
    disk = Disk(root)
    promises, kept = Promises(), []

    def said() -> None:
        while len(kept) < len(disk.moments):
            kept.append(before[0])
        before[0] = copy(promises)
        disk.look()
        kept.append(before[0])

    before = [copy(promises)]
    with monkeypatch.context() as patch:
        disk.watch(patch)
        work(FileBlobStore(root), promises, said)
    return list(zip(disk.moments, kept, strict=True))


def judge(folder, promises: Promises) -> None:
    store = FileBlobStore(folder)
    listed = {info.key for info in store.list()}
    assert promises.objects <= listed
    assert not promises.gone & listed
    for key in listed:
        assert b"".join(store.read(key)) == WHOLE[key]
    for key, size in promises.parts.items():
        assert key in listed or store.persisted_bytes(key) >= size
    for key in promises.parts:  # what was sent need not be sent again, and what follows it fits
        if key not in listed:
            offset = store.persisted_bytes(key)
            assert store.append_part(key, offset, WHOLE[key][offset:]) == len(WHOLE[key])
            store.complete(key)
            assert b"".join(store.read(key))[: promises.parts[key]] == WHOLE[key][: promises.parts[key]]


def test_what_was_not_synced_is_gone(recorded, tmp_path):
    assert len(recorded) > 100
    for number, (image, promises) in enumerate(recorded):
        judge(image.write(tmp_path / f"cut{number}"), promises)


@pytest.mark.parametrize("namespace", ["synced", "seen"])
def test_any_part_of_what_was_not_synced_is_there(recorded, tmp_path, namespace):
    rng = random.Random(7)
    for number, (image, promises) in enumerate(recorded):
        judge(image.write(tmp_path / f"cut{number}", namespace=namespace, rng=rng), promises)


def _write_unsynced(path, chunks):
    return path.write_bytes(b"".join(chunks))


FORGETFUL = {"_write_synced": _write_unsynced, "_sync_folder": lambda _path: None}


@pytest.mark.parametrize("forgotten", FORGETFUL)
def test_a_store_that_does_not_sync_is_found_out(tmp_path, monkeypatch, forgotten):
    monkeypatch.setattr(f"dock_blob.file.{forgotten}", FORGETFUL[forgotten])
    root = tmp_path / "store"
    root.mkdir()
    disk = Disk(root)
    with monkeypatch.context() as patch:
        disk.watch(patch)
        FileBlobStore(root).put("a/1", [WHOLE["a/1"]])
        disk.look()
    with pytest.raises(AssertionError):
        judge(disk.moments[-1].write(tmp_path / "cut"), Promises(objects={"a/1"}))


class Died(BaseException):
    pass


@pytest.mark.parametrize("way", ["put", "complete"])
def test_a_process_dies_between_a_name_and_its_sync_and_then_the_power_goes(tmp_path, monkeypatch, way):
    root = tmp_path / "store"
    root.mkdir()
    disk = Disk(root)

    def bring() -> None:
        store = FileBlobStore(root)
        if way == "put":
            store.put("a/1", [WHOLE["a/1"]])
        else:
            store.complete("a/1")

    def die(name: str) -> None:
        if name == "blob.publish.before_sync":
            raise Died

    with monkeypatch.context() as patch:
        disk.watch(patch)
        FileBlobStore(root).append_part("a/1", 0, WHOLE["a/1"])
        with monkeypatch.context() as dying:
            dying.setattr("dock_blob.file.failpoint", die)
            with pytest.raises(Died):
                bring()
        bring()
        disk.look()
    judge(disk.moments[-1].write(tmp_path / "cut"), Promises(objects={"a/1"}))
