"""Settings of the whole process, read from DOCK_*."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from dock_db.options import DatabaseOptions
from learndock.package import PackageLimits
from learndock.package.limits import SETTINGS, setting_of

_DEFAULTS = PackageLimits()
_DATABASE = DatabaseOptions()


def _upper(text: object) -> object:
    return text.upper() if isinstance(text, str) else text


class DockSettings(BaseSettings):
    """Where a dock keeps its things and where it listens."""

    model_config = SettingsConfigDict(env_prefix="DOCK_", use_attribute_docstrings=True)

    data: Path = Path("dock-data")
    """Folder of an embedded dock: database, packages, environments. Separate services have only environments and what
    runs in it, and may share it on one machine."""

    host: str = "127.0.0.1"
    """Address to listen on. Beyond the loopback a dock wants TLS and tokens, or DOCK_ALLOW_OPEN."""

    port: int = Field(default=50051, ge=0, le=65535)
    """Port of the gRPC server; 0 takes a free one."""

    metrics_port: int = Field(default=0, ge=-1, le=65535)
    """Port of /metrics, /livez and /readyz; 0 takes a free one, -1 serves none."""

    address_file: Path | None = None
    """File that holds the address while it is listened on; unset, `address` in the folder of an embedded dock."""

    tenant: str = "default"
    """The tenant of this dock; tokens of others are refused."""

    tls_cert: Path | None = None
    """Certificate of the gRPC port and its chain, PEM; unset, the port speaks no TLS. Read again when it changes."""

    tls_key: Path | None = None
    """Key of DOCK_TLS_CERT, PEM, not encrypted."""

    tls_client_ca: Path | None = None
    """Authority, PEM, whose certificates clients must show (mutual TLS); unset, none is asked for."""

    auth: Literal["off", "tokens"] = "off"
    """Whether calls need a token (`dock token create`): tokens, or off, where anybody may do anything as anybody."""

    auth_memory_s: float = Field(default=3600.0, ge=0.0, le=86400.0)
    """Seconds after it was last looked up for which a token is believed where the database does not answer, by calls
    that change nothing; 0 lets nobody in then."""

    allow_open: bool = False
    """Listen beyond the loopback though TLS or tokens are missing, as something else keeps strangers out."""

    service_token_file: Path | None = None
    """File with a token of scope `service`, for calls to services in other processes."""

    token_in_clear: bool = False
    """Send that token without TLS to other machines, as the line itself is safe."""

    reflection: bool = True
    """Whether anybody may ask which methods the port has."""

    db_url: str = ""
    """Database, as postgresql+psycopg2://user@host/name; empty for SQLite in the data folder."""

    db_read_url: str = ""
    """Replica of the database for reads that may be a little old; empty for none."""

    blob_url: str = ""
    """Store of packages: s3://host:port/bucket, or file:///folder; empty for files in the data folder."""

    bus_url: str = ""
    """Event bus, as nats://host:4222, several with commas between; empty for the one inside the process."""

    unsafe_local: bool = False
    """Run packages without a sandbox. Every answer then says so."""

    offline: bool = False
    """Build environments from uv's cache alone."""

    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], BeforeValidator(_upper)] = "INFO"
    """Least level of the log."""

    log_format: Literal["lines", "json"] = "lines"
    """What a line of the log is: text for people, or a JSON object for machines."""

    traces_url: str = ""
    """OTLP collector that traces go to over gRPC, as http://collector:4317, or https://; unset,
    OTEL_EXPORTER_OTLP_ENDPOINT, and without that nowhere."""

    traces_ratio: float = Field(default=1.0, ge=0.0, le=1.0)
    """Share of the traces that are sent. It is decided by the trace's id, so that all services send the same ones."""

    workers: int = Field(default=64, ge=4, le=1024)
    """Calls served at a time; each watcher holds one."""

    reconcile_period_s: float = Field(default=15.0, ge=0.1)
    """Seconds between two looks for learnwares that nobody drives on."""

    reconcile_grace_s: float = Field(default=30.0, ge=0.1)
    """Seconds that a learnware may wait untouched before it is driven on."""

    max_message_bytes: int = Field(default=16 << 20, ge=10 << 20, le=1 << 30)
    """Largest message that is taken, in bytes; each worker may hold one, in more than one form."""

    drain_s: float | None = Field(default=None, ge=0.0)
    """Seconds between saying by health that this process goes and taking no more calls, in which load balancers send
    them elsewhere; unset, 5 for separate services and 0 for an embedded dock."""

    stop_s: float = Field(default=10.0, ge=0.0)
    """Seconds that running calls and checks have to end after that; then calls are cut and checks given back."""

    max_connection_age_s: float | None = Field(default=None, ge=0.0)
    """Seconds after which a client must connect anew, so that new replicas get their share; 0 for never; unset, 300
    for separate services and 0 for an embedded dock."""

    @property
    def embedded(self) -> bool:
        """Whether the database is the one in the data folder, which one process holds."""
        return not self.db_url

    @property
    def drain_seconds(self) -> float:
        """`drain_s`, or what it is when it is unset."""
        return self.drain_s if self.drain_s is not None else 0.0 if self.embedded else 5.0

    @property
    def connection_age_seconds(self) -> float:
        """`max_connection_age_s`, or what it is when it is unset."""
        if self.max_connection_age_s is not None:
            return self.max_connection_age_s
        return 0.0 if self.embedded else 300.0


