"""The certificate that a server shows, read anew when its files change, and whose clients it takes."""

from __future__ import annotations

import logging
import ssl
import threading
from dataclasses import dataclass
from pathlib import Path

import grpc

from dock_rpc.tls import read_pem
from learndock.errors import DockError, InvalidInput

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ServerTls:
    """Files of a server, PEM: its chain and key, and the authority whose clients alone it takes (none: any)."""

    cert: Path
    key: Path
    client_ca: Path | None = None

    def credentials(self) -> grpc.ServerCredentials:
        """For a port. InvalidInput TLS_FILE_UNREADABLE, TLS_PAIR_INVALID."""
        files = _Files(self)
        return grpc.dynamic_ssl_server_credentials(
            files.first,
            files.changed,  # type: ignore[arg-type]  # None, for as before, is documented
            require_client_authentication=self.client_ca is not None,
        )

    def read(self) -> grpc.ServerCertificateConfiguration:
        """What the files hold now, if certificate and key belong together."""
        chain, key = read_pem(self.cert), read_pem(self.key)
        authority = read_pem(self.client_ca) if self.client_ca else None
        try:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.cert, self.key, password=lambda: "")  # never asks at a terminal
            if self.client_ca is not None:
                context.load_verify_locations(self.client_ca)
        except (ssl.SSLError, OSError, ValueError) as error:
            raise InvalidInput(
                f"{self.cert} and {self.key} are no certificate with its key, or the authority for clients is none.",
                reason="TLS_PAIR_INVALID",
                hint="Give PEM files: the chain, the key it is for (not encrypted), the authority's certificate.",
            ) from error
        return grpc.ssl_server_certificate_configuration([(key, chain)], root_certificates=authority)

    def stamp(self) -> tuple[object, ...]:
        """Changes whenever a file does."""
        return tuple(_stamp(path) for path in (self.cert, self.key, self.client_ca) if path is not None)


class _Files:
    """Gives gRPC a new certificate with the first handshake after the files changed; the old one while they are bad."""

    def __init__(self, tls: ServerTls) -> None:
        self._tls = tls
        self._lock = threading.Lock()
        self._seen = tls.stamp()
        self.first = tls.read()

    def changed(self) -> grpc.ServerCertificateConfiguration | None:
        stamp = self._tls.stamp()
        with self._lock:
            if stamp == self._seen:
                return None
            self._seen = stamp
        try:
            fresh = self._tls.read()
        except DockError as error:
            _log.warning("the old certificate is still shown: %s", error, extra={"reason": error.reason})
            return None
        _log.info("the certificate in %s is shown from now on", self._tls.cert)
        return fresh


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        found = path.stat()
    except OSError:
        return (0, 0, 0)
    return (found.st_mtime_ns, found.st_size, found.st_ino)
