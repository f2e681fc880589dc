"""Certificates of a small authority of our own, and credentials as `nsc` makes them, for servers of tests."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import ipaddress
import json
import time
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

PREFIXES = {"operator": 14 << 3, "account": 0, "user": 20 << 3, "seed": 18 << 3}


class Authority:
    """Signs certificates for 127.0.0.1; every file lies in its folder as NAME.pem and NAME.key."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
        self.certificate = self._write("ca", self._key, self._name, authority=True)[0]

    def issue(self, name: str) -> tuple[Path, Path]:
        """(certificate, key) of somebody."""
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        return self._write(name, ec.generate_private_key(ec.SECP256R1()), subject, authority=False)

    def _write(
        self, name: str, key: ec.EllipticCurvePrivateKey, subject: x509.Name, *, authority: bool
    ) -> tuple[Path, Path]:
        now = dt.datetime.now(dt.timezone.utc)
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
            )
            .sign(self._key, hashes.SHA256())
        )
        certificate, secret = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        certificate.write_bytes(made.public_bytes(Encoding.PEM))
        secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return certificate, secret


def operator_configuration(credentials: Path) -> str:
    """Writes credentials of a user, and gives the server's configuration that lets this user in."""
    operator, account, user, system = (Ed25519PrivateKey.generate() for _ in range(4))
    unlimited = dict.fromkeys(("subs", "data", "payload", "imports", "exports", "conn", "leaf"), -1)
    storage = dict.fromkeys(("mem_storage", "disk_storage", "streams", "consumer"), -1)
    account_limits = unlimited | storage | {"wildcards": True}
    operator_jwt = _jwt(operator, "operator", operator, "operator", {})
    account_jwt = _jwt(operator, "operator", account, "account", {"limits": account_limits})
    system_jwt = _jwt(operator, "operator", system, "account", {"limits": unlimited | {"wildcards": True}})
    user_limits = {"subs": -1, "data": -1, "payload": -1, "pub": {}, "sub": {}}
    user_jwt = _jwt(account, "account", user, "user", user_limits)
    raw = user.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    head = bytes([PREFIXES["seed"] | (PREFIXES["user"] >> 5), (PREFIXES["user"] & 31) << 3])
    seed = _coded(head + raw)
    credentials.write_text(
        f"-----BEGIN NATS USER JWT-----\n{user_jwt}\n------END NATS USER JWT------\n\n"
        f"-----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
    )
    mine, systems = _public(account, "account"), _public(system, "account")
    accounts = f"{mine}: {account_jwt}, {systems}: {system_jwt}"
    return (
        f"operator: {operator_jwt}\nsystem_account: {systems}\nresolver: MEMORY\nresolver_preload: {{ {accounts} }}\n"
    )


def _jwt(signer: Ed25519PrivateKey, signer_kind: str, subject: Ed25519PrivateKey, kind: str, more: dict) -> str:
    claims = {
        "iat": int(time.time()),
        "iss": _public(signer, signer_kind),
        "name": kind,
        "sub": _public(subject, kind),
        "nats": {**more, "type": kind, "version": 2},
    }
    claims["jti"] = base64.b32encode(hashlib.sha256(json.dumps(claims).encode()).digest()).decode().rstrip("=")
    head = _part({"typ": "JWT", "alg": "ed25519-nkey"})
    signed = f"{head}.{_part(claims)}"
    return f"{signed}.{_base64(signer.sign(signed.encode()))}"


def _public(key: Ed25519PrivateKey, kind: str) -> str:
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return _coded(bytes([PREFIXES[kind]]) + raw)


def _coded(raw: bytes) -> str:
    return base64.b32encode(raw + binascii.crc_hqx(raw, 0).to_bytes(2, "little")).decode().rstrip("=")


def _part(document: dict) -> str:
    return _base64(json.dumps(document).encode())


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
