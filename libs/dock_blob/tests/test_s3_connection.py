"""How a store is come to: URL, keys, bucket, TLS, and a server that is not there yet."""

from __future__ import annotations

import datetime as dt
import hashlib
import ipaddress
import random
import threading
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from dock_blob import Whole
from dock_blob.s3 import S3BlobStore
from dock_blob.settings import BlobSettings
from learndock.errors import FailedPrecondition, InvalidInput, Unavailable
from tests.servers import leave_out


@pytest.fixture
def url(s3_server):
    return s3_server.new_bucket()


def settings(**changes) -> BlobSettings:
    return BlobSettings(**{"wait_s": 0, "tries": 2, **changes})


def test_wrong_keys_are_told_with_what_to_set_and_without_secrets(url):
    with pytest.raises(FailedPrecondition) as caught:
        S3BlobStore.connect(url, settings(secret_key="not-the-secret"))
    assert caught.value.reason == "STORAGE_FORBIDDEN"
    assert "DOCK_BLOB_SECRET_KEY" in str(caught.value)
    assert "not-the-secret" not in repr(caught.value) + str(caught.value) + str(caught.value.__cause__)


def test_no_keys(url):
    bare = "s3://" + url.partition("@")[2]
    with pytest.raises(FailedPrecondition) as caught:
        S3BlobStore.connect(bare, settings())
    assert caught.value.reason == "STORAGE_CREDENTIALS_MISSING"


def test_a_bucket_is_made_only_where_that_is_wanted(s3_server):
    other = s3_server.new_bucket().replace("/dock-", "/dock-not-there-")
    with pytest.raises(FailedPrecondition) as caught:
        S3BlobStore.connect(other, settings())
    assert caught.value.reason == "STORAGE_BUCKET_MISSING"
    made = S3BlobStore.connect(other, settings(create_bucket=True))
    made.put("a", [b"1"])
    assert b"".join(S3BlobStore.connect(other, settings()).read("a")) == b"1"


@pytest.mark.parametrize(
    "url",
    [
        "s3://", "s3://host", "http://host/bucket", "s3://host:no/bucket", "s3://host/bucket?other=1",
        "s3://host/bucket?secure=perhaps", "s3://host/x", "s3://host/a bucket", "s3://host/a..b", "s3://host/10.0.0.1",
    ],
)  # fmt: skip
def test_urls_that_are_none(url):
    with pytest.raises(InvalidInput) as caught:
        S3BlobStore.connect(url, settings(access_key="a", secret_key="b"))
    assert caught.value.reason == "BLOB_URL_INVALID"


def test_settings_do_not_show_secrets():
    shown = repr(settings(access_key="the-access-key", secret_key="the-secret"))
    assert "the-" not in shown


def test_it_waits_at_the_start_for_a_store_that_is_not_there_yet_and_says_so(own_s3, caplog):
    url = own_s3.new_bucket()
    own_s3.stop()
    with pytest.raises(Unavailable) as caught:
        S3BlobStore.connect(url, settings(wait_s=0.0))
    assert caught.value.reason == "STORAGE_DOWN"
    starting = threading.Timer(1.5, own_s3.start)
    starting.start()
    store = S3BlobStore.connect(url, settings(wait_s=120.0))
    starting.join()
    store.put("a", [b"1"])
    assert "waiting for the object store" in caplog.text
    assert urlsplit(url).password not in caplog.text


@pytest.fixture
def certificates(tmp_path):
    """An authority, and a server's certificate for the loopback that it signed."""
    folder = tmp_path / "certificates"
    folder.mkdir()
    authority_key, server_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = certificate("the test's authority", authority_key, "the test's authority", authority_key)
    server = certificate("store", server_key, "the test's authority", authority_key, address="127.0.0.1")
    (folder / "ca.pem").write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    (folder / "public.crt").write_bytes(server.public_bytes(serialization.Encoding.PEM))
    key = server_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "private.key").write_bytes(key)
    return folder


def certificate(subject: str, key, issuer: str, issuer_key, address: str = "") -> x509.Certificate:
    now = dt.datetime.now(dt.timezone.utc)
    day = dt.timedelta(days=1)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(x509.BasicConstraints(ca=not address, path_length=None), critical=True)
    )
    if address:
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
        builder = builder.add_extension(names, critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def test_tls_with_an_authority_of_ones_own(certificates, tmp_path):
    from tools.services.minio import S3Server, find_minio
    from tools.services.missing import ServerMissing

    try:
        find_minio()
    except ServerMissing as missing:
        leave_out(missing)
    server = S3Server(tmp_path / "s3", certificates=certificates)
    server.start()
    try:
        keys = {"access_key": urlsplit(server.url()).username, "secret_key": urlsplit(server.url()).password}
        url = f"s3://127.0.0.1:{server.port}/over-tls?secure=true"
        trusting = settings(tls_ca=str(certificates / "ca.pem"), create_bucket=True, **keys)
        store = S3BlobStore.connect(url, trusting)
        data = random.Random(0).randbytes((8 << 20) + 5)
        whole = Whole(len(data), hashlib.sha256(data).hexdigest())
        store.append("a", 0, [data], whole)
        store.complete("a", whole)
        assert b"".join(store.read("a")) == data
        with pytest.raises(FailedPrecondition) as caught:
            S3BlobStore.connect(url, settings(**keys))
        assert caught.value.reason == "STORAGE_TLS_FAILED"
        assert "DOCK_BLOB_TLS_CA" in str(caught.value)
        pair = {"tls_cert": str(certificates / "public.crt"), "tls_key": str(certificates / "private.key")}
        with_certificate = trusting.model_copy(update=pair)
        assert b"".join(S3BlobStore.connect(url, with_certificate).read("a")) == data
    finally:
        server.close()


@pytest.mark.parametrize("name", ["tls_ca", "tls_cert"])
def test_certificates_that_cannot_be_loaded(tmp_path, name):
    (tmp_path / "bad.pem").write_text("no certificate")
    for path in (tmp_path / "bad.pem", tmp_path / "none.pem"):
        with pytest.raises(FailedPrecondition) as caught:
            S3BlobStore.connect("s3://a:b@127.0.0.1:1/bucket", settings(**{name: str(path)}))
        assert caught.value.reason == "STORAGE_TLS_FAILED"
