"""A refused package is forgotten first and removed after, so that a store which hangs or fails holds nobody up."""

from __future__ import annotations

import threading

import pytest

from dock_blob.file import FileBlobStore
from learndock.errors import InvalidInput, NotFound, Unavailable

PATIENCE_S = 60.0


class SlowToDelete(FileBlobStore):
    """A store whose deletions take as long as the test wants."""

    def __init__(self, folder) -> None:
        super().__init__(folder, alone=False)
        self.reached, self.over = threading.Event(), threading.Event()

    def delete(self, key: str) -> None:
        """Stand still, then delete."""
        self.reached.set()
        assert self.over.wait(PATIENCE_S)
        super().delete(key)


class Down(FileBlobStore):
    """A store that deletes nothing."""

    def delete(self, key: str) -> None:
        """Fail."""
        raise Unavailable(f"{key} stays.", reason="STORAGE_DOWN")


class Dead(FileBlobStore):
    """A store at whose first touch after the refusal the process ends."""

    def abort(self, key: str) -> None:
        """End."""
        raise SystemExit(key)


def damaged(office, package):
    """Sent whole, with a last byte that is not the declared one."""
    data = package.read_bytes()
    declaration = office.declaration(package)
    office.desk.begin(declaration)
    office.write(declaration, data[:-1] + b"x")
    return declaration


def test_nobody_waits_while_the_store_takes_its_time_with_what_was_refused(office, open_office, house):
    package = house.package()
    declaration = damaged(office, package)
    slow, answers = open_office(), []
    slow.desk._blobs = store = SlowToDelete(house.folder / "blobs")
    thread = threading.Thread(target=lambda: answers.append(slow.desk.commit(declaration.upload_id)))
    thread.start()
    try:
        assert store.reached.wait(PATIENCE_S)
        office.desk.begin(declaration)  # the same upload anew, and whole this time
        office.write(declaration, package.read_bytes())
        row, _ = office.desk.commit(declaration.upload_id)
        assert answers == []
    finally:
        store.over.set()
        thread.join()
    assert answers == [(row, True)]
    assert house.keys() == {row.blob_key}
    assert b"".join(house.blobs.read(row.blob_key)) == package.read_bytes()


def test_what_the_store_fails_to_delete_is_left_to_the_sweeper(office, open_office, house):
    declaration = damaged(office, house.package())
    failing = open_office()
    failing.desk._blobs = Down(house.folder / "blobs", alone=False)
    with pytest.raises(InvalidInput) as refused:
        failing.desk.commit(declaration.upload_id)
    assert refused.value.reason == "UPLOAD_DIGEST_MISMATCH"
    with pytest.raises(NotFound):
        office.desk.query(declaration.upload_id)
    assert len(house.keys()) == 1
    house.age_blobs(1_000.0)
    assert office.sweeper.sweep() == 1
    assert house.keys() == set()


def test_a_death_between_forgetting_and_removing_leaves_it_to_the_sweeper(office, open_office, house):
    declaration = damaged(office, house.package())
    dying = open_office()
    dying.desk._blobs = Dead(house.folder / "blobs", alone=False)
    with pytest.raises(SystemExit):
        dying.desk.commit(declaration.upload_id)
    assert len(house.keys()) == 1
    house.age_blobs(1_000.0)
    assert office.sweeper.sweep() == 1
    assert house.keys() == set()
