"""A MinIO server of this machine, on the loopback: the S3 of tests and of development."""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from minio import Minio
from tools.services.account import scratch_folder
from tools.services.child import Child
from tools.services.health import ask
from tools.services.missing import ServerMissing
from tools.services.places import CACHE
from tools.services.ports import free_port

MINIO_FOLDER = CACHE / "minio"
VERSION = "v0.0.0-20260212201848-7aac2a2c5b7c"
KEY = "dock"
_QUERY = "secure=false&region=us-east-1"


class NamedS3:
    """An S3 server that somebody else runs: `s3://key:secret@host:port/?secure=false&region=…`."""

    def __init__(self, url: str) -> None:
        self._url = url

    def new_bucket(self) -> str:
        """The URL of a new, empty bucket."""
        parts = urlsplit(self._url)
        name = _bucket_name()
        _client(self._url).make_bucket(name)
        return urlunsplit(parts._replace(path=f"/{name}"))

    def close(self) -> None:
        """Nothing to end."""


class S3Server:
    """One MinIO with a data folder of its own; it ends when this process does.

    Args:
        folder: where data and log stay; None for a temporary folder that `close` removes.
        certificates: a folder with public.crt and private.key, for TLS.
        port: to listen on; 0 takes a free one. It stays the same however often it is started.

    Raises:
        ServerMissing: no minio is installed or built.

    """

    def __init__(self, folder: Path | None = None, *, certificates: Path | None = None, port: int = 0) -> None:
        binary = find_minio()
        self._scratch = [] if folder is not None else [scratch_folder("dock-minio", None)]
        self.folder = folder or self._scratch[0]
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = port or free_port()
        self._secure = certificates is not None
        self.secret = self._kept_secret()
        listen = ["--address", f"127.0.0.1:{self.port}", "--console-address", f"127.0.0.1:{free_port()}"]
        keys = ["--certs-dir", str(certificates or self.folder / "no-certificates")]
        self._child = Child(
            "MinIO",
            [str(binary), *keys, "server", "--quiet", *listen, str(self.folder / "data")],
            log=self.folder / "minio.log",
            environment={
                **{key: value for key, value in os.environ.items() if not key.startswith("MINIO_")},
                "MINIO_ROOT_USER": KEY,
                "MINIO_ROOT_PASSWORD": self.secret,
                "MINIO_BROWSER": "off",
                "MINIO_UPDATE": "off",
                "HOME": str(self.folder),
            },
            scratch=self._scratch,
        )

    @property
    def child(self) -> Child:
        """The running program."""
        return self._child

    def url(self, bucket: str = "") -> str:
        """The URL of a bucket, with key and secret."""
        query = _QUERY.replace("secure=false", "secure=true") if self._secure else _QUERY
        return f"s3://{KEY}:{self.secret}@127.0.0.1:{self.port}/{bucket}?{query}"

    def start(self) -> None:
        """Start it and wait until it serves."""
        (self.folder / "data").mkdir(parents=True, exist_ok=True)
        self._child.start(self._is_ready)

    def stop(self) -> None:
        """Stop it as an operator would."""
        self._child.stop()

    def kill(self) -> None:
        """Kill -9 it."""
        self._child.kill()

    def close(self) -> None:
        """End it and remove its temporary folder."""
        self._child.close()

    def new_bucket(self) -> str:
        """The URL of a new, empty bucket."""
        return self.ensure_bucket(_bucket_name())

    def ensure_bucket(self, name: str) -> str:
        """The URL of the bucket `name`, made where it is not there yet."""
        client = _client(self.url())
        if not client.bucket_exists(name):
            client.make_bucket(name)
        return self.url(name)

    def _kept_secret(self) -> str:
        kept = self.folder / "secret"
        if not kept.exists():
            kept.touch(mode=0o600)
            kept.write_text(secrets.token_urlsafe(24), encoding="utf-8")
        return kept.read_text(encoding="utf-8")

    def _is_ready(self) -> bool:
        # Its /ready comes before that: a request then is told to come back in a minute.
        return ask(self.port, "/minio/health/cluster", tls=self._secure)[0] == 200


def _bucket_name() -> str:
    return f"dock-{secrets.token_hex(6)}"


def _client(url: str) -> Minio:
    parts = urlsplit(url)
    return Minio(
        f"{parts.hostname}:{parts.port}",
        access_key=parts.username,
        secret_key=parts.password,
        secure="secure=false" not in parts.query,
        region="us-east-1",
    )


def built_minio() -> Path:
    """Where the build of the pinned version is kept."""
    return MINIO_FOLDER / f"minio-{VERSION}"


def find_minio() -> Path:
    """The program minio: of the PATH, or what `make setup-services` has built.

    Raises:
        ServerMissing: it is in neither place.

    """
    found = shutil.which("minio")
    for place in (Path(found) if found else None, built_minio()):
        if place is not None and place.is_file():
            return place
    raise ServerMissing("MinIO", "`make setup-services` builds it with Go (two minutes, once), or put minio on PATH")
