"""TLS between real clients and real servers: what is believed, what is refused, and in which words."""

from __future__ import annotations

import datetime as dt
import shutil
import socket
import ssl

import grpc
import pytest

from dock_rpc.certificates import ServerTls
from dock_rpc.channel import channel
from dock_rpc.server import build_server
from dock_rpc.tests.authority import Authority
from dock_rpc.tls import ClientTls
from dockapi.search.v1 import search_pb2, search_pb2_grpc
from learndock.errors import DockError, InvalidInput

SEARCH = "dockapi.search.v1.SearchService"


class Answers(search_pb2_grpc.SearchServiceServicer):
    def GetIndex(self, request, context):  # noqa: N802 - the proto's name
        return search_pb2.GetIndexResponse(revision=7)


def serving(tls: ServerTls | None, **options):
    return build_server(
        [(SEARCH, search_pb2_grpc.add_SearchServiceServicer_to_server, Answers())],
        address="127.0.0.1:0",
        tls=tls,
        **options,
    )


def revision(address: str, tls: ClientTls | None = None) -> int:
    with channel(address, tls=tls or ClientTls()) as link:
        return search_pb2_grpc.SearchServiceStub(link).GetIndex(search_pb2.GetIndexRequest(), timeout=60).revision


def refusal(address: str, tls: ClientTls | None = None) -> DockError:
    with pytest.raises(DockError) as caught:
        revision(address, tls)
    return caught.value


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ours"), "ours")


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("theirs"), "theirs")


@pytest.fixture
def here(ours):
    return ours.issue("here", "127.0.0.1", "localhost")


def test_a_named_authority_is_believed_for_every_form_of_address(ours, here):
    with serving(ServerTls(here.cert, here.key)) as server:
        tls = ClientTls(ca=str(ours.ca))
        for address in ("127.0.0.1", "https://127.0.0.1", "localhost", "https://localhost", "dns:///localhost"):
            assert revision(f"{address}:{server.port}", tls) == 7


def test_replicas_with_certificates_for_their_numbers_are_believed(ours, theirs, here):
    tls = ClientTls(ca=str(ours.ca))
    with serving(ServerTls(here.cert, here.key)) as one, serving(ServerTls(here.cert, here.key)) as other:
        pair = f"127.0.0.1:{one.port},127.0.0.1:{other.port}"
        for address in (pair, f"https://{pair}", f"ipv4:{pair}"):
            assert revision(address, tls) == 7
        for address in (f"https://{pair}", f"https://127.0.0.1:9,{pair}", f"dns:///localhost:{other.port}"):
            assert refusal(address, ClientTls(ca=str(theirs.ca))).reason == "TLS_CERTIFICATE_UNTRUSTED"
        assert refusal(f"https://127.0.0.2:{one.port},{pair}", tls).reason == "TLS_NAME_MISMATCH", (
            "the first name counts"
        )


def test_settings_of_a_client_come_from_the_environment(ours, here, monkeypatch):
    with serving(ServerTls(here.cert, here.key)) as server:
        monkeypatch.setenv("DOCK_TLS_CA", str(ours.ca))
        with channel(f"127.0.0.1:{server.port}") as link:
            assert search_pb2_grpc.SearchServiceStub(link).GetIndex(search_pb2.GetIndexRequest()).revision == 7


def test_an_unknown_authority_is_refused(here, theirs):
    with serving(ServerTls(here.cert, here.key)) as server:
        for tls in (ClientTls(ca=str(theirs.ca)), ClientTls()):
            error = refusal(f"https://127.0.0.1:{server.port}", tls)
            assert error.reason == "TLS_CERTIFICATE_UNTRUSTED"
            assert "DOCK_TLS_CA" in error.hint


def test_an_expired_certificate_is_refused(ours):
    old = ours.issue("old", "127.0.0.1", lasts=dt.timedelta(days=-1))
    with serving(ServerTls(old.cert, old.key)) as server:
        error = refusal(f"127.0.0.1:{server.port}", ClientTls(ca=str(ours.ca)))
        assert error.reason == "TLS_CERTIFICATE_EXPIRED"


