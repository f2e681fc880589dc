"""A PostgreSQL server of this machine, on the loopback."""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg2
from psycopg2 import sql
from tools.services.account import Account, lesser_account, scratch_folder
from tools.services.certificate import Certificate
from tools.services.child import PATIENCE_S, WITHIN, Child
from tools.services.missing import ServerDied, ServerMissing
from tools.services.places import CACHE
from tools.services.ports import free_port

ROLE = "dock"
WHEEL_FOLDER = CACHE / "postgres" / "wheel"

_SETTINGS = {
    "max_connections": "300",
    "shared_buffers": "64MB",
    "synchronous_commit": "on",
    "max_wal_size": "256MB",
    # In files of the data folder: a killed server leaves nothing in /dev/shm.
    "dynamic_shared_memory_type": "mmap",
    "log_min_messages": "warning",
    "password_encryption": "scram-sha-256",
}
# A process that dies loses nothing by these, only a machine that does.
_QUICK = {"fsync": "off", "full_page_writes": "off"}

_ACCESS = """
local all all trust
local replication all trust
host all all 127.0.0.1/32 scram-sha-256
host replication all 127.0.0.1/32 scram-sha-256
"""
# Whoever comes without TLS finds no line that is for them.
_ACCESS_BY_TLS = """
local all all trust
hostssl all all 127.0.0.1/32 {method}
"""


class NamedPostgres:
    """A PostgreSQL that somebody else runs, named by a URL whose role may create databases."""

    def __init__(self, url: str) -> None:
        self._url = url

    def new_database(self) -> str:
        """The URL of a new, empty database."""
        name = _database_name()
        with _cursor_at(self._url.replace("postgresql+psycopg2:", "postgresql:")) as cursor:
            cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return urlunsplit(urlsplit(self._url)._replace(path=f"/{name}"))

    def close(self) -> None:
        """Nothing to end."""


