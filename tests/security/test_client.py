"""How users come by their tokens and certificates, and where both must not go."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from dock_db import Database, Tokens
from dock_rpc.tests.authority import Authority
from dock_server.composition import compose
from dock_server.configuration import Configuration
from dock_server.directory import DatabaseDirectory
from dock_server.folder import FolderLock
from dock_server.security import check_security
from dock_server.settings import DockSettings
from dockapi.ingestion.v1 import ingestion_pb2 as pb
from learndock.cli.main import dock
from learndock.client import Dock
from learndock.errors import DockError, FailedPrecondition, InvalidInput, PermissionDenied, Unauthenticated, Unavailable
from tests.packages.models import build_package


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config"


def run(*words: str, stdin: str = "") -> tuple[int, str]:
    result = CliRunner().invoke(dock, list(words), input=stdin, prog_name="dock")
    return result.exit_code, result.output


def test_login_keeps_a_token_for_one_address_and_logout_forgets_it(guarded, home):
    token = guarded.token("ann", "search")
    code, output = run("login", "--dock", guarded.address, stdin=f"{token.secret}\n")
    assert code == 0, output
    assert "you are ann" in " ".join(output.split())
    assert token.secret not in output
    kept = home / "learndock" / "tokens.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    with Dock(guarded.address) as client:
        assert client.owner == "ann"
        assert client.list() is not None
    assert list(json.loads(kept.read_text())) == [guarded.address]
    assert run("logout", "--dock", guarded.address)[0] == 0
    with Dock(guarded.address) as client, pytest.raises(Unauthenticated):
        client.list()
    assert run("logout", "--dock", guarded.address)[0] == 1


def test_a_token_that_does_not_count_is_not_kept(guarded, home):
    token = guarded.token("ann", "search", lasts_s=-1.0)
    code, output = run("login", "--dock", guarded.address, stdin=f"{token.secret}\n")
    assert code == 2
    assert "TOKEN_EXPIRED" in output
    assert token.secret not in output
    assert not (home / "learndock" / "tokens.json").exists()


def test_variables_and_arguments_win_over_what_is_kept(guarded, tmp_path, monkeypatch):
    tokens = {name: guarded.token(name, "search").secret for name in ("kept", "file", "variable", "argument")}
    run("login", "--dock", guarded.address, stdin=tokens["kept"])
    file = tmp_path / "token"
    file.write_text(tokens["file"] + "\n")
    monkeypatch.setenv("DOCK_TOKEN_FILE", str(file))
    with Dock(guarded.address) as client:
        assert client.owner == "file"
    monkeypatch.setenv("DOCK_TOKEN", tokens["variable"])
    with Dock(guarded.address) as client:
        assert client.owner == "variable"
    with Dock(guarded.address, token=tokens["argument"]) as client:
        assert client.owner == "argument"
        assert tokens["argument"] not in repr(client)


def test_no_command_takes_a_token_among_its_arguments():
    """What stands there is read by everybody who may run ps."""

    def options(command: click.Command, name: str):
        for each in command.params:
            yield from ((f"{name} {flag}", each) for flag in each.opts)
        if isinstance(command, click.Group):
            for word in command.list_commands(click.Context(command)):
                yield from options(command.get_command(click.Context(command), word), f"{name} {word}")

    found = {flag for flag, _ in options(dock, "dock") if "token" in flag.split()[-1] or "secret" in flag.split()[-1]}
    assert found == {"dock login --token-file", "dock token revoke token_id"}


def test_a_push_is_under_the_tokens_name(guarded, tmp_path):
    package = build_package(tmp_path / "package.zip")
    with Dock(guarded.address, token=guarded.token("ann-of-tokens", "push", "search").secret) as client:
        assert client.push(package).owner == "ann-of-tokens"
    with Dock(guarded.address, "mallory", token=guarded.token("ann", "push").secret) as client:
        with pytest.raises(PermissionDenied) as caught:
            client.push(package)
        assert caught.value.reason == "OWNER_NOT_YOU"


def test_a_dock_with_certificates_and_tokens_serves_those_who_have_both(tmp_path, monkeypatch):
    ours = Authority(tmp_path / "ours", "ours")
    here, ann = ours.issue("here", "127.0.0.1"), ours.issue("ann")
    settings = DockSettings(
        data=tmp_path / "data",
        port=0,
        auth="tokens",
        tls_cert=here.cert,
        tls_key=here.key,
        tls_client_ca=ours.ca,
        unsafe_local=True,
        reflection=False,
    )
    monkeypatch.setenv("DOCK_TLS_CA", str(ours.ca))  # as in the shell of who starts the dock and calls it too
    with FolderLock(settings.data) as folder:
        running = compose(folder, settings)
        running.start()
        try:
            address = f"127.0.0.1:{running.server.port}"
            with Dock(address, "ann") as client, pytest.raises(PermissionDenied) as caught:
                client.list()
            assert caught.value.reason == "TLS_CLIENT_CERTIFICATE_REFUSED"
            monkeypatch.setenv("DOCK_TLS_CLIENT_CERT", str(ann.cert))
            monkeypatch.setenv("DOCK_TLS_CLIENT_KEY", str(ann.key))
            with Dock(address, "ann") as client, pytest.raises(Unauthenticated) as unknown:
                client.list()
            assert unknown.value.reason == "TOKEN_MISSING", "a certificate is no token"
            made = CliRunner().invoke(
                dock, ["token", "create", "--owner", "ann", "--data", str(settings.data), "--json"], prog_name="dock"
            )
            with Dock(address, token=json.loads(made.stdout)["token"]) as client:
                assert client.list() == []
                assert client.owner == "ann"
            # The dock's own services reach each other though they have neither certificate nor host name.
            own = running.peers.ingestion.GetPrincipal(pb.GetPrincipalRequest())
            assert list(own.scopes) == ["service"]
        finally:
            running.stop(1.0)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"host": "0.0.0.0"}, "DOCK_OPEN_TO_ALL"),
        ({"host": "::"}, "DOCK_OPEN_TO_ALL"),
        ({"host": "dock.example", "auth": "tokens"}, "DOCK_OPEN_TO_ALL"),
        ({"host": "0.0.0.0", "tls_cert": "c", "tls_key": "k"}, "DOCK_OPEN_TO_ALL"),
        ({"tls_cert": "c"}, "TLS_PAIR_INCOMPLETE"),
        ({"tls_key": "k"}, "TLS_PAIR_INCOMPLETE"),
        ({"tls_client_ca": "a"}, "TLS_PAIR_INCOMPLETE"),
        ({"auth": "tokens", "targets": ["reuse"]}, "AUTH_DATABASE_MISSING"),
        ({"auth": "tokens", "targets": ["reuse"], "db_url": "postgresql://h/d"}, "SERVICE_TOKEN_MISSING"),
    ],
)
def test_settings_that_leave_a_door_open_stop_the_start(given, reason):
    targets = given.pop("targets", ["ingestion"])
    peers = {"ingestion": "https://a:1", "specification": "https://b:1"} if targets == ["reuse"] else {}
    with pytest.raises(DockError) as caught:
        check_security(DockSettings(**given), targets, peers)
    assert caught.value.reason == reason
    assert isinstance(caught.value, FailedPrecondition | InvalidInput)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"host": "::1"},
        {"host": "0.0.0.0", "allow_open": True},
        {"host": "0.0.0.0", "auth": "tokens", "tls_cert": "c", "tls_key": "k"},
    ],
)
def test_settings_that_leave_none_open_do_not(given):
    check_security(DockSettings(**given), ["ingestion"], {})


def test_the_printed_settings_hold_no_token(tmp_path, monkeypatch, guarded):
    secret = guarded.token("dock", "service").secret
    file = tmp_path / "service-token"
    file.write_text(secret)
    monkeypatch.setenv("DOCK_SERVICE_TOKEN_FILE", str(file))
    monkeypatch.setenv("DOCK_TOKEN", secret)
    printed = Configuration(["ingestion"], {}).printed()
    assert str(file) in printed
    assert secret not in printed


def test_a_new_file_for_a_token_is_its_owners_alone_and_never_an_old_one(guarded, tmp_path):
    out, data = tmp_path / "ann.token", str(Path(str(guarded.database._engine.url.database)).parent)
    made = CliRunner().invoke(dock, ["token", "create", "--owner", "ann", "--data", data, "--out", str(out)])
    assert made.exit_code == 0, made.output
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    secret = out.read_text().strip()
    assert secret not in made.output
    again = CliRunner().invoke(dock, ["token", "create", "--owner", "ann", "--data", data, "--out", str(out)])
    assert again.exit_code == 2
    listed = CliRunner().invoke(dock, ["token", "list", "--data", data, "--json", "--owner", "ann"])
    assert secret.split("_")[2] in listed.output
    assert secret not in listed.output
    with guarded.database.read() as session:
        assert secret not in repr(Tokens().list(session))
    raw = b"".join(path.read_bytes() for path in Path(data).glob("dock.db*"))
    assert secret.encode() not in raw
    assert secret.rpartition("_")[2].encode() not in raw


def test_the_last_use_is_noted(guarded):
    token = guarded.token("ann", "search")
    assert DatabaseDirectory(guarded.database).token(token.token_id) is not None
    with guarded.database.read() as session:
        found = Tokens().find(session, token.token_id)
    assert found is not None
    assert found.used_at > 0


def test_a_database_that_is_not_migrated_yet_is_waited_for(tmp_path):
    database = Database(f"sqlite:///{tmp_path / 'dock.db'}")
    with pytest.raises(Unavailable) as caught:
        DatabaseDirectory(database).token("0" * 12)
    assert caught.value.reason == "SERVICE_STARTING"
    database.close()
