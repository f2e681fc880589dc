"""How a NATS server is reached: addresses, TLS and credentials. What is secret is never put into a message."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from dock_bus.settings import BusSettings
from learndock.errors import InvalidInput

_SCHEMES = ("nats", "tls", "ws", "wss")


def servers(url: str) -> list[str]:
    """The addresses of a comma-separated URL. InvalidInput BUS_URL_INVALID."""
    found = [each.strip() for each in url.split(",") if each.strip()]
    if not found or any(not _is_good(each) for each in found):
        raise InvalidInput(
            "The address of the bus cannot be understood.",  # it may hold a password
            reason="BUS_URL_INVALID",
            hint="DOCK_BUS_URL is nats://host:port or tls://host:port; several are separated by commas.",
        )
    return found


def shown(url: str) -> str:
    """The addresses without user, password or token."""
    return ", ".join(f"{part.scheme}://{part.netloc.rpartition('@')[2]}" for part in map(urlsplit, servers(url)))


def options(url: str, settings: BusSettings) -> dict[str, Any]:
    """What nats-py's `connect` takes. InvalidInput BUS_URL_INVALID, BUS_TLS_INVALID, BUS_CREDENTIALS_INVALID."""
    found: dict[str, Any] = {"servers": servers(url)}
    if settings.user:
        found |= {"user": settings.user, "password": settings.password.get_secret_value()}
    if settings.token.get_secret_value():
        found["token"] = settings.token.get_secret_value()
    if settings.credentials is not None:
        found |= _credentials(settings.credentials)
    if (
        settings.tls_ca
        or settings.tls_cert
        or any(urlsplit(each).scheme in ("tls", "wss") for each in found["servers"])
    ):
        found["tls"] = context_of(settings)
    return found


def _is_good(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in _SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def context_of(settings: BusSettings) -> ssl.SSLContext:
    """Whom the dock believes, and what it shows, wherever it speaks TLS to the server. InvalidInput BUS_TLS_INVALID."""
    try:
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=settings.tls_ca)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if settings.tls_cert is not None:
            context.load_cert_chain(settings.tls_cert, settings.tls_key)
    except (OSError, ssl.SSLError) as error:
        raise InvalidInput(
            f"The bus's certificates or key cannot be used: {error}.",
            reason="BUS_TLS_INVALID",
            hint="Look at DOCK_BUS_TLS_CA, DOCK_BUS_TLS_CERT and DOCK_BUS_TLS_KEY: PEM files that the dock can read.",
        ) from error
    return context


def _credentials(path: Path) -> dict[str, Any]:
    read_credentials(path)  # what is wrong with it shall be said now

    def jwt() -> bytearray:
        return bytearray(read_credentials(path)[0])

    def sign(nonce: str) -> bytes:
        return base64.b64encode(read_credentials(path)[1].sign(nonce.encode()))

    callbacks: dict[str, Callable[..., Any]] = {"user_jwt_cb": jwt, "signature_cb": sign}
    return callbacks


def read_credentials(path: Path) -> tuple[bytes, Ed25519PrivateKey]:
    """(JWT, key) of a credentials file, read anew at each connection. InvalidInput BUS_CREDENTIALS_INVALID."""
    try:
        lines = [line.strip() for line in path.read_text(encoding="ascii").splitlines()]
        jwt, seed = (lines[_line(lines, f"BEGIN {name}") + 1] for name in ("NATS USER JWT", "USER NKEY SEED"))
        raw = base64.b32decode(seed + "=" * (-len(seed) % 8))
        return jwt.encode(), Ed25519PrivateKey.from_private_bytes(raw[2:34])
    except (OSError, ValueError, IndexError):
        raise InvalidInput(  # its cause might quote the seed
            f"The bus's credentials {path.name} cannot be read.",
            reason="BUS_CREDENTIALS_INVALID",
            hint="DOCK_BUS_CREDENTIALS names a .creds file with a user's JWT and seed.",
        ) from None


def _line(lines: list[str], words: str) -> int:
    return (
        next(number for number, line in enumerate(lines) if words in line)
        if any(words in x for x in lines)
        else 1 << 30
    )