def test_a_certificate_for_another_host_is_refused(ours):
    other = ours.issue("other", "dock.example", "10.0.0.1")
    with serving(ServerTls(other.cert, other.key)) as server:
        for host in ("127.0.0.1", "localhost"):
            error = refusal(f"{host}:{server.port}", ClientTls(ca=str(ours.ca)))
            assert error.reason == "TLS_NAME_MISMATCH"


def test_a_server_that_wants_certificates_takes_its_own_authoritys_alone(ours, theirs, here):
    with serving(ServerTls(here.cert, here.key, client_ca=ours.ca)) as server:
        address = f"127.0.0.1:{server.port}"
        ann, eve = ours.issue("ann"), theirs.issue("eve")
        assert revision(address, ClientTls(str(ours.ca), str(ann.cert), str(ann.key))) == 7
        late = ours.issue("late", lasts=dt.timedelta(days=-1))
        for tls in (
            ClientTls(str(ours.ca)),
            ClientTls(str(ours.ca), str(eve.cert), str(eve.key)),
            ClientTls(str(ours.ca), str(late.cert), str(late.key)),
        ):
            error = refusal(address, tls)
            assert error.reason == "TLS_CLIENT_CERTIFICATE_REFUSED"
            assert "DOCK_TLS_CLIENT_CERT" in error.hint


def test_who_speaks_in_clear_to_tls_is_told_so(here):
    with serving(ServerTls(here.cert, here.key)) as server:
        error = refusal(f"127.0.0.1:{server.port}")
        assert error.reason == "TLS_REQUIRED"
        assert f"https://127.0.0.1:{server.port}" in error.hint


def test_who_speaks_in_clear_to_mutual_tls_is_told_so(ours, here):
    with serving(ServerTls(here.cert, here.key, client_ca=ours.ca)) as server:
        assert refusal(f"127.0.0.1:{server.port}").reason == "TLS_REQUIRED"


def test_who_speaks_tls_to_a_port_in_clear_is_told_so(ours):
    with serving(None) as server:
        error = refusal(f"https://127.0.0.1:{server.port}", ClientTls(ca=str(ours.ca)))
        assert error.reason == "TLS_NOT_SPOKEN"
        assert f"http://127.0.0.1:{server.port}" in error.hint
        assert revision(f"http://127.0.0.1:{server.port}", ClientTls(ca=str(ours.ca))) == 7, "http:// is no TLS, ever"


def test_a_dock_that_is_down_is_down_with_tls_too(ours):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        error = refusal(f"https://127.0.0.1:{taken.getsockname()[1]}", ClientTls(ca=str(ours.ca)))
    assert error.reason == "DOCK_UNREACHABLE"


def shown_by(port: int) -> bytes:
    return ssl.get_server_certificate(("127.0.0.1", port)).encode()


def test_exchanged_files_are_shown_from_the_next_connection_on(ours, theirs, here, tmp_path):
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    shutil.copy(here.cert, cert)
    shutil.copy(here.key, key)
    with serving(ServerTls(cert, key)) as server:
        address = f"127.0.0.1:{server.port}"
        assert shown_by(server.port) == here.cert.read_bytes()
        fresh = theirs.issue("fresh", "127.0.0.1")
        shutil.copy(fresh.cert, cert)
        assert shown_by(server.port) == here.cert.read_bytes(), "a certificate without its key is not shown"
        shutil.copy(fresh.key, key)
        assert shown_by(server.port) == fresh.cert.read_bytes()
        assert revision(address, ClientTls(ca=str(theirs.ca))) == 7
        cert.unlink()
        assert shown_by(server.port) == fresh.cert.read_bytes(), "a file that went away ends nothing"


