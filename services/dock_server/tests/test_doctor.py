from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from dock_server import doctor
from learndock.cli.commands.doctor import doctor_command
from learndock.errors import InvalidInput


def looked():
    return {each.name: each for each in doctor.look()}


def test_a_laptop_is_asked_for_its_disk_and_for_no_server(monkeypatch):
    assert looked().keys() == {"disk"}
    monkeypatch.setattr(doctor, "LEAST_FREE_BYTES", 1 << 62)
    assert (looked()["disk"].ok, looked()["disk"].needed) == (False, False)
    monkeypatch.setattr(doctor, "LEAST_FREE_BYTES", 0)
    assert looked()["disk"].ok


def test_what_the_settings_name_is_tried(postgres_server, nats_server, s3_server, monkeypatch):
    monkeypatch.setenv("DOCK_DB_URL", postgres_server.new_database())
    monkeypatch.setenv("DOCK_BUS_URL", nats_server.url)
    monkeypatch.setenv("DOCK_BUS_MONITOR_URL", nats_server.monitor_url)
    monkeypatch.setenv("DOCK_BLOB_URL", s3_server.new_bucket())
    found = looked()
    assert not found["schema"].ok
    assert "dock db migrate" in found["schema"].remedy
    assert all(found[name].ok for name in ("database", "clock", "store", "bus", "bus's disk"))


def test_named_services_are_asked_whether_they_are_ready(monkeypatch):
    monkeypatch.setenv("DOCK_PEERS_SEARCH", "127.0.0.1:1")
    asked = looked()["search"]
    assert (asked.ok, asked.needed) == (False, False)
    assert "127.0.0.1:1" in asked.text
    assert "DOCK_PEERS_SEARCH" in asked.remedy
    assert "dock up" not in asked.remedy


def test_a_setting_that_is_wrong_is_told_among_the_rest():
    done = CliRunner().invoke(doctor_command, ["--json"], env={"DOCK_DB_URL": "mysql://db/dock"})
    found = {each["name"]: each for each in json.loads(done.stdout)}
    assert (done.exit_code, found["settings"]["ok"], found["server"]["ok"]) == (1, False, True)
    assert "DOCK_DB_URL" in found["settings"]["detail"]


def test_a_setting_that_cannot_be_read_is_told(monkeypatch):
    monkeypatch.setenv("DOCK_PORT", "many")
    with pytest.raises(InvalidInput) as wrong:
        looked()
    assert "DOCK_PORT" in wrong.value.message


def test_what_was_seen_and_the_remedy_are_sentences_of_their_own(monkeypatch):
    monkeypatch.setattr(doctor, "LEAST_FREE_BYTES", 1 << 62)
    told = " ".join(CliRunner().invoke(doctor_command, []).output.split())
    assert f"GiB are free below {doctor.Path.cwd()}. Make room" in told
    assert ".." not in told
