"""What a commit reads of the store: all of it once, for the digest and for the files in it."""

from __future__ import annotations

import hashlib
import random
import zipfile
from collections.abc import Iterator

import pytest

from dock_ingestion.passing import Passing
from learndock.errors import InvalidInput
from learndock.package import read_package

SIZE = 5 << 20
DATA = random.Random(0).randbytes(10_000)


class Counting:
    """An open file that counts what is read of it."""

    def __init__(self, source, counts: list[int]) -> None:
        self._source = source
        self._counts = counts

    def __enter__(self):
        return self

    def __exit__(self, *_exc: object) -> None:
        self._source.close()

    def seek(self, *place: int) -> int:
        return self._source.seek(*place)

    def read(self, size: int = -1) -> bytes:
        data = self._source.read(size)
        self._counts.append(len(data))
        return data


@pytest.fixture
def large(house):
    """A package much larger than what is kept in memory, one file of it packed."""
    path = house.package()
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("a.bin", random.Random(1).randbytes(SIZE), zipfile.ZIP_STORED)
        archive.writestr("z.bin", b"0123456789" * 100_000, zipfile.ZIP_DEFLATED)
    return path


@pytest.fixture
def counted(house, monkeypatch) -> list[int]:
    """How many bytes each read of the store gave."""
    counts: list[int] = []
    opened = house.blobs.open  # by which a store of files reads on, too
    monkeypatch.setattr(house.blobs, "open", lambda key: Counting(opened(key), counts))
    return counts


def sent_as(office, declaration, data: bytes) -> None:
    """Begun, and sent in chunks."""
    office.desk.begin(declaration)
    for start in range(0, len(data), 1 << 20):
        office.write(declaration, data[start : start + (1 << 20)], start)


def test_a_large_package_is_read_back_once(office, large, counted):
    declaration = office.declaration(large)
    sent_as(office, declaration, large.read_bytes())
    row, _ = office.desk.commit(declaration.upload_id)
    size = large.stat().st_size
    assert row.content_sha256 == hashlib.sha256(large.read_bytes()).hexdigest()
    assert size <= sum(counted) < size + (1 << 20)  # its directory and its few texts are read apart


@pytest.mark.parametrize("at", [10, 1 << 20, -10])
def test_a_byte_that_differs_is_told_as_the_digest_wherever_it_is(office, house, large, at):
    data = bytearray(large.read_bytes())
    data[at] ^= 1
    declaration = office.declaration(large)
    sent_as(office, declaration, bytes(data))
    with pytest.raises(InvalidInput) as refused:
        office.desk.commit(declaration.upload_id)
    assert refused.value.reason == "UPLOAD_DIGEST_MISMATCH"
    assert house.keys() == set()


def test_a_large_zip_that_is_damaged_as_declared_is_refused_as_that(office, house, large):
    data = bytearray(large.read_bytes())
    data[1 << 20] ^= 1
    large.write_bytes(data)
    declaration = office.declaration(large)
    sent_as(office, declaration, bytes(data))
    with pytest.raises(InvalidInput) as refused:
        office.desk.commit(declaration.upload_id)
    assert refused.value.reason == "ZIP_CORRUPT"
    assert house.keys() == set()


def chunks(size: int) -> Iterator[bytes]:
    return (DATA[start : start + size] for start in range(0, len(DATA), size))


@pytest.mark.parametrize("size", [1, 7, 1000, 10_000, 20_000])
def test_what_goes_by_is_read_and_hashed_skipped_or_not(size):
    passing = Passing(chunks(size))
    found = b""
    passing.seek(100)
    while len(found) < 2500:
        found += passing.read(2500 - len(found))
    assert found == DATA[100:2600]
    passing.seek(9_000)
    assert DATA[9_000:].startswith(passing.read(30))
    assert passing.finish() == (hashlib.sha256(DATA).hexdigest(), len(DATA))
    passing = Passing(chunks(size))
    passing.seek(len(DATA) + 5)
    assert passing.read(1) == b""
    assert passing.finish() == (hashlib.sha256(DATA).hexdigest(), len(DATA))


def test_what_went_by_does_not_come_again():
    passing = Passing(chunks(100))
    passing.seek(5_000)
    passing.read(10)
    with pytest.raises(ValueError, match="gone by"):
        passing.seek(10)


def test_a_package_of_which_all_goes_by_is_the_same_package(large):
    data = large.read_bytes()
    passing = Passing(data[start : start + 4096] for start in range(0, len(data), 4096))
    with large.open("rb") as source:
        found = read_package(source, sha256=hashlib.sha256(data).hexdigest(), contents=passing)
    alone = read_package(large)
    assert (found.name, found.files, found.sha256, found.notes) == (alone.name, alone.files, alone.sha256, alone.notes)
    assert passing.finish() == (found.sha256, found.size_bytes)
