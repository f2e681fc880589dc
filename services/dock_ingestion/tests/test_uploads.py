from __future__ import annotations

import json
import threading
import time
import zlib

import pytest

from dock_db import State
from dock_ingestion.admission import digest
from learndock.errors import (
    AlreadyExists,
    DockError,
    FailedPrecondition,
    InvalidInput,
    NotFound,
    Overloaded,
    PermissionDenied,
    Unavailable,
)
from tests.packages.models import table_semantic, table_specification


def test_a_push_makes_one_received_learnware_with_its_bytes(office, house):
    package = house.package()
    row, present = office.push(package)
    assert not present
    assert (row.state, row.owner, row.version, row.name) == (State.RECEIVED, "ann", 1, "a small model")
    assert b"".join(house.blobs.read(row.blob_key)) == package.read_bytes()
    assert house.keys() == {row.blob_key}
    assert house.rows() == [row]


def test_it_goes_on_from_what_is_persisted_and_a_gap_is_refused(office, house):
    package = house.package()
    data = package.read_bytes()
    declaration = office.declaration(package)
    assert office.desk.begin(declaration).persisted_bytes == 0
    assert office.write(declaration, data[:100]) == 100
    with pytest.raises(InvalidInput) as gap:
        office.write(declaration, data[150:200], 150)
    assert gap.value.reason == "UPLOAD_OFFSET_GAP"
    assert gap.value.details["persisted_bytes"] == "100"
    assert office.desk.begin(declaration).persisted_bytes == 100
    assert office.write(declaration, data[100:], 100) == len(data)
    assert office.desk.query(declaration.upload_id).persisted_bytes == len(data)
    assert office.desk.commit(declaration.upload_id)[0].size_bytes == len(data)


def test_a_small_push_asks_the_store_for_nothing_twice(office, house, monkeypatch):
    """Each of these is a round trip to an object store."""
    asked: list[str] = []
    for name in ("persisted_bytes", "append", "stat", "complete", "read", "open", "delete", "abort"):
        real = getattr(house.blobs, name)

        def counted(*args, name=name, real=real):
            asked.append(name)
            return real(*args)

        monkeypatch.setattr(house.blobs, name, counted)
    package = house.package()
    declaration = office.declaration(package)
    office.desk.begin(declaration)
    assert asked == []
    office.write(declaration, package.read_bytes())
    assert [name for name in asked if name != "stat"] == ["append"]
    asked.clear()
    office.desk.commit(declaration.upload_id)
    assert asked.count("read") == 1
    assert asked.count("open") <= 1  # as files are read


def test_chunks_that_come_twice_or_overlap_are_harmless(office, house):
    package = house.package()
    data = package.read_bytes()
    declaration = office.declaration(package)
    office.desk.begin(declaration)
    for offset, end in [(0, 80), (0, 80), (40, 120), (100, len(data)), (0, 10)]:
        office.write(declaration, data[offset:end], offset)
    row, _ = office.desk.commit(declaration.upload_id)
    assert b"".join(house.blobs.read(row.blob_key)) == data


def test_a_damaged_chunk_is_not_persisted(office, house):
    package = house.package()
    declaration = office.declaration(package)
    office.desk.begin(declaration)
    with pytest.raises(InvalidInput) as damaged:
        office.desk.write(declaration.upload_id, 0, b"abc", zlib.crc32(b"abd"))
    assert damaged.value.reason == "UPLOAD_CHUNK_DAMAGED"
    assert office.desk.query(declaration.upload_id).persisted_bytes == 0


@pytest.mark.parametrize(("offset", "length"), [(-1, 10), (0, 100_001), (99_999, 2), (0, 5_000)])
def test_a_chunk_that_does_not_fit_is_refused(open_office, house, offset, length):
    office = open_office(max_chunk_bytes=4096)
    declaration = office.declaration(house.package(), size_bytes=100_000)
    office.desk.begin(declaration)
    with pytest.raises(InvalidInput) as misfit:
        office.write(declaration, bytes(length), offset)
    assert misfit.value.reason == "UPLOAD_CHUNK_MISFIT"
    assert house.keys() == set()


def test_what_was_not_declared_is_not_written(office):
    with pytest.raises(NotFound) as missing:
        office.desk.write("upload-unknown", 0, b"", 0)
    assert missing.value.reason == "UPLOAD_NOT_FOUND"


