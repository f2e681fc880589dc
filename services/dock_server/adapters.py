"""Which adapter stands behind each port: chosen by the URL, imported only where it is used."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from urllib.parse import unquote, urlsplit

from dock_blob import BlobStore
from dock_blob.file import FileBlobStore
from dock_bus import EventBus
from dock_bus.inprocess import InProcessBus
from dock_bus.member import OnDelivery, nobody_counts
from dock_db import Database
from dock_server.folder import DockFolder
from dock_server.settings import DatabaseSettings, DockSettings
from learndock.errors import InvalidInput

_POSTGRES = ("postgresql", "postgresql+psycopg2")
_NATS = ("nats", "tls", "ws", "wss")


def check_adapters(settings: DockSettings) -> None:
    """InvalidInput ADAPTER_UNKNOWN for a URL that nothing here speaks, BLOB_URL_MISSING where a store must be named."""
    if settings.db_url and _scheme(settings.db_url) not in _POSTGRES:
        raise _unknown("DOCK_DB_URL", settings.db_url, "postgresql+psycopg2://user@host/name; unset, it is SQLite.")
    if settings.bus_url and _scheme(settings.bus_url) not in (*_NATS, "inproc"):
        raise _unknown("DOCK_BUS_URL", settings.bus_url, "nats://host:4222; unset, it is inside the process.")
    if settings.blob_url and _scheme(settings.blob_url) not in ("s3", "file"):
        raise _unknown("DOCK_BLOB_URL", settings.blob_url, "s3://host:port/bucket or file:///shared/folder.")
    if not settings.embedded and not settings.blob_url:
        raise InvalidInput(
            "Services that share a database need a store that they share too.",
            reason="BLOB_URL_MISSING",
            hint="Set DOCK_BLOB_URL to s3://host:port/bucket, or to file:///folder that every service sees.",
        )
    if settings.blob_url.startswith("file:"):
        _folder_of(settings.blob_url)


def open_database(folder: DockFolder, settings: DockSettings) -> Database:
    """The database; nothing is connected yet."""
    if settings.embedded:
        return Database(folder.database_url)
    return Database(settings.db_url, read_url=settings.db_read_url, options=DatabaseSettings().options())


def open_blobs(folder: DockFolder, settings: DockSettings) -> BlobStore:
    """The store of packages, reached. Unavailable where it does not answer yet."""
    if settings.blob_url.startswith("s3:"):
        from dock_blob.s3 import S3BlobStore  # noqa: PLC0415 - a dock on a laptop has no use for it
        from dock_blob.settings import BlobSettings  # noqa: PLC0415

        # Waiting is done by the process, which answers health checks and SIGTERM meanwhile.
        return S3BlobStore.connect(settings.blob_url, BlobSettings(wait_s=0.0))
    if settings.blob_url:
        return FileBlobStore(_folder_of(settings.blob_url), alone=False)  # others may be writing there
    return FileBlobStore(folder.blobs)


def open_bus(settings: DockSettings, *, name: str, on_delivery: OnDelivery = nobody_counts) -> EventBus:
    """The bus. One on a server is connected in the background, and does without it meanwhile: events only wake."""
    if settings.bus_url and _scheme(settings.bus_url) in _NATS:
        from dock_bus.nats import NatsBus  # noqa: PLC0415 - as above

        return NatsBus.connect(settings.bus_url, name=name, on_delivery=on_delivery)
    return InProcessBus(on_delivery=on_delivery)


def bus_disk(settings: DockSettings) -> Callable[[], bool] | None:
    """What asks whether the bus has on its disk what it confirms; None where no server or no monitoring is named."""
    if not settings.bus_url or _scheme(settings.bus_url) not in _NATS:
        return None
    from dock_bus.durability import writes_through  # noqa: PLC0415 - as above
    from dock_bus.settings import BusSettings  # noqa: PLC0415

    bus = BusSettings()
    return partial(writes_through, bus) if bus.monitor_url else None


def _scheme(url: str) -> str:
    return url.split(":", 1)[0].strip().lower()


def _folder_of(url: str) -> Path:
    parts = urlsplit(url)
    folder = Path(unquote(parts.path))
    if parts.netloc not in ("", "localhost") or not folder.is_absolute():
        raise InvalidInput(
            "DOCK_BLOB_URL names no folder of this machine.",
            reason="BLOB_URL_INVALID",
            hint="Write file:///folder, with three slashes.",
        )
    return folder


def _unknown(name: str, url: str, hint: str) -> InvalidInput:
    # Only the scheme is told: the rest may hold a password.
    return InvalidInput(f"{name}={_scheme(url)}:… has no adapter here.", reason="ADAPTER_UNKNOWN", hint=f"Give {hint}")