def test_the_authority_for_clients_is_exchanged_too(ours, theirs, here, tmp_path):
    believed = tmp_path / "clients.pem"
    shutil.copy(ours.ca, believed)
    eve = theirs.issue("eve")
    with serving(ServerTls(here.cert, here.key, client_ca=believed)) as server:
        tls = ClientTls(str(ours.ca), str(eve.cert), str(eve.key))
        assert refusal(f"127.0.0.1:{server.port}", tls).reason == "TLS_CLIENT_CERTIFICATE_REFUSED"
        shutil.copy(theirs.ca, believed)
        assert revision(f"127.0.0.1:{server.port}", tls) == 7


@pytest.mark.parametrize(
    ("version", "spoken"),
    [(ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True), (ssl.TLSVersion.TLSv1_3, True)],
)
def test_nothing_older_than_tls_1_2_is_spoken(here, version, spoken):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")  # so that it is the server that refuses
    context.set_alpn_protocols(["h2"])
    with pytest.warns(DeprecationWarning) if version is ssl.TLSVersion.TLSv1_1 else _quiet():
        context.minimum_version = context.maximum_version = version
    with (
        serving(ServerTls(here.cert, here.key)) as server,
        socket.create_connection(("127.0.0.1", server.port)) as line,
    ):
        if not spoken:
            with pytest.raises((ssl.SSLError, ConnectionResetError)) as caught:
                context.wrap_socket(line)
            assert "NO_PROTOCOLS_AVAILABLE" not in str(caught.value), "the client itself refused"
            return
        with context.wrap_socket(line) as secured:
            assert secured.version() == {"TLSv1_2": "TLSv1.2", "TLSv1_3": "TLSv1.3"}[version.name]


def _quiet():
    import contextlib

    return contextlib.nullcontext()


def test_the_process_itself_reaches_its_server_in_clear_by_a_file(ours, here, tmp_path):
    path = f"unix:{tmp_path / 'private'}"
    with serving(ServerTls(here.cert, here.key, client_ca=ours.ca), private_address=path):
        assert revision(path) == 7


def test_bad_files_stop_the_start(ours, theirs, here, tmp_path):
    other = theirs.issue("other", "127.0.0.1")
    for tls, reason in (
        (ServerTls(tmp_path / "none.pem", here.key), "TLS_FILE_UNREADABLE"),
        (ServerTls(here.cert, other.key), "TLS_PAIR_INVALID"),
        (ServerTls(here.key, here.key), "TLS_PAIR_INVALID"),
        (ServerTls(here.cert, here.key, client_ca=here.key), "TLS_PAIR_INVALID"),
    ):
        with pytest.raises(InvalidInput) as caught:
            serving(tls)
        assert caught.value.reason == reason
    for client, reason in (
        (ClientTls(ca=str(tmp_path / "none.pem")), "TLS_FILE_UNREADABLE"),
        (ClientTls(ca=str(ours.ca), cert=str(here.cert)), "TLS_PAIR_INCOMPLETE"),
    ):
        with pytest.raises(InvalidInput) as caught, channel("127.0.0.1:1", tls=client):
            pass
        assert caught.value.reason == reason


def test_files_of_a_client_that_hold_something_else_are_said_to_and_not_taken_for_a_server_without_tls(
    ours, theirs, here, tmp_path
):
    other, nonsense = theirs.issue("other"), tmp_path / "ca.pem"
    nonsense.write_text("no certificate")
    with serving(ServerTls(here.cert, here.key, client_ca=ours.ca)) as server:
        for tls in (
            ClientTls(ca=str(nonsense)),
            ClientTls(ca=str(here.key)),
            ClientTls(str(ours.ca), str(here.cert), str(other.key)),
            ClientTls(str(ours.ca), str(nonsense), str(here.key)),
        ):
            assert refusal(f"https://127.0.0.1:{server.port}", tls).reason == "TLS_PAIR_INVALID"


def test_reflection_can_be_left_out(here):
    from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

    with serving(None, reflected=False) as server, grpc.insecure_channel(f"127.0.0.1:{server.port}") as link:
        ask = reflection_pb2.ServerReflectionRequest(list_services="")
        with pytest.raises(grpc.RpcError) as caught:
            next(reflection_pb2_grpc.ServerReflectionStub(link).ServerReflectionInfo(iter([ask])))
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
