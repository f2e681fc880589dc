from __future__ import annotations

import json
import os
import subprocess

import pytest
from click.testing import CliRunner

from dock_db import Database
from dock_server.commands import serve
from dock_server.configuration import Configuration
from dock_server.settings import DockSettings
from learndock.cli.main import dock
from learndock.errors import InvalidInput

SECRETS = {
    "DOCK_DB_URL": "postgresql+psycopg2://dock:geheim@db/dock?sslpassword=geheim",
    "DOCK_BUS_URL": "nats://dock:geheim@one:4222,nats://dock:geheim@two:4222",
    "DOCK_BUS_TOKEN": "geheim",
    "DOCK_BLOB_URL": "s3://key:geheim@store:9000/bucket?secure=false",
    "DOCK_BLOB_SECRET_KEY": "geheim",
    "DOCK_BLOB_ACCESS_KEY": "geheim",
}


def ask(*words, **environment):
    return CliRunner().invoke(serve, ["--target", *words], env=environment)


def test_everything_in_force_is_printed_with_its_origin_and_no_secret():
    done = ask("ingestion,search", "--print-config", "--port", "7", **SECRETS, DOCK_PEERS_REUSE="dns:///reuse:1")
    assert done.exit_code == 0, done.output
    found = dict(line.split("#") for line in done.output.splitlines())
    values = {line.strip(): origin.strip() for line, origin in found.items()}
    assert values["DOCK_PORT=7"] == "option"
    masked = "postgresql+psycopg2://dock:******@db/dock?sslpassword=******"
    assert values[f"DOCK_DB_URL='{masked}'"] == "environment"
    assert values["DOCK_PEERS_REUSE=dns:///reuse:1"] == "environment"
    assert values["DOCK_SEARCH_SEARCHER=exact"] == "default"
    assert "geheim" not in done.output
    assert not any(name.startswith("DOCK_CHECKING_") for name in values), "only the chosen targets'"


def test_what_is_unset_is_printed_as_what_it_stands_for():
    apart = ask("search", "--print-config", **SECRETS).output
    assert {"DOCK_DRAIN_S=5.0", "DOCK_MAX_CONNECTION_AGE_S=300.0"} <= set(apart.split())
    assert {"DOCK_DRAIN_S=0.0", "DOCK_MAX_CONNECTION_AGE_S=0.0"} <= set(ask("search", "--print-config").output.split())


def test_a_shell_reads_what_is_printed_as_it_was_set():
    url = "s3://store:9000/bucket?secure=false&region=us-east-1"
    keys = {"DOCK_BLOB_ACCESS_KEY": "a", "DOCK_BLOB_SECRET_KEY": "b"}
    done = ask("ingestion", "--print-config", DOCK_BLOB_URL=url, **keys)
    assert done.exit_code == 0, done.output
    script = f'{done.stdout}\nprintf %s "$DOCK_BLOB_URL"'
    told = subprocess.run(["/bin/sh", "-ec", script], capture_output=True, text=True, check=True)
    assert told.stdout == url
    assert told.stderr == ""


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"DOCK_DB_URL": "mysql://u:geheim@db/dock"}, "DOCK_DB_URL"),
        ({"DOCK_DB_URL": "postgresql://db/dock"}, "DOCK_BLOB_URL"),
        ({"DOCK_BLOB_URL": "file://elsewhere/blobs"}, "DOCK_BLOB_URL"),
        ({"DOCK_BLOB_URL": "s3://store/bucket"}, "DOCK_BLOB_ACCESS_KEY"),
        ({"DOCK_BUS_URL": "nats://u:geheim@one:0"}, "DOCK_BUS_URL"),
        ({"DOCK_BUS_URL": "nats://one:4222", "DOCK_BUS_TLS_CA": "/nowhere/ca.pem"}, "DOCK_BUS_TLS_CA"),
        ({"DOCK_INGESTION_SWEEP_PERIOD_S": "often"}, "DOCK_INGESTION_SWEEP_PERIOD_S"),
        ({"DOCK_PACKAGE_ENTRIES": "0"}, "DOCK_PACKAGE_ENTRIES"),
    ],
)
def test_a_mistake_is_named_with_its_variable_and_nothing_secret(environment, told):
    done = ask("ingestion", "--check-config", **environment)
    assert done.exit_code == 2, done.output
    assert told in done.output
    assert "geheim" not in done.output


