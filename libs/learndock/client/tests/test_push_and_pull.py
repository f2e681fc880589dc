"""Bytes get there and back whole, whatever is cut in between."""

from __future__ import annotations

import numpy as np
import pytest

from learndock.client import Dock, upload
from learndock.client.patience import Patience
from learndock.errors import FailedPrecondition, InvalidInput, NotFound, Unavailable

DATA = np.random.default_rng(0).bytes(300_001)


@pytest.fixture
def package(tmp_path):
    path = tmp_path / "package.zip"
    path.write_bytes(DATA)
    return path


def test_a_push_arrives_whole_and_counts_up(house, dock, package):
    seen = []
    record = dock.push(package, on_progress=lambda sent, total: seen.append((sent, total)))
    assert house.ingestion.packages[record.learnware_id] == DATA
    assert (record.owner, record.size_bytes, record.state) == ("ada", len(DATA), "INDEXED")
    assert seen == sorted(seen)
    assert seen[0] == (0, len(DATA))
    assert seen[-1] == (len(DATA), len(DATA))


@pytest.mark.parametrize("fault", ["cut_writes", "damage_chunks", "cut_commits"])
def test_a_push_goes_on_by_itself(house, dock, package, fault):
    setattr(house.ingestion.faults, fault, 2)
    record = dock.push(package)
    assert house.ingestion.packages[record.learnware_id] == DATA
    assert house.ingestion.received == len(DATA)
    assert len(house.ingestion.learnwares) == 1


def test_another_process_goes_on_where_the_first_was_stopped(house, dock, package, monkeypatch):
    monkeypatch.setattr(upload, "LONGEST_STREAM_S", 0.0)  # as on a line so slow that a stream is a chunk

    def stop(sent: int, total: int) -> None:
        if sent > total // 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dock.push(package, on_progress=stop)
    sent_first = house.ingestion.received
    starts = []
    with Dock(house.address, owner="ada") as another:
        another.push(package, on_progress=lambda sent, _: starts.append(sent))
    assert len(DATA) // 3 < starts[0] == sent_first < len(DATA)
    assert house.ingestion.received == len(DATA)


def test_a_file_that_becomes_shorter_while_it_is_pushed_is_told(house, dock, package, monkeypatch):
    monkeypatch.setattr(upload, "LONGEST_STREAM_S", 0.0)
    with pytest.raises(InvalidInput) as caught:
        dock.push(package, on_progress=lambda sent, _: package.write_bytes(DATA[:sent]))
    assert caught.value.reason == "FILE_CHANGED"


def test_the_same_push_again_sends_nothing(house, dock, package):
    first = dock.push(package)
    assert dock.push(package).learnware_id == first.learnware_id
    assert house.ingestion.received == len(DATA)


def test_what_was_deleted_can_be_pushed_again(house, dock, package):
    first = dock.push(package)
    dock.delete(first.learnware_id)
    second = dock.push(package)
    assert second.learnware_id != first.learnware_id
    assert second.state == "INDEXED"
    assert dock.push(package).learnware_id == second.learnware_id


def test_another_owner_or_learnware_is_another_upload(house, dock, package):
    dock.push(package)
    dock.push(package, learnware_id="lw-0")
    with Dock(house.address, owner="bob") as bob:
        bob.push(package)
    assert len(house.ingestion.uploads) == 3


def test_a_folder_is_packed_on_the_way(house, dock, tmp_path):
    folder = tmp_path / "learnware"
    folder.mkdir()
    (folder / "learnware.yaml").write_text("model: {}\n")
    record = dock.push(folder)
    assert house.ingestion.packages[record.learnware_id].startswith(b"PK")


def test_patience_with_a_line_that_stays_cut_ends(house, package):
    house.ingestion.faults.cut_writes = 10**9
    with Dock(house.address, owner="ada", patience_s=1.0) as dock, pytest.raises(Unavailable) as caught:
        dock.push(package)
    assert caught.value.reason == "CUT"


def test_a_file_that_is_not_there_is_named(dock, tmp_path):
    with pytest.raises(InvalidInput) as caught:
        dock.push(tmp_path / "nothing.zip")
    assert caught.value.reason == "FILE_UNREADABLE"
    assert "nothing.zip" in caught.value.message


