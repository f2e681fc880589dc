"""Who is let in by the server, over what, and that nothing secret is ever said."""

from __future__ import annotations

from contextlib import closing, contextmanager

import pytest
from tools.services.certificate import Certificate
from tools.services.nats import NatsServer

from dock_bus.access import shown
from dock_bus.durability import writes_through
from dock_bus.nats import NatsBus
from dock_bus.settings import BusSettings
from dock_bus.tests.certificates import Authority, operator_configuration
from dock_bus.tests.contract import QUICK, Recorder, message, until
from learndock.errors import InvalidInput, Unavailable

SECRET = "a-secret-word"


@contextmanager
def started(folder, more):
    server = NatsServer(folder, more=more)
    server.start()
    try:
        yield server
    finally:
        server.close()


def settings(**more):
    return BusSettings(timeout_s=1.0, max_bytes=16 << 20, **more)


def works(url, chosen):
    """Whether a message goes there and back."""
    with closing(NatsBus.connect(url, chosen)) as bus:
        recorder = Recorder()
        bus.subscribe(QUICK, recorder)
        try:
            bus.publish(message())
        except Unavailable as error:
            assert error.reason == "BUS_DOWN"
            assert SECRET not in str(error)
            return False
        until(lambda: len(recorder.ids) == 1)
        return True


def with_user(server, words):
    return server.url.replace("nats://", f"nats://{words}@")


@pytest.mark.usefixtures("nats_server")
class TestAccess:
    def test_user_and_password(self, tmp_path, caplog):
        caplog.set_level("DEBUG")
        with started(tmp_path, f'authorization {{ user: dock, password: "{SECRET}" }}') as server:
            assert works(server.url, settings(user="dock", password=SECRET))
            assert works(with_user(server, f"dock:{SECRET}"), settings())
            assert not works(server.url, settings(user="dock", password="wrong"))
            assert not works(server.url, settings())
        assert "waiting for the bus" in caplog.text
        assert "uthorization" in caplog.text
        assert SECRET not in caplog.text

    def test_token(self, tmp_path, caplog):
        caplog.set_level("DEBUG")
        with started(tmp_path, f'authorization {{ token: "{SECRET}" }}') as server:
            assert works(server.url, settings(token=SECRET))
            assert works(with_user(server, SECRET), settings())
            assert not works(server.url, settings(token="wrong"))
        assert SECRET not in caplog.text

    def test_credentials_of_a_user(self, tmp_path, caplog):
        caplog.set_level("DEBUG")
        mine, other = tmp_path / "mine.creds", tmp_path / "other.creds"
        operator_configuration(other)
        with started(tmp_path / "server", operator_configuration(mine)) as server:
            assert works(server.url, settings(credentials=mine))
            assert not works(server.url, settings(credentials=other))
            assert not works(server.url, settings())
        seed = mine.read_text(encoding="ascii").splitlines()[5]
        assert seed.startswith("SU")
        assert seed not in caplog.text

    def test_tls_by_our_own_authority(self, tmp_path):
        authority = Authority(tmp_path / "ours")
        strangers = Authority(tmp_path / "theirs")
        certificate, key = authority.issue("server")
        with started(tmp_path / "server", f'tls {{ cert_file: "{certificate}", key_file: "{key}" }}') as server:
            over_tls = server.url.replace("nats://", "tls://")
            assert works(over_tls, settings(tls_ca=authority.certificate))
            assert works(server.url, settings(tls_ca=authority.certificate))
            assert not works(over_tls, settings(tls_ca=strangers.certificate))
            assert not works(over_tls, settings())

    def test_mutual_tls(self, tmp_path):
        authority = Authority(tmp_path / "ours")
        strangers = Authority(tmp_path / "theirs")
        certificate, key = authority.issue("server")
        demanding = f'cert_file: "{certificate}", key_file: "{key}", ca_file: "{authority.certificate}", verify: true'
        with started(tmp_path / "server", f"tls {{ {demanding} }}") as server:
            mine, theirs = authority.issue("dock"), strangers.issue("dock")
            known = settings(tls_ca=authority.certificate, tls_cert=mine[0], tls_key=mine[1])
            assert works(server.url, known)
            assert not works(server.url, settings(tls_ca=authority.certificate))
            assert not works(server.url, known.model_copy(update={"tls_cert": theirs[0], "tls_key": theirs[1]}))

    def test_its_monitoring_is_believed_as_the_server_is(self, tmp_path):
        authority, strangers = Authority(tmp_path / "ours"), Authority(tmp_path / "theirs")
        with closing(NatsServer(tmp_path / "server", tls=Certificate(*authority.issue("server")))) as server:
            server.start()
            demanding = settings(tls_ca=authority.certificate, monitor_url=server.monitor_url, require_sync=True)
            assert server.monitor_url.startswith("https:")
            assert works(server.url, demanding)
            assert writes_through(demanding)
            with pytest.raises(Unavailable) as caught:
                writes_through(demanding.model_copy(update={"tls_ca": strangers.certificate}))
            assert caught.value.reason == "BUS_MONITOR_DOWN"

    def test_a_server_that_speaks_no_tls_is_not_spoken_to_in_the_clear(self, tmp_path, nats_server):
        authority = Authority(tmp_path)
        assert not works(nats_server.url.replace("nats://", "tls://"), settings(tls_ca=authority.certificate))


@pytest.mark.parametrize(
    "url", ["", ",", "nats://", "http://host:1", "nats://host:99999", f"postgres://u:{SECRET}@host", "host:4222"]
)
def test_an_address_that_is_none(url):
    with pytest.raises(InvalidInput) as caught:
        NatsBus.connect(url)
    assert caught.value.reason == "BUS_URL_INVALID"
    assert SECRET not in str(caught.value)


def test_addresses_are_shown_without_who():
    assert shown(f"nats://u:{SECRET}@a:1, tls://{SECRET}@b:2") == "nats://a:1, tls://b:2"
    assert SECRET not in repr(settings(password=SECRET, token=SECRET))


@pytest.mark.parametrize(
    "text", ["", "no such thing", "-----BEGIN NATS USER JWT-----\nx\n-----BEGIN USER NKEY SEED-----\nSUx"]
)
def test_credentials_that_are_none(tmp_path, text):
    path = tmp_path / "some.creds"
    path.write_text(text)
    for each in (path, tmp_path / "missing.creds"):
        with pytest.raises(InvalidInput) as caught:
            NatsBus.connect("nats://127.0.0.1:9", settings(credentials=each))
        assert caught.value.reason == "BUS_CREDENTIALS_INVALID"


def test_certificates_that_are_none(tmp_path):
    (tmp_path / "ca.pem").write_text("nothing")
    for change in ({"tls_ca": tmp_path / "ca.pem"}, {"tls_cert": tmp_path / "missing.pem"}):
        with pytest.raises(InvalidInput) as caught:
            NatsBus.connect("nats://127.0.0.1:9", settings(**change))
        assert caught.value.reason == "BUS_TLS_INVALID"
