"""Who may come in, and over which line: what the settings say of it, checked, and made into parts of the server."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from dock_db import Database
from dock_rpc.address import is_loopback
from dock_rpc.bearer import Secret, Token, no_token, token_file
from dock_rpc.certificates import ServerTls
from dock_rpc.gate import Gate
from dock_rpc.peers import Peers
from dock_rpc.recognition import Recognition
from dock_server.directory import DatabaseDirectory
from dock_server.settings import DockSettings
from dock_server.targets import PEERS_OF
from learndock.errors import InvalidInput

_LONGEST_SOCKET = 100
"""Bytes; the kernel takes 107."""


class Security:
    """The doors of one process.

    Its services reach each other by a socket in a folder of its own wherever the port itself would not do: it speaks
    TLS for names that this process may not have, or listens on every address.
    """

    def __init__(self, settings: DockSettings, targets: Sequence[str], peers: Mapping[str, str]) -> None:
        check_security(settings, targets, peers)
        self._settings = settings
        self._addresses = dict(peers)
        self._own = Token.mint() if settings.auth == "tokens" else None
        self.tls = tls_of(settings)
        self.private_address = self._private_address()

    def gate(self, database: Database) -> Gate | None:
        """What asks calls for tokens; None where nobody is asked."""
        if self._own is None:
            return None
        directory = DatabaseDirectory(database)
        recognition = Recognition(
            directory, tenant=self._settings.tenant, own=self._own, memory_s=self._settings.auth_memory_s
        )
        return Gate(recognition, directory)

    def connect(self, port: int) -> Peers:
        """Stubs of the services, those of this process at its own port."""
        return Peers.connect(
            self.private_address or f"{self._settings.host}:{port}",
            self._addresses,
            token=self._token(),
            token_in_clear=self._settings.token_in_clear,
        )

    def _token(self) -> Secret:
        if self._settings.service_token_file is not None:
            return token_file(self._settings.service_token_file)
        own = self._own
        return no_token if own is None else lambda: own.secret

    def _private_address(self) -> str:
        if self.tls is None and is_loopback(self._settings.host.strip("[]")):
            return ""
        folder = tempfile.mkdtemp(prefix="dock-")  # mode 0700
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        path = Path(folder) / "self"
        if len(str(path)) > _LONGEST_SOCKET:
            raise InvalidInput(
                f"The path of a socket, {path}, is too long for this system.",
                reason="ADDRESS_INVALID",
                hint="Set TMPDIR to a folder with a shorter path.",
            )
        return f"unix:{path}"


def check_security(settings: DockSettings, targets: Sequence[str], peers: Mapping[str, str]) -> None:
    """What is wrong with the settings, before anything is bound.

    InvalidInput DOCK_OPEN_TO_ALL, TLS_PAIR_INCOMPLETE, AUTH_DATABASE_MISSING, SERVICE_TOKEN_MISSING.
    """
    _check_pair(settings)
    _check_open(settings)
    if settings.auth == "tokens":
        _check_services(settings, targets, peers)


def tls_of(settings: DockSettings) -> ServerTls | None:
    """The certificate of the port; None where it speaks no TLS."""
    if settings.tls_cert is None or settings.tls_key is None:
        return None
    return ServerTls(settings.tls_cert, settings.tls_key, settings.tls_client_ca)


def _check_pair(settings: DockSettings) -> None:
    together = (settings.tls_cert is None) == (settings.tls_key is None)
    if not together or (settings.tls_client_ca is not None and settings.tls_cert is None):
        raise InvalidInput(
            "A server that speaks TLS needs a certificate and its key.",
            reason="TLS_PAIR_INCOMPLETE",
            hint="Set both DOCK_TLS_CERT and DOCK_TLS_KEY; DOCK_TLS_CLIENT_CA comes on top.",
        )


def _check_open(settings: DockSettings) -> None:
    if is_loopback(settings.host.strip("[]")) or settings.allow_open:
        return
    lacks = [
        *([] if settings.tls_cert else ["TLS (DOCK_TLS_CERT and DOCK_TLS_KEY)"]),
        *([] if settings.auth == "tokens" else ["tokens (DOCK_AUTH=tokens)"]),
    ]
    if lacks:
        raise InvalidInput(
            f"A dock that listens on {settings.host} is open to other machines and has no {' and no '.join(lacks)}.",
            reason="DOCK_OPEN_TO_ALL",
            hint="See docs/guide/security.md. Where something else keeps strangers out, set DOCK_ALLOW_OPEN=true.",
        )


def _check_services(settings: DockSettings, targets: Sequence[str], peers: Mapping[str, str]) -> None:
    called = {peer for target in targets for peer in PEERS_OF.get(target, ())}
    elsewhere = sorted(peer for peer in called if peer in peers)
    if elsewhere and settings.embedded:
        raise InvalidInput(
            "Tokens are in the database, and this process would have one of its own.",
            reason="AUTH_DATABASE_MISSING",
            hint="Set DOCK_DB_URL to the database of the dock.",
        )
    if elsewhere and settings.service_token_file is None:
        raise InvalidInput(
            f"This process calls {' and '.join(elsewhere)} elsewhere, which will ask it for a token.",
            reason="SERVICE_TOKEN_MISSING",
            hint="Make one by `dock token create --scopes service`, and name its file by DOCK_SERVICE_TOKEN_FILE.",
        )