def test_a_setting_of_the_process_that_cannot_be_read_is_named(monkeypatch):
    monkeypatch.setenv("DOCK_PORT", "many")
    from dock_server.configuration import read_settings

    with pytest.raises(InvalidInput) as wrong:
        read_settings(DockSettings)
    assert "DOCK_PORT" in wrong.value.message
    assert "many" not in wrong.value.message


def test_whom_a_target_calls_must_be_known():
    done = ask("reuse", "--check-config")
    assert done.exit_code == 2
    assert "DOCK_PEERS_INGESTION and DOCK_PEERS_SPECIFICATION" in done.output
    known = {"DOCK_PEERS_INGESTION": "dns:///a:1", "DOCK_PEERS_SPECIFICATION": "dns:///b:1"}
    assert ask("reuse", "--check-config", **known).exit_code == 0


def test_a_variable_that_nobody_reads_is_pointed_out_and_no_mistake():
    done = ask("search", "--check-config", DOCK_SEARCH_MAX_LIMITS="9")
    assert done.exit_code == 0
    assert "is DOCK_SEARCH_MAX_LIMIT meant?" in done.output


def test_what_the_settings_name_is_tried_when_asked(postgres_server, tmp_path):
    url = postgres_server.new_database()
    settings = {"DOCK_DB_URL": url, "DOCK_BLOB_URL": f"file://{tmp_path}/blobs", "DOCK_BUS_URL": "nats://127.0.0.1:1"}
    settings["DOCK_BUS_TIMEOUT_S"] = "0.2"
    done = ask("ingestion", "--check-config", "--connect", **settings)
    assert done.exit_code == 3
    lines = {line.split()[1]: line.split()[0] for line in done.output.splitlines() if line.startswith(" ")}
    assert lines == {"database": "ok", "schema": "FAILED", "clock": "ok", "store": "ok"} | {
        "bus": "FAILED",
        "bus's-disk": "note",
    }
    assert "dock db migrate" in done.output
    assert ".." not in done.output, "sentences end once"
    assert (os.environ.get("DOCK_DB_URL"), "geheim" in done.output) == (None, False)

    database = Database(url)
    database.create()
    database.close()
    del settings["DOCK_BUS_URL"]
    assert ask("ingestion", "--check-config", "--connect", **settings).exit_code == 0


WRONG = [
    ({"DOCK_HOST": "0.0.0.0"}, "DOCK_OPEN_TO_ALL"),
    ({"DOCK_TLS_CERT": "/nowhere", "DOCK_TLS_KEY": "/nowhere"}, "SETTING_FILE_MISSING"),
    ({"DOCK_TLS_CERT": __file__, "DOCK_TLS_KEY": __file__}, "TLS_PAIR_INVALID"),
    ({"DOCK_AUTH": "maybe"}, "SETTING_INVALID"),
    ({"DOCK_LOG_LEVEL": "LOUD"}, "SETTING_INVALID"),
    ({"DOCK_INGESTION_SWEEP_PERIOD_S": "often"}, "SETTING_INVALID"),
    ({"DOCK_BACKUP_EVERY_S": "often"}, "SETTING_INVALID"),
    ({"DOCK_BACKUP_EVERY_S": "60"}, "BACKUP_PLACE_MISSING"),
    ({"DOCK_SEARCH_SEARCHER": "best"}, "PLUGIN_UNKNOWN"),
    ({"DOCK_PEERS_REUSE": "http:///"}, "ADDRESS_INVALID"),
    ({"DOCK_BLOB_URL": "s3://store/bucket"}, "STORAGE_CREDENTIALS_MISSING"),
]


