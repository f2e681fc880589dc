"""A house with all of it on, by the settings of the guide: TLS both ways on every line, tokens, nothing in clear."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psycopg2.extensions
import pytest
from click.testing import CliRunner
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tools.services.certificate import Certificate
from tools.services.health import ask
from tools.services.house import House
from tools.services.minio import S3Server
from tools.services.nats import NatsServer
from tools.services.ports import PortBook
from tools.services.postgres import PostgresServer

from dock_blob.s3 import S3BlobStore
from dock_blob.settings import BlobSettings
from dock_rpc.channel import channel
from dock_rpc.tests.authority import Authority
from dock_rpc.tls import ClientTls
from learndock.cli.main import dock as command
from learndock.client import Dock
from learndock.errors import DockError, Unauthenticated
from learndock.specification import specify
from tests.e2e.learnwares import classifier_package, cloud
from tests.repository.tree import ROOT
from tests.servers import started

pytestmark = [pytest.mark.e2e, pytest.mark.sandbox]

SERVICES = ("ingestion", "checking", "specification", "search", "reuse")
QUICK = {"DOCK_DRAIN_S": "0", "DOCK_STOP_S": "1", "DOCK_RECONCILE_PERIOD_S": "0.5"}
TLS_ALERT = b"\x15"
GRPC_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes.fromhex("000000040000000000")
HTTP = b"GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
STARTUP = b"user\0dock\0database\0dock\0\0"
POSTGRES_STARTUP = (len(STARTUP) + 8).to_bytes(4, "big") + (3 << 16).to_bytes(4, "big") + STARTUP


@dataclass
class Encrypted:
    """The house, the servers under it, and the files that its settings name."""

    house: House
    postgres: PostgresServer
    nats: NatsServer
    s3: S3Server
    files: Path

    @property
    def addresses(self) -> list[str]:
        """Where each service listens."""
        return list(self.house.peers().values())

    def client(self, token: str = "") -> Dock:
        """Somebody, with what this process has in its environment."""
        peers = {name.removeprefix("DOCK_PEERS_").lower(): where for name, where in self.house.peers().items()}
        return Dock(peers["ingestion"], peers=peers, token=token)

    def token(self, owner: str, scopes: str) -> Path:
        """A file with a new token, made as an operator makes it."""
        file = self.files / f"{owner}.token"
        self.operate("token", "create", "--owner", owner, "--scopes", scopes, "--out", str(file))
        return file

    def operate(self, *words: str) -> str:
        """What an operator's command says."""
        done = CliRunner().invoke(command, list(words), prog_name="dock")
        assert done.exit_code == 0, done.output
        return done.output


def settings_of_the_guide(hosts: Mapping[str, int], files: Path) -> dict[str, str]:
    """What the page says to set, with our ports for its hosts ("db": 5432) and our folder for its own."""
    page = (ROOT / "docs/guide/security.md").read_text(encoding="utf-8")
    section = page.split("## All of it at once\n", 1)[1].split("\n## ", 1)[0]
    block = re.search(r"```sh\n(.*?)```", section, flags=re.DOTALL)
    assert block
    text = re.sub(r"([a-z]+)\.example\.org:\d+", lambda host: f"127.0.0.1:{hosts[host[1]]}", block[1])
    lines = shlex.split(text.replace("/etc/dock", str(files)), comments=True)
    return dict(line.split("=", 1) for line in lines)


