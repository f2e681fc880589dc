"""TLS to the database by parameters of its URL, with a real PostgreSQL and authorities of our own."""

from __future__ import annotations

import datetime as dt
import ipaddress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sqlalchemy import make_url, text

from dock_db import Database
from learndock.errors import FailedPrecondition


class Authority:
    """Signs certificates; its own is in `certificate`."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = folder / f"{name}.pem"
        self._write(self.certificate, self._sign(self._name, self._key, authority=True))

    def issue(self, name: str) -> tuple[Path, Path]:
        """(certificate, key) of a server or a user."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate, private = self._folder / f"{name}.crt", self._folder / f"{name}.key"
        self._write(certificate, self._sign(subject, key))
        private.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        private.chmod(0o600)
        return certificate, private

    def _sign(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, *, authority: bool = False):
        now = dt.datetime.now(dt.timezone.utc)
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(self._name).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(now - dt.timedelta(days=1))
        builder = builder.not_valid_after(now + dt.timedelta(days=1))
        builder = builder.add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        builder = builder.add_extension(x509.SubjectAlternativeName([address]), critical=False)
        return builder.sign(self._key, hashes.SHA256())

    def _write(self, path: Path, certificate: x509.Certificate) -> None:
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def asking(url: str, **query: object) -> Database:
    asked = make_url(url).update_query_dict({key: str(value) for key, value in query.items()})
    return Database(asked.render_as_string(hide_password=False))


def readable_by_others(key: Path) -> Path:
    copy = key.with_suffix(".open")
    copy.write_bytes(key.read_bytes())
    copy.chmod(0o644)
    return copy


def test_encrypted_verified_and_by_certificate(own_postgres, tmp_path):
    ours, theirs = Authority(tmp_path, "ours"), Authority(tmp_path, "theirs")
    url = own_postgres.new_database()
    plain = asking(url, sslmode="require")
    with pytest.raises(FailedPrecondition) as caught:
        plain.schema()
    assert caught.value.reason == "DATABASE_TLS_FAILED"

    # In its own folder, which a lesser user owns.
    for kind, source in zip(("server.crt", "server.key"), ours.issue("server"), strict=True):
        (own_postgres.data / kind).write_bytes(source.read_bytes())
        (own_postgres.data / kind).chmod(0o600)
    (own_postgres.data / "root.crt").write_bytes(ours.certificate.read_bytes())
    own_postgres.stop()
    own_postgres._settings.update(ssl="on", ssl_ca_file="root.crt")
    own_postgres.start()

    trusting = asking(url, sslmode="verify-full", sslrootcert=ours.certificate)
    trusting.create()
    with trusting.read() as session:
        assert session.scalar(text("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"))
    trusting.close()

    fooled = asking(url, sslmode="verify-full", sslrootcert=theirs.certificate)
    with pytest.raises(FailedPrecondition) as caught:
        fooled.schema()
    assert caught.value.reason == "DATABASE_TLS_FAILED"

    rules = "local all all trust\nhostssl all all 127.0.0.1/32 cert clientcert=verify-full\n"
    (own_postgres.data / "pg_hba.conf").write_text(rules, encoding="utf-8")
    with own_postgres._cursor() as cursor:
        cursor.execute("SELECT pg_reload_conf()")
    bare = asking(url, sslmode="verify-full", sslrootcert=ours.certificate)
    with pytest.raises(FailedPrecondition) as caught:
        while True:  # until the rules are reloaded
            bare.schema()
            bare.close()
    assert caught.value.reason in {"DATABASE_TLS_FAILED", "DATABASE_REFUSED"}
    certificate, key = ours.issue("dock")
    paths = {"sslrootcert": ours.certificate, "sslcert": certificate, "sslkey": key}
    without_password = make_url(url).set(password=None).render_as_string()
    for wrong in (readable_by_others(key), ours.issue("another")[1], ours.certificate):
        wrongly = asking(without_password, sslmode="verify-full", **{**paths, "sslkey": wrong})
        with pytest.raises(FailedPrecondition) as caught:  # and not "the database is down", which services wait for
            wrongly.schema()
        assert caught.value.reason == "DATABASE_TLS_FAILED"
        wrongly.close()
    by_certificate = asking(without_password, sslmode="verify-full", **paths)
    assert by_certificate.schema().usable
    by_certificate.close()