@pytest.mark.parametrize(("environment", "reason"), WRONG, ids=[f"{each[1]}-{[*each[0]][-1]}" for each in WRONG])
def test_what_is_wrong_ends_checking_and_serving_with_the_same_code_and_reason(environment, reason, tmp_path):
    words = ["serve", "--target", "ingestion,search", "--data", str(tmp_path / "data"), "--port", "0"]
    served = CliRunner().invoke(dock, words, env=environment)
    checked = CliRunner().invoke(dock, [*words, "--check-config"], env=environment)
    assert (served.exit_code, checked.exit_code) == (2, 2), served.output + checked.output
    assert f"[{reason}]" in served.output
    assert reason in checked.output
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ({"DOCK_TLS_CA": "/nowhere"}, "TLS_FILE_UNREADABLE"),
        ({"DOCK_TLS_CA": __file__}, "TLS_PAIR_INVALID"),
        ({"DOCK_TLS_CLIENT_CERT": __file__}, "TLS_PAIR_INCOMPLETE"),
    ],
)
def test_what_a_service_shows_to_others_and_believes_of_them_is_looked_at_where_it_calls_some(environment, reason):
    peers = {f"DOCK_PEERS_{name}": "https://a:1" for name in ("INGESTION", "SPECIFICATION")}
    checked = ask("reuse", "--check-config", **peers, **environment)
    assert (checked.exit_code, reason in checked.output) == (2, True), checked.output
    assert ask("search", "--check-config", **environment).exit_code == 0


def test_a_script_reads_what_was_found_and_what_is_in_force():
    good = ask("search", "--check-config", "--print-config", "--json", DOCK_SEARCH_MAX_LIMITS="9")
    assert good.exit_code == 0
    told = json.loads(good.stdout)
    assert told["exit_code"] == 0
    assert [(each["what"], each["mark"]) for each in told["findings"]] == [("DOCK_SEARCH_MAX_LIMITS", "note")]
    assert {"name": "DOCK_SEARCH_MAX_LIMIT", "value": "1000", "origin": "default"} in told["settings"]
    wrong = ask("search", "--check-config", "--json", **SECRETS, DOCK_SEARCH_SEARCHER="best", DOCK_HOST="0.0.0.0")
    told = json.loads(wrong.stdout)
    assert wrong.exit_code == told["exit_code"] == 2
    assert {"PLUGIN_UNKNOWN", "DOCK_OPEN_TO_ALL"} <= {each["what"] for each in told["findings"]}
    assert "geheim" not in wrong.output
    assert ask("search", "--json").exit_code == 2, "it would have served"


def test_what_a_server_refuses_is_no_mistake_and_nothing_to_wait_for(own_postgres, tmp_path):
    url = own_postgres.new_database()
    settings = {"DOCK_DB_URL": f"{url}-of-another", "DOCK_BLOB_URL": f"file://{tmp_path}/blobs"}
    words = ["serve", "--target", "ingestion", "--data", str(tmp_path), "--port", "0"]
    served = CliRunner().invoke(dock, words, env=settings)
    tried = CliRunner().invoke(dock, [*words, "--check-config", "--connect"], env=settings)
    assert (served.exit_code, tried.exit_code) == (1, 1), served.output + tried.output
    assert "[DATABASE_MISSING]" in served.output
    assert tried.output.count("FAILED") == 1, "the store is not blamed for it"
    own_postgres.stop()
    away = CliRunner().invoke(dock, [*words, "--check-config", "--connect"], env=settings)
    assert away.exit_code == 3, "`dock serve` would wait"


def test_a_level_of_the_log_may_be_written_small(monkeypatch):
    monkeypatch.setenv("DOCK_LOG_LEVEL", "debug")
    assert DockSettings().log_level == "DEBUG"


def test_variables_that_nobody_reads_are_told_at_the_start_too(monkeypatch):
    monkeypatch.setenv("DOCK_BACKUP_KEPT", "3")
    monkeypatch.setenv("DOCK_BACKUP_TO", "/backups")
    monkeypatch.setenv("DOCK_AUTHS", "tokens")
    monkeypatch.setenv("DOCK_TLS_CLIENTS_CA", "/etc/dock/ca.pem")  # mutual TLS that nobody asks for
    for name in (
        "DOCK_TLS_CA",
        "DOCK_TLS_CLIENT_CERT",
        "DOCK_TLS_CLIENT_KEY",
        "DOCK_TOKEN_FILE",
        "DOCK_TOKEN_IN_CLEAR",
    ):
        monkeypatch.setenv(name, "1")
    found = {each.what: each.text for each in Configuration(["ingestion"], {}).unread()}
    assert found == {
        "DOCK_BACKUP_KEPT": "is read by nobody here; is DOCK_BACKUP_KEEP meant?",
        "DOCK_AUTHS": "is read by nobody here; is DOCK_AUTH meant?",
        "DOCK_TLS_CLIENTS_CA": "is read by nobody here; is DOCK_TLS_CLIENT_CA meant?",
    }
