"""Who pulls believes the dock's signature, and nothing that was changed after it."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys

import pytest

from learndock.client.verifying import verify_kept
from learndock.errors import DockError, FailedPrecondition
from learndock.provenance import KnownDocks
from tests.e2e.conftest import RunningDock
from tests.e2e.learnwares import classifier_package, hostile_package

pytestmark = [pytest.mark.e2e, pytest.mark.sandbox]


def cli(*words, **environment):
    command = [sys.executable, "-m", "learndock.cli.main", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **environment})


@pytest.fixture(scope="module")
def pushed(dock: RunningDock, tmp_path_factory):
    client = dock.client()
    record = client.push(classifier_package(tmp_path_factory.mktemp("packages"), 2))
    return client.wait(record.learnware_id, timeout=120)


def test_what_is_pulled_can_be_verified_without_the_dock(dock, pushed, tmp_path):
    path = dock.client().pull(pushed.learnware_id, tmp_path)
    verdict, docks = verify_kept(path)
    assert (verdict.learnware_id, verdict.content_sha256) == (pushed.learnware_id, pushed.content_sha256)
    assert dock.address in docks
    shown = cli("verify", path, "--json")
    assert shown.returncode == 0, shown.stderr
    assert json.loads(shown.stdout)[0]["accepted"] is True


def test_a_package_changed_by_one_byte_is_not_believed(dock, pushed, tmp_path):
    path = dock.client().pull(pushed.learnware_id, tmp_path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    found = cli("verify", path)
    assert found.returncode == 1, found.stderr
    assert "VERDICT_OTHER_CONTENT" in found.stderr


def test_a_verdict_changed_by_one_letter_is_not_believed(dock, pushed, tmp_path):
    path = dock.client().pull(pushed.learnware_id, tmp_path)
    kept = path.with_name(path.name + ".verdict.json")
    kept.write_text(kept.read_text().replace("bubblewrap", "bubblewarp"))
    with pytest.raises(FailedPrecondition) as caught:
        verify_kept(path)
    assert caught.value.reason == "SIGNATURE_INVALID"


def test_what_the_dock_rejected_is_fetched_only_to_look_at(dock, tmp_path):
    client = dock.client()
    record = client.wait(client.push(hostile_package(tmp_path, "exits")[0]).learnware_id, timeout=120)
    assert record.state == "REJECTED"
    with pytest.raises(FailedPrecondition) as caught:
        client.pull(record.learnware_id, tmp_path / "no.zip")
    assert caught.value.reason == "VERDICT_REJECTED"
    assert not (tmp_path / "no.zip").exists()
    assert client.pull(record.learnware_id, tmp_path / "yes.zip", verified=False).exists()


def test_the_bill_of_materials_comes_with_it(dock, pushed, tmp_path):
    found = cli("pull", pushed.learnware_id, "--into", tmp_path, "--bill", **dock.addresses)
    assert found.returncode == 0, found.stderr
    bill = json.loads(next(tmp_path.glob("*.bom.json")).read_text())
    assert "numpy" in {part["name"] for part in bill["components"]}


def test_an_exchanged_key_is_followed_and_another_docks_is_not(dock, pushed, tmp_path, monkeypatch):
    old = cli("signing-key", "show", "--keys", dock.data / "keys").stdout.strip()
    monkeypatch.setenv("DOCK_KEY", old)
    dock.client().pull(pushed.learnware_id, tmp_path / "before.zip")
    assert dock.stop() == 0
    new = cli("signing-key", "rotate", "--keys", dock.data / "keys").stdout.strip()
    assert new != old
    dock.start()
    dock.client().pull(pushed.learnware_id, tmp_path / "after.zip")
    monkeypatch.setenv("DOCK_KEY", new)
    verify_kept(tmp_path / "after.zip")
    monkeypatch.setenv("DOCK_KEY", base64.b64encode(os.urandom(32)).decode())
    with pytest.raises(DockError) as caught:
        dock.client().pull(pushed.learnware_id, tmp_path / "never.zip")
    assert caught.value.reason == "DOCK_KEY_CHANGED"
    assert not (tmp_path / "never.zip").exists()


def test_known_docks_are_listed_and_forgotten(dock, pushed, tmp_path):
    dock.client().pull(pushed.learnware_id, tmp_path)
    listed = json.loads(cli("key", "list", "--json").stdout)
    assert dock.address in {each["address"] for each in listed}
    assert cli("key", "forget", dock.address).returncode == 0
    assert KnownDocks.of_user().get(dock.address) is None
    assert cli("key", "forget", dock.address).returncode == 1


def test_a_folder_without_a_dock_gets_no_key(tmp_path):
    for words in (("signing-key", "show"), ("signing-key", "rotate"), ("fsck",), ("retry", "00000001")):
        found = cli(*words, "--data", tmp_path)
        assert "DOCK_FOLDER_NOT_FOUND" in found.stderr, found.stderr
        assert found.returncode != 0
    assert list(tmp_path.iterdir()) == []