def write_certificates(files: Path) -> Certificate:
    """Those that the page speaks of, and the store's in a folder as MinIO wants it."""
    ours = Authority(files / "authority", "ours")
    for name, pair in {"tls": ours.issue("house", "127.0.0.1"), "client": ours.issue("dock")}.items():
        shutil.copy(pair.cert, files / f"{name}.crt")
        shutil.copy(pair.key, files / f"{name}.key")
        (files / f"{name}.key").chmod(0o600)
    shutil.copy(ours.ca, files / "ca.pem")
    (files / "store").mkdir()
    shutil.copy(files / "tls.crt", files / "store" / "public.crt")
    shutil.copy(files / "tls.key", files / "store" / "private.key")
    return Certificate(files / "tls.crt", files / "tls.key", client_ca=files / "ca.pem")


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Encrypted]:
    """One house for this module; this process has its settings too, as an operator's shell would."""
    folder = tmp_path_factory.mktemp("encrypted")
    files = folder / "etc"
    files.mkdir()
    shown = write_certificates(files)
    with ExitStack() as stack:
        postgres = stack.enter_context(started(lambda: PostgresServer(tls=shown)))
        nats = stack.enter_context(started(lambda: NatsServer(tls=shown)))
        s3 = stack.enter_context(started(lambda: S3Server(certificates=files / "store")))
        postgres.ensure_database("dock")
        book = PortBook()
        ports = {"db": postgres.port, "bus": nats.port, "store": s3.port}
        settings = settings_of_the_guide({**ports, **{name: book.port(f"{name}-1") for name in SERVICES}}, files)
        # Of what the page says only the ports and the secret are others here.
        settings["DOCK_BUS_MONITOR_URL"] = nats.monitor_url
        settings["DOCK_BLOB_SECRET_KEY"] = s3.secret
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for name, value in {**settings, "XDG_CONFIG_HOME": str(folder / "config")}.items():
            patch.setenv(name, value)
        S3BlobStore.connect(settings["DOCK_BLOB_URL"], BlobSettings(create_bucket=True)).close()
        house = stack.enter_context(House(folder, {**settings, **QUICK}, ports=book))
        assert house.peers().items() <= settings.items()
        house.migrate()
        one = Encrypted(house, postgres, nats, s3, files)
        one.token("dock", "service").rename(settings["DOCK_SERVICE_TOKEN_FILE"])
        house.start()
        yield one
        assert house.stop(), "each goes when it is asked to"


def test_a_learnware_goes_all_the_way_and_nothing_of_it_in_clear(encrypted, tmp_path):
    token = encrypted.token("ann", "push,search,pull,predict").read_text().strip()
    package, X = classifier_package(tmp_path, 0.0), cloud(0.0, seed=3)
    with encrypted.client(token) as client:
        pushed = client.push(package)
        record = client.wait(pushed.learnware_id, timeout=240)
        assert (record.state, record.owner) == ("INDEXED", "ann"), record
        assert [hit.record.learnware_id for hit in client.search(specify(X)).hits] == [pushed.learnware_id]
        assert client.pull(pushed.learnware_id, tmp_path / "pulled.zip").read_bytes() == package.read_bytes()
        np.testing.assert_array_equal(np.ravel(client.predict([pushed.learnware_id], X)), X[:, 0] > 0)
    for member in encrypted.house.members:
        told = ask(member.metrics_port, "/metrics")[1]
        assert b"dock_" in told
        assert not any(word.encode() in told for word in (pushed.learnware_id, "ann", token)), "HTTP is in clear"
    assert connections_of(encrypted.postgres) == {(True, "/CN=dock")}
    found = encrypted.nats.variables("/connz")["connections"]
    assert {each["name"] for each in found} >= {f"dock-{name}" for name in SERVICES if name != "reuse"}
    assert all(each.get("tls_version") for each in found), found


def connections_of(postgres: PostgresServer) -> set[tuple[bool, str]]:
    """(whether by TLS, whose certificate) of all that the house has open, those that listen or hold locks included."""
    with postgres._cursor() as cursor:
        while not advisory_locks(cursor):  # until one leads
            time.sleep(0.1)
        assert advisory_locks(cursor) == {(True,)}
        cursor.execute(
            "SELECT query, ssl, client_dn FROM pg_stat_activity JOIN pg_stat_ssl USING (pid)"
            " WHERE backend_type = 'client backend' AND datname = 'dock'"
        )
        rows = cursor.fetchall()
    assert any(query.startswith("LISTEN") for query, _, _ in rows), rows
    return {(encrypted, name) for _, encrypted, name in rows}


def advisory_locks(cursor: psycopg2.extensions.cursor) -> set[tuple[bool]]:
    """(whether by TLS) of those who hold one."""
    cursor.execute("SELECT ssl FROM pg_locks JOIN pg_stat_ssl USING (pid) WHERE locktype = 'advisory'")
    return set(cursor.fetchall())


