"""TLS as a client wants it: whom it believes, what it shows, and in words why a handshake failed."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import grpc

from dock_rpc.address import Address
from learndock.errors import DockError, FailedPrecondition, InvalidInput, PermissionDenied

_PROBE_S = 2.0


@dataclass(frozen=True)
class ClientTls:
    """Files of a client, PEM: authorities it believes (those of gRPC where none is named), certificate and key."""

    ca: str = ""
    cert: str = ""
    key: str = ""

    @property
    def wanted(self) -> bool:
        """Whether addresses that do not say so are spoken to by TLS."""
        return bool(self.ca or self.cert)

    @classmethod
    def of_environment(cls, environment: Mapping[str, str] = os.environ) -> ClientTls:
        """From DOCK_TLS_CA, DOCK_TLS_CLIENT_CERT and DOCK_TLS_CLIENT_KEY."""
        names = ("DOCK_TLS_CA", "DOCK_TLS_CLIENT_CERT", "DOCK_TLS_CLIENT_KEY")
        return cls(*(environment.get(name, "").strip() for name in names))

    def credentials(self) -> grpc.ChannelCredentials:
        """For a channel. InvalidInput TLS_FILE_UNREADABLE, TLS_PAIR_INCOMPLETE, TLS_PAIR_INVALID."""
        if bool(self.cert) != bool(self.key):
            raise InvalidInput(
                "A certificate needs its key, and a key its certificate.",
                reason="TLS_PAIR_INCOMPLETE",
                hint="Set both DOCK_TLS_CLIENT_CERT and DOCK_TLS_CLIENT_KEY, or neither.",
            )
        parts = [read_pem(path) if path else None for path in (self.ca, self.key, self.cert)]
        if self.wanted:
            self.context()  # gRPC takes any bytes, and then reaches nobody
        return grpc.ssl_channel_credentials(*parts)

    def context(self) -> ssl.SSLContext:
        """The same for Python's own TLS, which says in words what it does not like. InvalidInput TLS_PAIR_INVALID."""
        try:
            context = ssl.create_default_context(cafile=self.ca or None)
            if self.cert:
                context.load_cert_chain(self.cert, self.key, password=lambda: "")  # never asks at a terminal
        except (ssl.SSLError, ValueError) as error:
            raise InvalidInput(
                "What this client is to show or to believe holds no certificate, or another key.",
                reason="TLS_PAIR_INVALID",
                hint="Give PEM files: in DOCK_TLS_CA the authority, in DOCK_TLS_CLIENT_CERT the chain, in "
                "DOCK_TLS_CLIENT_KEY the key it is for, not encrypted.",
            ) from error
        context.set_alpn_protocols(["h2"])
        return context


def read_pem(path: str | Path) -> bytes:
    """A file's bytes. InvalidInput TLS_FILE_UNREADABLE."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise InvalidInput(
            f"{path} can't be read: {error.strerror}.",
            reason="TLS_FILE_UNREADABLE",
            hint="Name a PEM file that this user may read.",
        ) from error


def explain(address: Address, tls: ClientTls) -> DockError | None:
    """Why nobody answers at an address that takes connections, or None where TLS is not the reason.

    gRPC says "unavailable" whatever went wrong in a handshake. This makes one of its own, at most two seconds long,
    with each replica until one of them says why.
    """
    for door in zip(address.hosts, address.ports, strict=False):
        try:
            with socket.create_connection(door, timeout=_PROBE_S) as line:
                # The first one's name is what every replica's certificate is for.
                found = _with_tls(line, address.hosts[0], address, tls) if address.secure else _without(line, address)
        except (OSError, ValueError):
            continue
        if found is not None:
            return found
    return None


def _without(line: socket.socket, address: Address) -> DockError | None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # nothing is sent or believed: it is only asked whether TLS is spoken
    try:
        _shake_hands(line, context)
    except ssl.SSLError as error:
        if "ALERT" not in (error.reason or ""):
            return None
    return FailedPrecondition(
        f"The dock at {address} speaks TLS, and was spoken to without.",
        reason="TLS_REQUIRED",
        hint=f"Use https://{address.target}, and name the authority of its certificate by DOCK_TLS_CA.",
        details={"address": str(address)},
    )


def _shake_hands(line: socket.socket, context: ssl.SSLContext, host: str | None = None) -> None:
    """Over a line of its own to the same place: wrapped before it connects, it is closed however the handshake ends."""
    with context.wrap_socket(socket.socket(line.family), server_hostname=host) as secured:
        secured.settimeout(_PROBE_S)
        secured.connect(line.getpeername())


def _with_tls(line: socket.socket, host: str, address: Address, tls: ClientTls) -> DockError | None:
    try:
        context = tls.context()
        # By TLS 1.3 a server refuses a client's certificate only after the handshake; by 1.2 it is a part of it.
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        _shake_hands(line, context, host)
    except ssl.SSLCertVerificationError as error:
        return _unbelieved(address, error)
    except ssl.SSLError as error:
        return _refused(address, error.reason or "")
    except ConnectionResetError:
        return _refused(address, "ALERT")
    return None


def _unbelieved(address: Address, error: ssl.SSLCertVerificationError) -> DockError:
    said = error.verify_message.rstrip(".")
    expired, misnamed = "expired" in said or "not yet valid" in said, error.verify_code in (62, 64)
    reason = "TLS_CERTIFICATE_EXPIRED" if expired else "TLS_NAME_MISMATCH" if misnamed else "TLS_CERTIFICATE_UNTRUSTED"
    hints = {
        "TLS_CERTIFICATE_EXPIRED": "The operator has to renew it; look at this machine's clock too.",
        "TLS_NAME_MISMATCH": "Use the name that the certificate is for, or have it made for this one.",
        "TLS_CERTIFICATE_UNTRUSTED": "Name the authority that the dock's certificate is from by DOCK_TLS_CA.",
    }
    return FailedPrecondition(
        f"The certificate of the dock at {address} is not good: {said}.",
        reason=reason,
        hint=hints[reason],
        details={"address": str(address)},
    )


def _refused(address: Address, said: str) -> DockError | None:
    if "PROTOCOL_VERSION" in said:
        return None
    if "ALERT" in said or "EOF" in said:
        return PermissionDenied(
            f"The dock at {address} did not take this client's certificate, or there was none.",
            reason="TLS_CLIENT_CERTIFICATE_REFUSED",
            hint="Name one that the operator gave you by DOCK_TLS_CLIENT_CERT and its key by DOCK_TLS_CLIENT_KEY.",
            details={"address": str(address)},
        )
    return FailedPrecondition(
        f"The dock at {address} does not speak TLS.",
        reason="TLS_NOT_SPOKEN",
        hint=f"Use http://{address.target} where what goes over the line may be seen; better, give the dock "
        "a certificate by DOCK_TLS_CERT and DOCK_TLS_KEY.",
        details={"address": str(address)},
    )