def test_an_incomplete_upload_is_not_committed_and_stays(office, house):
    package = house.package()
    declaration = office.declaration(package)
    office.desk.begin(declaration)
    office.write(declaration, package.read_bytes()[:50])
    with pytest.raises(FailedPrecondition) as incomplete:
        office.desk.commit(declaration.upload_id)
    assert incomplete.value.reason == "UPLOAD_INCOMPLETE"
    assert office.desk.query(declaration.upload_id).persisted_bytes == 50


def test_a_digest_that_differs_drops_the_upload(office, house):
    declaration = office.sent(house.package(), sha256="0" * 64)
    with pytest.raises(InvalidInput) as mismatch:
        office.desk.commit(declaration.upload_id)
    assert mismatch.value.reason == "UPLOAD_DIGEST_MISMATCH"
    assert house.keys() == set()
    assert house.rows() == []
    with pytest.raises(NotFound):
        office.desk.query(declaration.upload_id)


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"semantic": False}, "SEMANTIC_MISSING"),
        ({"specification": table_specification(5)}, "SPECIFICATION_WIDTH"),
        ({"extra": {"learnware.yaml": "model: [not, a, model]"}}, "YAML_INVALID"),
        ({"requirements": ["git+https://example.org/x"]}, "REQUIREMENT_REFUSED"),
    ],
)
def test_a_refused_package_leaves_nothing(office, house, parts, reason):
    declaration = office.sent(house.package(**parts))
    with pytest.raises(InvalidInput) as refused:
        office.desk.commit(declaration.upload_id)
    assert refused.value.reason == reason
    assert house.keys() == set()
    assert house.rows() == []
    assert office.desk.begin(declaration).persisted_bytes == 0


def test_what_is_no_zip_is_refused(office, house):
    notes = house.folder / "notes.zip"
    notes.write_bytes(b"these are notes")
    with pytest.raises(InvalidInput) as refused:
        office.push(notes)
    assert refused.value.reason == "ZIP_NOT_A_ZIP"
    assert house.keys() == set()


def test_the_semantic_specification_of_the_upload_wins(office, house):
    row, _ = office.push(house.package(), semantic_json=json.dumps(table_semantic(name="another name")))
    assert row.name == "another name"
    assert json.loads(row.semantic_json)["Name"]["Values"] == "another name"


def test_committing_twice_gives_the_same_learnware(office, house):
    declaration = office.sent(house.package())
    first, present = office.desk.commit(declaration.upload_id)
    assert not present
    assert office.desk.commit(declaration.upload_id) == (first, True)
    progress = office.desk.begin(declaration)
    assert progress.learnware == first
    assert progress.persisted_bytes == declaration.size_bytes
    assert office.write(declaration, b"late") == declaration.size_bytes
    assert house.rows() == [first]


def test_the_same_content_again_keeps_the_first_blob_and_removes_the_second(office, house):
    package = house.package()
    first, _ = office.push(package)
    again, present = office.push(package)
    assert present
    assert again == first
    assert house.keys() == {first.blob_key}


def test_the_same_content_of_another_owner_or_name_is_another_learnware(office, house):
    package = house.package()
    first, _ = office.push(package)
    other, _ = office.push(package, owner="bob")
    renamed, _ = office.push(package, semantic_json=json.dumps(table_semantic(name="renamed")))
    assert len({first.learnware_id, other.learnware_id, renamed.learnware_id}) == 3
    assert len(house.keys()) == 3


def test_content_that_was_deleted_comes_back_as_a_new_learnware(office, house):
    package = house.package()
    first, _ = office.push(package)
    office.catalogue.delete(first.learnware_id, 0)
    second, present = office.push(package)
    assert not present
    assert second.learnware_id != first.learnware_id


def test_an_update_is_the_next_version(office, house):
    first, _ = office.push(house.package())
    second, present = office.push(house.package(kwargs={"threshold": 1.0}), learnware_id=first.learnware_id)
    assert not present
    assert (second.learnware_id, second.version) == (first.learnware_id, 2)


def test_an_update_with_another_learnwares_content_is_no_twin_of_it(office, house):
    package = house.package()
    first, _ = office.push(package)
    other, _ = office.push(house.package(kwargs={"threshold": 1.0}))
    row, present = office.push(package, learnware_id=other.learnware_id)
    assert not present
    assert (row.learnware_id, row.version) == (other.learnware_id, 2)
    assert house.now(first) == first


