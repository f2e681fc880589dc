"""Settings of a bus on NATS, read from DOCK_BUS_*; the address itself is DOCK_BUS_URL."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class BusSettings(BaseSettings):
    """How NATS is spoken to where `DOCK_BUS_URL` names one, and what it is to keep."""

    model_config = SettingsConfigDict(env_prefix="DOCK_BUS_", use_attribute_docstrings=True)

    prefix: str = Field(default="", pattern=r"^[A-Za-z0-9_-]*$")
    """Before the name of everything this dock has on the server; needed where several docks share one."""

    replicas: int = Field(default=1, ge=1, le=5)
    """Servers that keep each message; 3 where NATS is a cluster."""

    max_age_s: float = Field(default=7 * 24 * 3600.0, ge=600.0)
    """Seconds that events are kept. Dead letters are kept ten times as long."""

    max_bytes: int = Field(default=256 << 20, ge=1 << 20)
    """Bytes of events that are kept, the newest; as much again may go to dead letters."""

    timeout_s: float = Field(default=5.0, ge=0.1)
    """Seconds after which publishing gives up; what was to be published is tried again later."""

    monitor_url: str = ""
    """The server's monitoring address, as http://nats:8222: read to see that it writes through to its disk."""

    require_sync: bool = False
    """Refuse a server that may lose what it confirmed (`sync_interval` not `always`); otherwise it is only logged."""

    user: str = ""
    """User name, where it is not in the URL."""

    password: SecretStr = SecretStr("")
    """Password of that user."""

    token: SecretStr = SecretStr("")
    """Token, where the server asks for one."""

    credentials: Path | None = None
    """File with a user's JWT and seed (`.creds`)."""

    tls_ca: Path | None = None
    """Certificates that the server's is checked against, instead of the system's; implies TLS."""

    tls_cert: Path | None = None
    """Certificate that the dock shows the server (mutual TLS)."""

    tls_key: Path | None = None
    """Key of that certificate."""
