"""The servers under a dock on this machine: PostgreSQL, NATS and MinIO, in one folder."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tools.services.child import Child
from tools.services.house import dock_environment
from tools.services.minio import S3Server
from tools.services.nats import NatsServer
from tools.services.ports import PortBook
from tools.services.postgres import PostgresServer

DATABASE = "dock"
BUCKET = "dock"


@dataclass(frozen=True)
class Ground:
    """One of the servers, as a view shows it."""

    name: str
    address: str
    child: Child


class Foundation:
    """PostgreSQL, NATS and MinIO whose data stays in `folder`, at ports that `ports` keeps.

    Raises:
        ServerMissing: one of them is not installed.

    """

    def __init__(self, folder: Path, ports: PortBook) -> None:
        for name in ("postgres", "nats", "minio"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        self.postgres = PostgresServer(folder / "postgres", durable=True, port=ports.port("postgres"))
        self.nats = NatsServer(folder / "nats", port=ports.port("nats"), monitor_port=ports.port("nats monitor"))
        self.s3 = S3Server(folder / "minio", port=ports.port("minio"))

    @property
    def servers(self) -> list[Ground]:
        """All three."""
        return [
            Ground("postgres", f"127.0.0.1:{self.postgres.port}", self.postgres.child),
            Ground("nats", f"127.0.0.1:{self.nats.port}", self.nats.child),
            Ground("minio", f"127.0.0.1:{self.s3.port}", self.s3.child),
        ]

    def start(self) -> None:
        """Start all at once and wait until each serves. ServerDied, ServerMissing."""
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(lambda server: server.start(), (self.postgres, self.nats, self.s3)))

    def environment(self) -> dict[str, str]:
        """DOCK_DB_URL and so on, of a database and a bucket named `dock`, made where they are not there yet."""
        return dock_environment(
            db_url=self.postgres.ensure_database(DATABASE),
            bus_url=self.nats.url,
            blob_url=self.s3.ensure_bucket(BUCKET),
            monitor_url=self.nats.monitor_url,
        )

    def close(self) -> None:
        """Stop all in order, the database last; what they keep stays."""
        for server in (self.nats, self.s3, self.postgres):
            server.stop()
            server.close()