class DatabaseSettings(BaseSettings):
    """How a database server (`DOCK_DB_URL`) is talked to; the database of an embedded dock needs none of it."""

    model_config = SettingsConfigDict(env_prefix="DOCK_DB_", use_attribute_docstrings=True)

    connections: int = Field(default=_DATABASE.connections, ge=1)
    """Connections that each process keeps open."""

    more_connections: int = Field(default=_DATABASE.more_connections, ge=0)
    """Connections that it opens beside those while it is busy."""

    pool_wait_s: float = Field(default=_DATABASE.pool_wait_s, ge=0.0)
    """Seconds that a call waits for one of them."""

    connect_timeout_s: float = Field(default=_DATABASE.connect_timeout_s, ge=2.0)
    """Seconds that connecting may take, for each host of the URL."""

    statement_timeout_s: float = Field(default=_DATABASE.statement_timeout_s, ge=0.1)
    """Seconds after which the server ends a statement."""

    lock_timeout_s: float = Field(default=_DATABASE.lock_timeout_s, ge=0.1)
    """Seconds after which a statement waits no longer for others' locks."""

    idle_transaction_timeout_s: float = Field(default=_DATABASE.idle_transaction_timeout_s, ge=1.0)
    """Seconds after which the server ends a transaction whose process went silent."""

    standby_patience_s: float = Field(default=_DATABASE.standby_patience_s, ge=0.0)
    """Seconds that a read waits for the standby of DOCK_DB_READ_URL to come as far as it must be."""

    behind_pooler: bool = _DATABASE.behind_pooler
    """A pooler such as PgBouncer gives each transaction another connection: nothing is kept in a connection then."""

    def options(self) -> DatabaseOptions:
        """The same as the database takes them."""
        return DatabaseOptions(**self.model_dump())


class BackupSettings(BaseSettings):
    """Backups that a dock makes of itself, by the process that runs ingestion; of several, one."""

    model_config = SettingsConfigDict(env_prefix="DOCK_BACKUP_", use_attribute_docstrings=True)

    to: str = ""
    """Where backups lie: a folder, or s3://host:port/bucket/prefix. One place for each dock, and not its own store."""

    every_s: float = Field(default=0.0, ge=0.0)
    """Seconds between two backups; 0 for none but those of `dock backup`. The signing key is never in these."""

    keep: int = Field(default=7, ge=1)
    """Complete backups that are kept; older ones go when a new one is complete."""

    access_key: SecretStr = SecretStr("")
    """Access key of the object store for backups, where it is not the one of DOCK_BLOB_ACCESS_KEY."""

    secret_key: SecretStr = SecretStr("")
    """Its secret key."""


class PackageSettings(BaseSettings):
    """How large a package may be: one set of bounds for everybody in the dock who reads packages."""

    model_config = SettingsConfigDict(env_prefix=SETTINGS, use_attribute_docstrings=True, populate_by_name=True)

    packed_bytes: int = Field(
        default=_DEFAULTS.packed_bytes,
        ge=1,
        validation_alias=AliasChoices(setting_of("packed_bytes"), "DOCK_INGESTION_MAX_PACKAGE_BYTES"),
    )
    """Largest zip that is taken, in bytes. DOCK_INGESTION_MAX_PACKAGE_BYTES, its older name, is read too."""

    unpacked_bytes: int = Field(default=_DEFAULTS.unpacked_bytes, ge=1)
    """Largest sum of the sizes of the files in it, in bytes."""

    ratio: int = Field(default=_DEFAULTS.ratio, ge=1)
    """How many times its packed size a file, or the whole, may unpack to, where it is larger than the next."""

    ratio_from_bytes: int = Field(default=_DEFAULTS.ratio_from_bytes, ge=1)
    """Unpacked bytes from which the ratio is looked at."""

    entries: int = Field(default=_DEFAULTS.entries, ge=1)
    """Most files and folders in the zip."""

    path_bytes: int = Field(default=_DEFAULTS.path_bytes, ge=1)
    """Longest path of a file, in bytes."""

    depth: int = Field(default=_DEFAULTS.depth, ge=1)
    """Most parts of a path."""

    directory_bytes: int = Field(default=_DEFAULTS.directory_bytes, ge=1)
    """Largest central directory of the zip, in bytes."""

    yaml_bytes: int = Field(default=_DEFAULTS.yaml_bytes, ge=1)
    """Largest learnware.yaml or environment.yaml, in bytes."""

    yaml_depth: int = Field(default=_DEFAULTS.yaml_depth, ge=1)
    """Deepest nesting in them."""

    yaml_nodes: int = Field(default=_DEFAULTS.yaml_nodes, ge=1)
    """Most values in each of them."""

    requirement_bytes: int = Field(default=_DEFAULTS.requirement_bytes, ge=1)
    """Largest requirements.txt, in bytes."""

    requirement_lines: int = Field(default=_DEFAULTS.requirement_lines, ge=1)
    """Most lines in it, or under `pip` in environment.yaml."""

    spec_bytes: int = Field(default=_DEFAULTS.spec_bytes, ge=1)
    """Largest statistical specification, in bytes."""

    semantic_bytes: int = Field(default=_DEFAULTS.semantic_bytes, ge=1)
    """Largest semantic specification, in bytes."""

    def limits(self) -> PackageLimits:
        """The bounds as readers of packages take them."""
        return PackageLimits(**self.model_dump())
