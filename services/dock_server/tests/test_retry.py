from __future__ import annotations

from click.testing import CliRunner
from services.conftest import Clock, House

from dock_blob.file import FileBlobStore
from dock_db import Database, State
from dock_server.retry import retry


def test_what_was_given_up_is_started_again_on_a_server_too(postgres_server, tmp_path):
    url = postgres_server.new_database()
    database = Database(url)
    database.create()
    house = House(tmp_path, database, FileBlobStore(tmp_path / "blobs"), Clock())
    row = house.finished(house.claimed(house.received()), State.FAILED_INTERNAL, "TRIES_EXHAUSTED")
    done = CliRunner().invoke(retry, [row.learnware_id], env={"DOCK_DB_URL": url})
    assert done.exit_code == 0, done.output
    assert house.now(row).state is State.RECEIVED
    database.close()


def test_a_folder_that_is_named_wins_over_the_server(tmp_path):
    done = CliRunner().invoke(
        retry, ["00000001", "--data", str(tmp_path)], env={"DOCK_DB_URL": "postgresql://127.0.0.1:1/none"}
    )
    assert getattr(done.exception, "reason", "") == "DOCK_FOLDER_NOT_FOUND"