def test_somebody_elses_learnware_is_not_updated_and_nothing_is_sent(office, house):
    first, _ = office.push(house.package())
    declaration = office.declaration(house.package(), owner="bob", learnware_id=first.learnware_id)
    with pytest.raises(PermissionDenied) as refused:
        office.desk.begin(declaration)
    assert refused.value.reason == "LEARNWARE_NOT_YOURS"
    assert house.keys() == {first.blob_key}


def test_an_update_of_nothing_is_refused_at_once(office, house):
    with pytest.raises(NotFound) as missing:
        office.desk.begin(office.declaration(house.package(), learnware_id="00000099"))
    assert missing.value.reason == "LEARNWARE_NOT_FOUND"


def test_an_update_whose_learnware_went_away_meanwhile_leaves_nothing(office, house):
    first, _ = office.push(house.package())
    declaration = office.sent(house.package(kwargs={"threshold": 1.0}), learnware_id=first.learnware_id)
    office.catalogue.delete(first.learnware_id, 0)
    with pytest.raises(NotFound) as gone:
        office.desk.commit(declaration.upload_id)
    assert gone.value.reason == "LEARNWARE_NOT_FOUND"
    assert house.keys() == {first.blob_key}


def test_an_upload_id_stands_for_one_declaration(office, house):
    declaration = office.sent(house.package())
    with pytest.raises(AlreadyExists) as taken:
        office.desk.begin(office.declaration(house.package(), upload_id=declaration.upload_id, owner="bob"))
    assert taken.value.reason == "UPLOAD_ID_TAKEN"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"upload_id": "short"}, "UPLOAD_DECLARATION_INVALID"),
        ({"upload_id": "../../../../etc"}, "UPLOAD_DECLARATION_INVALID"),
        ({"upload_id": "upload-000001\n"}, "UPLOAD_DECLARATION_INVALID"),
        ({"sha256": "F" * 64}, "UPLOAD_DECLARATION_INVALID"),
        ({"sha256": "0" * 64 + "\n"}, "UPLOAD_DECLARATION_INVALID"),
        ({"owner": ""}, "UPLOAD_DECLARATION_INVALID"),
        ({"owner": "ann\n"}, "UPLOAD_DECLARATION_INVALID"),
        ({"owner": "-ann"}, "UPLOAD_DECLARATION_INVALID"),
        ({"size_bytes": 0}, "UPLOAD_EMPTY"),
        ({"size_bytes": -1}, "UPLOAD_EMPTY"),
        ({"size_bytes": 6 << 30}, "ZIP_TOO_LARGE"),
        ({"semantic_json": "{"}, "SEMANTIC_INVALID"),
        ({"semantic_json": "[" * 50_000}, "SEMANTIC_INVALID"),
    ],
)
def test_a_declaration_is_checked_before_a_byte_is_sent(office, house, change, reason):
    with pytest.raises(InvalidInput) as refused:
        office.desk.begin(office.declaration(house.package(), **change))
    assert refused.value.reason == reason


def test_an_owner_with_a_full_backlog_comes_back_later(open_office, house):
    office = open_office(max_waiting_per_owner=2)
    sent = office.sent(house.package(kwargs={"threshold": 9.0}))
    for threshold in (1.0, 2.0):
        row, _ = office.push(house.package(kwargs={"threshold": threshold}))
    with pytest.raises(Overloaded) as full:
        office.desk.begin(office.declaration(house.package()))
    assert full.value.reason == "OWNER_BACKLOG_FULL"
    assert full.value.retry_after_s > 0
    office.desk.begin(office.declaration(house.package(), owner="bob"))
    house.finished(house.claimed(row), State.ACCEPTED)
    assert office.desk.begin(sent).persisted_bytes == sent.size_bytes


def test_uploads_begun_while_there_was_room_wait_as_well(open_office, house):
    office = open_office(max_waiting_per_owner=1)
    first, second = (office.sent(house.package(kwargs={"threshold": value})) for value in (1.0, 2.0))
    row, _ = office.desk.commit(first.upload_id)
    with pytest.raises(Overloaded) as full:
        office.desk.commit(second.upload_id)
    assert full.value.reason == "OWNER_BACKLOG_FULL"
    house.finished(house.claimed(row), State.ACCEPTED)
    assert office.desk.commit(second.upload_id)[0].state is State.RECEIVED