class PostgresServer:
    """One PostgreSQL with a data folder of its own; it ends, and its temporary folders with it, when this process does.

    Args:
        folder: where data and log stay; None for a temporary folder that `close` removes.
        settings: of postgresql.conf, beside and above our own.
        durable: survive a power cut too; a server for tests need not.
        tls: what it shows; it then takes no connection without TLS, but by its own socket. With an authority for
            clients their certificate, for the name of the role, stands for the password.
        port: to listen on; 0 takes a free one. It stays the same however often it is started.

    Raises:
        ServerMissing: PostgreSQL is not installed, or its binaries are out of reach of the user it runs under.

    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        settings: Mapping[str, str] | None = None,
        durable: bool = False,
        tls: Certificate | None = None,
        port: int = 0,
    ) -> None:
        self._account = lesser_account()
        self._binaries = find_binaries(self._account)
        # Short, for a socket's path has 107 bytes, and readable by its owner alone.
        self._sockets = scratch_folder("dock-postgres", self._account)
        self.folder = folder or self._sockets
        self._password_file = self.folder / "password"
        self.port = port or free_port()
        self._settings = {**_SETTINGS, **({} if durable else _QUICK), **(settings or {})}
        self._tls = tls
        self._child = Child(
            "PostgreSQL",
            [str(self._binaries / "postgres"), "-D", WITHIN, "-p", str(self.port)],
            log=self.folder / "postgres.log",
            account=self._account,
            within=self.data,
            stop_signal=signal.SIGINT,  # its "fast" way: connections are cut, nothing is lost
            scratch=[self._sockets],
        )

    @property
    def data(self) -> Path:
        """The data folder, PGDATA."""
        return self.folder / "data"

    @property
    def child(self) -> Child:
        """The running program."""
        return self._child

    @property
    def binaries(self) -> Path:
        """The folder of `postgres`, `initdb`, `pg_basebackup` and so on."""
        return self._binaries

    def start(self) -> None:
        """Start it and wait until it takes connections; the first time its data folder is made."""
        if self._child.running:
            return
        if not self.data.exists():
            self._make_data()
        self._write_settings()
        self._start_after_death()
        with self._cursor() as cursor:
            cursor.execute("ALTER ROLE dock PASSWORD %s", (self._password(),))

    def _start_after_death(self) -> None:
        # The helpers of a server that was killed need a moment to see it, and hold its shared memory until then.
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                return self._child.start(self._is_ready)
            except ServerDied as died:
                if "pre-existing shared memory" not in str(died) or time.monotonic() > deadline:
                    raise
            time.sleep(0.1)

    def stop(self) -> None:
        """Stop it as an operator would: connections are cut, and all is written."""
        self._child.stop()

    def kill(self) -> None:
        """Kill -9 the server; its helpers see that and go."""
        self._child.kill()

    def close(self) -> None:
        """Stop it and remove its temporary folders."""
        self._child.stop()  # in order, for a killed server leaves a segment of shared memory
        self._child.close()

    def url(self, database: str = "postgres") -> str:
        """The URL of a database, with role and password."""
        return f"postgresql+psycopg2://{ROLE}:{quote(self._password())}@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """The URL of a new, empty database."""
        return self.ensure_database(_database_name())

    def ensure_database(self, name: str) -> str:
        """The URL of the database `name`, made where it is not there yet."""
        with self._cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
            if cursor.fetchone() is None:
                cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self.url(name)

    def _password(self) -> str:
        if not self._password_file.exists():
            self._password_file.touch(mode=0o600)
            self._password_file.write_text(secrets.token_urlsafe(24), encoding="utf-8")
        return self._password_file.read_text(encoding="utf-8")

    def _make_data(self) -> None:
        draft = self._sockets / "data.new"
        shutil.rmtree(draft, ignore_errors=True)
        command = [str(self._binaries / "initdb"), "--pgdata", str(draft), "--username", ROLE]
        options = ["--auth=trust", "--no-sync", "--encoding=UTF8", "--no-locale", "--no-instructions"]
        done = run_as(self._account, [*command, *options])
        if done.returncode != 0:
            raise ServerMissing("PostgreSQL", f"initdb failed: {done.stderr.strip()}")
        self.folder.mkdir(parents=True, exist_ok=True)
        shutil.move(draft, self.folder / "data.new")
        (self.folder / "data.new").rename(self.data)

    def _write_settings(self) -> None:
        lines = {
            **self._settings,
            **self._encryption(),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(self._sockets),
        }
        text = "".join(f"{key} = '{value}'\n" for key, value in lines.items())
        (self.data / "postgresql.auto.conf").write_text(text, encoding="utf-8")
        (self.data / "pg_hba.conf").write_text(self._access(), encoding="utf-8")
        if self._account is not None:
            self._account.own(self.data)

    def _encryption(self) -> dict[str, str]:
        """Settings for TLS; its files are copied, for a lesser user may not come to them."""
        if self._tls is None:
            return {}
        files = {"ssl_cert_file": self._tls.cert, "ssl_key_file": self._tls.key, "ssl_ca_file": self._tls.client_ca}
        given = {name: path for name, path in files.items() if path is not None}
        for name, path in given.items():
            copy = self.data / f"{name}.pem"
            copy.write_bytes(path.read_bytes())
            copy.chmod(0o600)
        return {"ssl": "on", **{name: f"{name}.pem" for name in given}}

    def _access(self) -> str:
        if self._tls is None:
            return _ACCESS
        return _ACCESS_BY_TLS.format(method="cert" if self._tls.client_ca else "scram-sha-256")

    @contextmanager
    def _cursor(self) -> Iterator[psycopg2.extensions.cursor]:
        with _cursor_at(f"postgresql://{ROLE}@/postgres?host={self._sockets}&port={self.port}") as cursor:
            yield cursor

    def _is_ready(self) -> bool:
        try:
            with self._cursor():
                return True
        except psycopg2.OperationalError:
            return False


@contextmanager
def _cursor_at(url: str) -> Iterator[psycopg2.extensions.cursor]:
    connection = psycopg2.connect(url)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()


def _database_name() -> str:
    return f"dock_{secrets.token_hex(6)}"


def find_binaries(account: Account | None) -> Path:
    """The folder of PostgreSQL's programs: of the PATH, of Debian, or of the wheel `pgserver`.

    Raises:
        ServerMissing: none of them is there and runs.

    """
    for folder in _folders():
        if (folder / "initdb").exists() and run_as(account, [str(folder / "postgres"), "--version"]).returncode == 0:
            return folder
    raise ServerMissing(
        "PostgreSQL",
        "install it by your system's package manager (for example: sudo apt-get install postgresql), "
        "or let `make setup-services` fetch it",
    )


def _folders() -> Iterator[Path]:
    found = shutil.which("postgres")
    if found is not None:
        yield Path(found).resolve().parent
    yield from sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name), reverse=True
    )
    spec = importlib.util.find_spec("pgserver")
    places = [*(spec.submodule_search_locations or [] if spec else []), str(WHEEL_FOLDER / "pgserver")]
    for place in places:
        yield Path(place) / "pginstall" / "bin"


def run_as(account: Account | None, command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a command under the account, its output kept; a program that can't be started counts as failed."""
    try:
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            env={key: value for key, value in os.environ.items() if not key.startswith("PG")},
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
    except OSError as error:
        return subprocess.CompletedProcess(command, 127, "", str(error))
