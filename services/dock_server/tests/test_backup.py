"""A backup is whole or torn, takes only what is missing, says what is damaged, and comes back in any kind of dock."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner
from services.conftest import Clock, House
from tools.services.house import dock_environment

from dock_blob.file import FileBlobStore
from dock_checking.signer import Signer
from dock_db import Database, Learnwares, State, holds
from dock_ingestion.settings import IngestionSettings
from dock_ingestion.sweeper import Sweeper
from dock_server.backup.commands import backup as backup_command
from dock_server.backup.commands import restore as restore_command
from dock_server.backup.restoring import restore
from dock_server.backup.schedule import BackupSchedule
from dock_server.backup.taking import BackupTaker
from dock_server.backup.vault import Vault, content_key
from dock_server.backup.verifying import verify
from dock_server.fsck import fsck as fsck_command
from dock_server.settings import BackupSettings, DockSettings
from learndock.errors import DockError, FailedPrecondition, InvalidInput, NotFound


class Hurt(Exception):
    """What a test throws into the middle of something."""


@pytest.fixture
def vault(tmp_path):
    return Vault.open(str(tmp_path / "vault"), make=True)


@pytest.fixture
def filled(house) -> House:
    house.indexed(kwargs={"threshold": 1.0})
    house.received(kwargs={"threshold": 2.0})
    house.delete(house.accepted(kwargs={"threshold": 3.0}))
    return house


@dataclass
class Empty:
    """Where nothing is yet."""

    database: Database
    blobs: FileBlobStore
    keys: Path


@pytest.fixture
def empty(tmp_path) -> Iterator[Empty]:
    database = Database(f"sqlite:///{tmp_path / 'restored.db'}")
    yield Empty(database, FileBlobStore(tmp_path / "restored"), tmp_path / "restored-keys")
    database.close()


def taker(house):
    return BackupTaker(house.database, house.blobs, tenant="default")


def taken(house, vault, **more):
    house.clock.pass_by(1.0)
    return taker(house).take(vault, **more)


def rows(database):
    with database.read() as session:
        return Learnwares().changed_since(session, 0)


def back(vault, empty, name=""):
    return restore(vault, vault.manifest(name), empty.database, empty.blobs, keys=empty.keys)


def test_it_comes_back_as_it_was(filled, vault, empty):
    made = taken(filled, vault)
    assert (made.manifest.packages, made.copied, list(made.manifest.missing)) == (2, 2, [])
    assert list(verify(vault, made.manifest)) == []
    assert back(vault, empty).copied == 2
    assert rows(empty.database) == rows(filled.database)
    for row in rows(empty.database):
        if row.state is not State.DELETED:
            assert b"".join(empty.blobs.read(row.blob_key)) == b"".join(filled.blobs.read(row.blob_key))
    with pytest.raises(FailedPrecondition) as refused:
        back(vault, empty)
    assert refused.value.reason == "DOCK_NOT_EMPTY"


def test_a_second_one_copies_what_is_new_and_the_oldest_goes_with_what_only_it_had(filled, vault):
    first = taken(filled, vault).manifest
    [alone] = [row for row in rows(filled.database) if row.state is State.RECEIVED]
    filled.delete(alone)
    filled.received(kwargs={"threshold": 4.0})
    second = taken(filled, vault)
    assert (second.copied, second.forgotten) == (1, [])
    assert alone.content_sha256 in set(vault.contents())
    third = taken(filled, vault, keep=2)
    assert (third.copied, third.forgotten) == (0, [first.name])
    assert alone.content_sha256 not in set(vault.contents())
    assert list(vault.names()) == [second.manifest.name, third.manifest.name]
    assert not [flaw for each in vault.manifests() for flaw in verify(vault, each)]


def test_a_torn_one_counts_for_nothing_and_the_next_goes_on_with_its_packages(filled, vault):
    def hurt(done, total):
        raise Hurt

    with pytest.raises(Hurt):
        taken(filled, vault, progress=hurt)
    assert list(vault.names().values()) == [False]
    with pytest.raises(NotFound):
        vault.manifest()
    made = taken(filled, vault, keep=1)
    assert (made.copied, len(made.forgotten)) == (1, 1)
    assert list(vault.names()) == [made.manifest.name]


def test_two_at_once_are_one_and_nothing_is_swept_meanwhile(filled, vault, empty):
    sweeper = Sweeper(filled.database, filled.blobs, IngestionSettings(abandoned_after_s=1.0))
    orphan = filled.blobs.put("packages/default/orphan", [b"x"])
    for folder, _, names in os.walk(filled.folder):
        for name in names:
            if name.endswith("~"):
                os.utime(Path(folder, name), (1, 1))
    looked = []

    def meanwhile(done, total):
        if done == 1:
            for row in rows(filled.database):
                if row.state is not State.DELETED:
                    filled.delete(row)
            looked.append(sweeper.sweep())
            with pytest.raises(FailedPrecondition) as second:
                taker(filled).take(vault)
            looked.append(second.value.reason)

    made = taken(filled, vault, progress=meanwhile)
    assert (looked, list(made.manifest.missing), orphan) == ([0, "HELD_BY_ANOTHER"], [], 1)
    with filled.database.read() as session:
        assert not holds.is_held(session, holds.BACKUP)
    assert sweeper.sweep() == 4
    back(vault, empty)
    assert {row.state for row in rows(empty.database)} == {State.INDEXED, State.RECEIVED, State.DELETED}


def test_what_the_dock_has_lost_is_said_and_the_rest_is_kept(filled, vault):
    lost, damaged = [row for row in rows(filled.database) if row.state is not State.DELETED]
    filled.blobs.delete(lost.blob_key)
    filled.blobs.delete(damaged.blob_key)
    filled.blobs.put(damaged.blob_key, [b"something else"])
    made = taken(filled, vault).manifest
    assert sorted(made.missing) == sorted([lost.blob_key, damaged.blob_key])
    assert {flaw.kind for flaw in verify(vault, made)} == {"PACKAGE_NOT_BACKED_UP"}


def damage(vault, key, content):
    vault.store.delete(key)
    if content:
        vault.store.put(key, [content])


def test_every_damage_of_a_backup_is_found_and_nothing_of_it_is_restored(filled, vault, empty):
    made = taken(filled, vault).manifest
    sha256 = rows(filled.database)[0].content_sha256
    files = {
        content_key(sha256): "PACKAGE_",
        f"backups/{made.name}/rows.jsonl.gz": "BACKUP_DAMAGED",
        f"backups/{made.name}/packages.jsonl.gz": "BACKUP_DAMAGED",
    }
    for key, kind in files.items():
        before = b"".join(vault.store.read(key))
        for content in (b"", before[:-1], before[:-1] + bytes([before[-1] ^ 1])):
            damage(vault, key, content)
            assert [flaw for flaw in verify(vault, made) if flaw.kind.startswith(kind)], (key, content)
            with pytest.raises(InvalidInput) as refused:
                back(vault, empty)
            assert refused.value.reason == "BACKUP_DAMAGED"
            assert rows(empty.database) == []
            damage(vault, key, before)
    assert back(vault, empty).rows == made.rows


def test_the_key_comes_only_when_it_is_asked_for_and_for_its_owner_alone(filled, vault, empty, tmp_path):
    keys = tmp_path / "keys"
    keys.mkdir()
    (keys / "verdict-key.pem").write_text("secret")
    assert not taken(filled, vault).manifest.has_keys
    assert taken(filled, vault, keys=keys).manifest.has_keys
    assert back(vault, empty).keys
    restored = empty.keys / "verdict-key.pem"
    assert (restored.read_text(), restored.stat().st_mode & 0o777) == ("secret", 0o600)


def test_keys_that_came_in_part_come_whole(filled, vault, empty, tmp_path):
    keys = tmp_path / "keys"
    keys.mkdir()
    texts = {"rotations.jsonl": "the way\n", "verdict-key.pem": "secret"}
    for name, text in texts.items():
        (keys / name).write_text(text)
    taken(filled, vault, keys=keys)
    empty.keys.mkdir()
    (empty.keys / "rotations.jsonl").write_text(texts["rotations.jsonl"])
    (empty.keys / "verdict-key.pem.restoring").write_text("sec")
    assert back(vault, empty).keys
    assert {path.name: path.read_text() for path in empty.keys.iterdir()} == texts


def test_another_key_stays_where_it_is(filled, vault, empty, tmp_path):
    keys = tmp_path / "keys"
    keys.mkdir()
    (keys / "verdict-key.pem").write_text("secret")
    taken(filled, vault, keys=keys)
    empty.keys.mkdir()
    (empty.keys / "verdict-key.pem").write_text("another")
    assert not back(vault, empty).keys
    assert (empty.keys / "verdict-key.pem").read_text() == "another"


def test_the_schedule_makes_one_when_the_newest_is_old_enough(filled, tmp_path):
    settings = BackupSettings(to=str(tmp_path / "vault"), every_s=100.0, keep=2)

    def schedule():
        return BackupSchedule(filled.database, filled.blobs, settings, tenant="default")

    first = schedule()
    assert first.due_in() <= 0
    first.take()
    assert schedule().due_in() == 100.0
    for _ in range(3):
        filled.clock.pass_by(100.0)
        assert schedule().due_in() <= 0
        schedule().take()
    assert len(Vault.open(settings.to).manifests()) == 2


@contextmanager
def kind_of_dock(kind, tmp_path, monkeypatch, request) -> Iterator[tuple[str, ...]]:
    """The words and variables that name a dock of this kind, empty, and open to be filled."""
    monkeypatch.setenv("DOCK_CHECKING_KEYS", str(tmp_path / f"{kind}-keys"))
    if kind == "laptop":
        for name in ("DOCK_DB_URL", "DOCK_BLOB_URL"):
            monkeypatch.delenv(name, raising=False)
        yield ("--data", str(tmp_path / "laptop"))
        return
    postgres, s3 = (request.getfixturevalue(f"{name}_server") for name in ("postgres", "s3"))
    named = dock_environment(db_url=postgres.new_database(), bus_url="", blob_url=s3.new_bucket())
    for name, value in named.items():
        monkeypatch.setenv(name, value)
    yield ()


def run(command, *words, code=0):
    done = CliRunner().invoke(command, list(words), catch_exceptions=False)
    assert done.exit_code == code, done.output
    return json.loads(done.stdout) if "--json" in words else done.output


@pytest.fixture
def laptop(tmp_path) -> House:
    """A dock in a folder, as `dock up` leaves one."""
    folder = tmp_path / "laptop"
    folder.mkdir()
    database = Database(f"sqlite:///{folder / 'dock.db'}")
    database.create()
    made = House(tmp_path, database, FileBlobStore(folder / "blobs"), Clock())
    made.received(kwargs={"threshold": 1.0})
    made.delete(made.received(kwargs={"threshold": 2.0}))
    database.close()
    return made


def test_from_a_laptop_to_servers_and_back(laptop, tmp_path, monkeypatch, request):
    vault, other = str(tmp_path / "vault"), str(tmp_path / "other vault")
    with kind_of_dock("laptop", tmp_path, monkeypatch, request) as words:
        assert run(backup_command, vault, *words, "--json")["packages"] == 1
        assert [path for path in Path(vault).rglob("*") if path.stat().st_mode & 0o077] == []
        assert len(run(backup_command, vault, "--list", "--json")["backups"]) == 1
        assert "0 flaws" in run(backup_command, vault, "--verify")
    with kind_of_dock("servers", tmp_path, monkeypatch, request):
        restored = run(restore_command, vault, "--json")
        assert [each["kind"] for each in restored["findings"]] == ["SIGNING_KEY_MISSING"]
        found = run(fsck_command, "--json")
        assert (found["versions"], [each for each in found["findings"] if each["serious"]]) == (2, [])
        with pytest.raises(FailedPrecondition, match="not empty"):
            run(restore_command, vault)
        run(backup_command, other)
    with kind_of_dock("laptop", tmp_path, monkeypatch, request):
        again = str(tmp_path / "again")
        assert run(restore_command, other, "--data", again, "--json", code=1)["rows"] == restored["rows"]
        found = run(fsck_command, "--data", again, "--json", code=1)
        assert {each["kind"] for each in found["findings"] if each["serious"]} == {"SIGNING_KEY_MISSING"}
        assert found["bytes"] > 0


def test_into_a_bucket(filled, s3_server, empty):
    vault = Vault.open(f"{s3_server.new_bucket().replace('?', '/backups?')}", make=True)
    made = taken(filled, vault)
    assert list(verify(vault, made.manifest)) == []
    assert taken(filled, vault, keep=1).copied == 0
    assert back(vault, empty).copied == 2
    assert "@" not in vault.where


def test_a_place_must_be_one():
    for place, reason in (("ftp://x/y", "BACKUP_PLACE_UNKNOWN"), ("/nowhere/at/all", "BACKUP_NOT_FOUND")):
        with pytest.raises(DockError) as refused:
            Vault.open(place)
        assert refused.value.reason == reason
    with pytest.raises(InvalidInput) as missing:
        run(backup_command)
    assert missing.value.reason == "BACKUP_PLACE_MISSING"
    assert DockSettings().embedded


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("s3://store", "BLOB_URL_INVALID"),
        ("s3://store/bucket", "STORAGE_CREDENTIALS_MISSING"),
        ("file://elsewhere/backups", "BACKUP_PLACE_UNKNOWN"),
        ("/dev/null/backups", "BACKUP_PLACE_UNUSABLE"),
    ],
)
def test_a_bad_place_is_told_of_by_what_named_it(place, reason, monkeypatch, laptop, tmp_path):
    monkeypatch.setenv("DOCK_BACKUP_TO", place)
    for words, name in (((place,), "DEST"), ((), "DOCK_BACKUP_TO")):
        with pytest.raises(DockError) as refused:
            run(backup_command, *words, "--data", str(tmp_path / "laptop"))
        assert refused.value.reason == reason
        told = f"{refused.value.message} {refused.value.hint}"
        assert "DOCK_BLOB" not in told
        assert ("DOCK_BACKUP_ACCESS_KEY" if reason == "STORAGE_CREDENTIALS_MISSING" else name) in told


def test_a_bucket_for_backups_that_is_missing_or_closed_is_told_of_as_such(s3_server):
    url = s3_server.new_bucket()
    scheme, _, rest = url.partition("://")
    for place, name in (
        (url.replace("/dock-", "/dock-not-there-"), "DEST"),
        (f"{scheme}://nobody:nothing@{rest.partition('@')[2]}", "DOCK_BACKUP_ACCESS_KEY"),
    ):
        with pytest.raises(FailedPrecondition) as refused:
            Vault.open(place, make=True, named_by="DEST")
        assert name in refused.value.hint
        assert "DOCK_BLOB" not in f"{refused.value.message} {refused.value.hint}"


@pytest.mark.parametrize(("kind", "otherwise"), [("laptop", "one is made then"), ("servers", "DOCK_CHECKING_NEW_KEY")])
def test_a_restore_without_the_key_says_where_it_belongs(kind, otherwise, laptop, tmp_path, monkeypatch, request):
    vault, keys = str(tmp_path / "vault"), tmp_path / f"{kind}-keys"
    with kind_of_dock("laptop", tmp_path, monkeypatch, request) as words:
        run(backup_command, vault, *words)
    with kind_of_dock(kind, tmp_path, monkeypatch, request) as words:
        there = ("--data", str(tmp_path / "again")) if words else ()
        said = run(restore_command, vault, *there, code=1 if words else 0)
    assert f"into {keys}" in said
    assert otherwise in said
    assert "dock key forget" in said


def test_a_restore_beside_a_key_says_that_it_stays(laptop, tmp_path, monkeypatch, request):
    vault, again = str(tmp_path / "vault"), tmp_path / "again"
    with kind_of_dock("laptop", tmp_path, monkeypatch, request) as words:
        run(backup_command, vault, *words)
        Signer(tmp_path / "laptop-keys")
        said = run(restore_command, vault, "--data", str(again))
    assert f"the one that was in {tmp_path / 'laptop-keys'} before" in said
