"""Settings of an object store, read from DOCK_BLOB_*. Which store it is says DOCK_BLOB_URL."""

from __future__ import annotations

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class BlobSettings(BaseSettings):
    """How an object store (`DOCK_BLOB_URL=s3://host:port/bucket`) is talked to."""

    model_config = SettingsConfigDict(env_prefix="DOCK_BLOB_", use_attribute_docstrings=True)

    access_key: SecretStr = SecretStr("")
    """Access key of the object store."""

    secret_key: SecretStr = SecretStr("")
    """Secret key of the object store."""

    region: str = ""
    """Region that requests are signed for; empty for the one in the URL, or us-east-1."""

    tls_ca: str = ""
    """File with the certificate authorities that the store's certificate may come from; empty for the usual ones."""

    tls_cert: str = ""
    """File with the certificate that the dock shows the store, where the store asks for one."""

    tls_key: str = ""
    """File with the key of that certificate; empty where it is in the same file."""

    create_bucket: bool = False
    """Make the bucket at the start if there is none."""

    wait_s: float = Field(default=60.0, ge=0.0)
    """Seconds to wait at the start for a store that does not answer yet."""

    tries: int = Field(default=5, ge=1, le=20)
    """Times that a request is made until it counts as failed."""

    connect_timeout_s: float = Field(default=3.0, gt=0.0)
    """Seconds that a connection may take."""

    read_timeout_s: float = Field(default=30.0, gt=0.0)
    """Seconds that the store may be silent within a request."""

    connections: int = Field(default=16, ge=1)
    """Connections that are kept open to the store."""

    part_bytes: int = Field(default=8 << 20, ge=5 << 20, le=64 << 20)
    """Bytes of a part of a large upload. A running upload holds up to four of them in memory."""