def test_uploads_come_no_faster_than_an_owner_may(open_office, house):
    office = open_office(max_uploads_per_minute=20)
    package = house.package()
    for _ in range(2):
        office.desk.begin(office.declaration(package))
    with pytest.raises(Overloaded) as refused:
        office.desk.begin(office.declaration(package))
    assert refused.value.reason == "UPLOADS_TOO_FAST"
    office.desk.begin(office.declaration(package, owner="bob"))


@pytest.mark.parametrize("twin", [False, True])
def test_threads_that_commit_one_upload_get_one_learnware(office, house, twin):
    package = house.package()
    if twin:
        office.push(package)
    declaration = office.sent(package)
    gate, results = threading.Barrier(4), []

    def commit():
        gate.wait()
        try:
            results.append(office.desk.commit(declaration.upload_id)[0].learnware_id)
        except DockError as error:
            results.append(error)

    threads = [threading.Thread(target=commit) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (row,) = house.rows()
    assert results == [row.learnware_id] * 4
    assert house.keys() == {row.blob_key}


def test_a_commit_that_another_overtakes_gives_the_same_learnware(office, house, monkeypatch):
    package = house.package()
    first, _ = office.push(package)
    declaration = office.sent(package)
    monkeypatch.setenv("DOCK_FAILPOINTS", "ingestion.commit.before_complete=sleep:0.4@1")
    slow = []
    thread = threading.Thread(target=lambda: slow.append(office.desk.commit(declaration.upload_id)))
    thread.start()
    time.sleep(0.1)
    assert office.desk.commit(declaration.upload_id) == (first, True)
    thread.join()
    assert slow == [(first, True)]
    assert house.keys() == {first.blob_key}


def test_threads_that_push_the_same_content_get_one_learnware(office, house):
    package = house.package()
    declarations = [office.sent(package) for _ in range(4)]
    gate, results = threading.Barrier(4), []

    def commit(declaration):
        gate.wait()
        results.append(office.desk.commit(declaration.upload_id)[0].learnware_id)

    threads = [threading.Thread(target=commit, args=(each,)) for each in declarations]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (row,) = house.rows()
    assert results == [row.learnware_id] * 4
    assert house.keys() == {row.blob_key}


@pytest.mark.parametrize("moment", ["before_complete", "after_complete", "before_transaction", "after_transaction"])
def test_a_commit_that_was_cut_is_made_again(office, house, monkeypatch, moment):
    declaration = office.sent(house.package())
    monkeypatch.setenv("DOCK_FAILPOINTS", f"ingestion.commit.{moment}=error")
    with pytest.raises(Unavailable):
        office.desk.commit(declaration.upload_id)
    monkeypatch.delenv("DOCK_FAILPOINTS")
    assert office.desk.begin(declaration).persisted_bytes == declaration.size_bytes
    row, _ = office.desk.commit(declaration.upload_id)
    assert house.rows() == [row]
    assert house.keys() == {row.blob_key}


def test_a_late_refusal_takes_nothing_from_what_was_sent_anew_and_accepted(office, house, monkeypatch):
    data = house.package().read_bytes()
    declaration = office.declaration(house.package())
    office.desk.begin(declaration)
    office.write(declaration, data[:-1] + b"x")
    started, go_on = threading.Event(), threading.Event()
    results = []

    def late_digest(chunks):
        found = digest(chunks)
        if threading.current_thread() is late:
            started.set()
            go_on.wait(60)
        return found

    monkeypatch.setattr("dock_ingestion.uploads.digest", late_digest)
    late = threading.Thread(target=lambda: results.append(office.desk.commit(declaration.upload_id)))
    late.start()
    started.wait(60)
    with pytest.raises(InvalidInput):
        office.desk.commit(declaration.upload_id)
    office.desk.begin(declaration)
    office.write(declaration, data)
    row, _ = office.desk.commit(declaration.upload_id)
    go_on.set()
    late.join()
    assert results == [(row, True)]
    assert house.keys() == {row.blob_key}
    assert office.desk.query(declaration.upload_id).learnware == row
