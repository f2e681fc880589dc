"""Settings of the whole process, read from DOCK_*."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class DockSettings(BaseSettings):
    """Where a dock keeps its things and where it listens."""

    model_config = SettingsConfigDict(env_prefix="DOCK_", use_attribute_docstrings=True)

    data: Path = Path("dock-data")
    """Folder of an embedded dock: database, packages, environments."""

    host: str = "127.0.0.1"
    """Address to listen on. Without TLS and tokens this should stay the loopback."""

    port: int = Field(default=50051, ge=0, le=65535)
    """Port of the gRPC server; 0 takes a free one."""

    metrics_port: int = Field(default=0, ge=-1, le=65535)
    """Port of /metrics; 0 takes a free one, -1 serves none."""

    tenant: str = "default"
    """The one tenant, until there is authentication."""

    db_url: str = ""
    """Database; empty for SQLite in the data folder."""

    blob_url: str = ""
    """BlobStore; empty for files in the data folder."""

    bus_url: str = ""
    """EventBus; empty for the one inside the process."""

    unsafe_local: bool = False
    """Run packages without a sandbox. Every answer then says so."""

    offline: bool = False
    """Build environments from uv's cache alone."""

    log_level: str = "INFO"
    """Least level of the log."""

    workers: int = Field(default=64, ge=4, le=1024)
    """Calls served at a time; each watcher holds one."""

    reconcile_period_s: float = Field(default=15.0, ge=0.1)
    """Seconds between two looks for learnwares that nobody drives on."""

    reconcile_grace_s: float = Field(default=30.0, ge=0.1)
    """Seconds that a learnware may wait untouched before it is driven on."""

    max_message_bytes: int = Field(default=16 << 20, ge=10 << 20, le=1 << 30)
    """Largest message that is taken, in bytes; each worker may hold one, in more than one form."""