def test_a_dock_that_is_down_is_told_at_once(package):
    with Dock("127.0.0.1:1", patience_s=86_400.0) as dock, pytest.raises(Unavailable) as caught:
        dock.push(package)
    assert caught.value.reason == "DOCK_UNREACHABLE"


def test_a_pull_into_a_folder_or_a_file(house, dock, tmp_path):
    house.ingestion.add("lw-0", DATA)
    into_folder = dock.pull("lw-0", tmp_path / "new")
    into_file = dock.pull("lw-0", tmp_path / "mine.zip")
    assert into_folder.name == "lw-0-v1.zip"
    assert into_file == tmp_path / "mine.zip"
    assert into_folder.read_bytes() == into_file.read_bytes() == DATA
    assert list(tmp_path.rglob("*.part")) == []


def test_a_pull_goes_on_after_cuts_and_fetches_no_byte_twice(house, dock, tmp_path):
    house.ingestion.add("lw-0", DATA)
    house.ingestion.faults.cut_downloads = 3
    seen = []
    path = dock.pull("lw-0", tmp_path, on_progress=lambda got, _: seen.append(got))
    assert path.read_bytes() == DATA
    assert house.ingestion.sent <= len(DATA) + 3 * 1000
    assert seen == sorted(seen)


def test_another_process_goes_on_with_a_pull(house, dock, tmp_path):
    house.ingestion.add("lw-0", DATA)

    def stop(got: int, _total: int) -> None:
        if got > 100_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dock.pull("lw-0", tmp_path, on_progress=stop)
    assert not (tmp_path / "lw-0-v1.zip").exists()
    seen = []
    path = dock.pull("lw-0", tmp_path, on_progress=lambda got, _: seen.append(got))
    assert seen[0] > 100_000
    assert path.read_bytes() == DATA


def test_a_package_that_is_there_is_not_fetched_again(house, dock, tmp_path):
    house.ingestion.add("lw-0", DATA)
    dock.pull("lw-0", tmp_path)
    dock.pull("lw-0", tmp_path)
    assert house.ingestion.sent == len(DATA)


@pytest.mark.parametrize("fault", ["flip_downloads", "wrong_sha256"])
def test_a_damaged_package_never_gets_its_name(house, dock, tmp_path, fault):
    house.ingestion.add("lw-0", DATA)
    setattr(house.ingestion.faults, fault, 1)
    with pytest.raises(Unavailable) as caught:
        dock.pull("lw-0", tmp_path)
    assert caught.value.reason == "PACKAGE_DAMAGED"
    assert not (tmp_path / "lw-0-v1.zip").exists()
    setattr(house.ingestion.faults, fault, 0)
    assert dock.pull("lw-0", tmp_path).read_bytes() == DATA


def test_an_id_of_a_hostile_dock_does_not_leave_the_folder(house, dock, tmp_path):
    house.ingestion.add("../../evil", b"x")
    assert dock.pull("../../evil", tmp_path / "in").parent == tmp_path / "in"


def test_a_pull_of_nothing(house, dock, tmp_path):
    with pytest.raises(NotFound):
        dock.pull("lw-9", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_can_not_be_written_is_named(house, dock, tmp_path):
    house.ingestion.add("lw-0", DATA)
    (tmp_path / "file").write_text("")
    with pytest.raises(FailedPrecondition) as caught:
        dock.pull("lw-0", tmp_path / "file" / "folder")
    assert caught.value.reason == "FILE_UNWRITABLE"


def test_patience_pauses_longer_each_time_and_starts_over_with_progress():
    now, pauses = [0.0], []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        now[0] += seconds

    patience = Patience(10.0, clock=lambda: now[0], sleep=sleep)
    cut = Unavailable("cut", reason="CUT")
    with pytest.raises(Unavailable):
        patience.bear(cut)
    assert pauses == []
    patience.reached()
    with pytest.raises(Unavailable):
        while True:
            patience.bear(cut)
    assert 5 < sum(pauses) <= 12
    assert pauses[0] < pauses[2] < pauses[3]
    patience.progress()
    patience.bear(cut)
    with pytest.raises(InvalidInput):
        patience.bear(InvalidInput("no", reason="NO"))