def test_every_service_refuses_who_does_not_fit_and_says_why(encrypted, tmp_path):
    theirs = Authority(tmp_path, "theirs")
    stranger = theirs.issue("dock")
    ca, own = (
        str(encrypted.files / "ca.pem"),
        (str(encrypted.files / "client.crt"), str(encrypted.files / "client.key")),
    )
    cases = [
        ("https", ClientTls(ca, *own), ""),
        ("https", ClientTls(ca), "TLS_CLIENT_CERTIFICATE_REFUSED"),
        ("https", ClientTls(ca, str(stranger.cert), str(stranger.key)), "TLS_CLIENT_CERTIFICATE_REFUSED"),
        ("https", ClientTls(str(theirs.ca), *own), "TLS_CERTIFICATE_UNTRUSTED"),
        ("http", ClientTls(), "TLS_REQUIRED"),
    ]
    asked = [(where.replace("https", scheme), tls) for where in encrypted.addresses for scheme, tls, _ in cases]
    with ThreadPoolExecutor(len(asked)) as pool:
        said = list(pool.map(lambda each: refusal(*each), asked))
    assert said == [reason for _, _, reason in cases] * len(SERVICES)


def refusal(address: str, tls: ClientTls) -> str:
    """Why a service does not even say how it is, which it says to anybody whom it lets in."""
    try:
        with channel(address, tls=tls) as link:
            health_pb2_grpc.HealthStub(link).Check(health_pb2.HealthCheckRequest(), timeout=60)
    except DockError as error:
        return error.reason
    return ""


def test_a_certificate_is_no_token(encrypted):
    with encrypted.client() as client:
        for ask_one in (
            client.list,
            lambda: client.verdict("00000001"),
            lambda: client.search(specify(cloud(0.0, seed=3))),
            lambda: client.predict(["00000001"], cloud(0.0, seed=3)),
        ):
            with pytest.raises(Unauthenticated) as caught:
                ask_one()
            assert caught.value.reason == "TOKEN_MISSING"


def test_who_speaks_in_clear_hears_nothing_of_use(encrypted):
    for member in encrypted.house.members:
        for words in (GRPC_PREFACE, HTTP % b"/"):
            assert heard(member.port, words)[:1] in (b"", TLS_ALERT), member.name
    said = heard(encrypted.postgres.port, POSTGRES_STARTUP)
    assert said[:1] == b"E"
    assert b"no encryption" in said
    said = heard(encrypted.nats.port, b"CONNECT {}\r\nPING\r\n")
    assert b'"tls_required":true' in said
    assert b"PONG" not in said
    for port, page in ((encrypted.nats.monitor_port, b"/varz"), (encrypted.s3.port, b"/minio/health/live")):
        assert heard(port, HTTP % page).split(b" ")[1] == b"400"


def heard(port: int, words: bytes) -> bytes:
    """All that somebody hears who says this without TLS, until the line is cut."""
    answer = b""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line, suppress(ConnectionError):
        line.sendall(words)
        while more := line.recv(65536):
            answer += more
    return answer


def test_the_command_that_tries_the_settings_finds_them_good(encrypted, tmp_path):
    serve = [sys.executable, "-m", "learndock.cli.main", "serve", "--target", "ingestion,reuse", "--port", "0"]
    tried = subprocess.run(
        [*serve, "--data", str(tmp_path), "--check-config", "--connect", "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    found = json.loads(tried.stdout)["findings"]
    assert tried.returncode == 0, tried.stdout
    assert {"database", "store", "bus", "bus's-disk", "specification"} <= {each["what"] for each in found}, found


def test_what_an_operator_does_goes_over_the_same_lines(encrypted):
    place = f"s3://127.0.0.1:{encrypted.s3.port}/backups"
    S3BlobStore.connect(place, BlobSettings(create_bucket=True)).close()
    encrypted.operate("backup", f"{place}/first")
    encrypted.operate("backup", f"{place}/first", "--verify")
    encrypted.operate("fsck")
    encrypted.token("bob", "search")
    assert "bob" in encrypted.operate("token", "list")
    encrypted.operate("db", "status")
