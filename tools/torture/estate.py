"""A dock of separate services over servers of its own, with a recorder of transitions, and a look at what it holds."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg2
from tools.services.foundation import Foundation
from tools.services.house import House, Member
from tools.services.ports import PortBook

from disks import SmallDisk
from dock_blob import mark
from dock_blob.s3 import S3BlobStore
from dock_db import Database, Learnwares
from learndock.client import Dock
from learndock.errors import DockError
from lives import attested
from tests.torture.model import AT_REST, Found, Key, Transition, Verdict

REST_S = 240.0
"""So long nothing at all may move before what is not at its end counts as stuck."""
DOUBLED = {"ingestion": 2, "checking": 2, "specification": 2, "search": 2, "reuse": 1}
QUICK = {
    "DOCK_INGESTION_ABANDONED_AFTER_S": "15",
    "DOCK_INGESTION_SWEEP_PERIOD_S": "1",
    "DOCK_INGESTION_MAX_UPLOADS_PER_MINUTE": "60000",
    "DOCK_RECONCILE_PERIOD_S": "0.5",
    "DOCK_RECONCILE_GRACE_S": "2",
    "DOCK_CHECKING_LEASE_S": "10",
    "DOCK_SPECIFICATION_LEASE_S": "10",
    "DOCK_DB_IDLE_TRANSACTION_TIMEOUT_S": "12",
    "DOCK_SEARCH_MAX_LIMIT": "5000",
    "DOCK_BLOB_PART_BYTES": str(5 << 20),
    "DOCK_DRAIN_S": "0.2",
}
"""Settings that make what takes hours in a dock take seconds."""
RECORDER = """
CREATE TABLE IF NOT EXISTS torture (serial bigserial, learnware_id text, version int, sha256 text, state text,
  attempt int, revision bigint, at double precision DEFAULT extract(epoch FROM clock_timestamp()));
CREATE OR REPLACE FUNCTION torture_note() RETURNS trigger AS $$ BEGIN
  INSERT INTO torture (learnware_id, version, sha256, state, attempt, revision)
  VALUES (new.learnware_id, new.version, new.content_sha256, new.state, new.attempt, new.revision);
  RETURN NULL;
END $$ LANGUAGE plpgsql;
CREATE TRIGGER torture_new AFTER INSERT ON learnwares FOR EACH ROW EXECUTE FUNCTION torture_note();
CREATE TRIGGER torture_moved AFTER UPDATE ON learnwares FOR EACH ROW
  WHEN (new.revision IS DISTINCT FROM old.revision) EXECUTE FUNCTION torture_note();
"""
"""Triggers write every transition down in the transaction that makes it: the history is what was committed."""


class Estate:
    """PostgreSQL, NATS, MinIO and the services of a dock, each its own process; everything in `folder`.

    Where mounting is allowed each server has a small disk of its own.
    """

    def __init__(self, folder: Path, replicas: Mapping[str, int] = DOUBLED, **settings: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        ports = PortBook()
        self.folder = folder
        self.ground = Foundation(folder, ports)
        self.disks = {name: SmallDisk(folder / name) for name in ("minio", "nats", "postgres")}
        self._replicas, self._ports = replicas, ports
        self._settings = {**QUICK, **settings}
        self.house: House

    def start(self) -> Estate:
        """Start everything and wait until all are ready."""
        self.ground.start()
        environment = {**self.ground.environment(), **self._settings}
        self.db_url = environment["DOCK_DB_URL"]
        self.house = House(self.folder, environment, replicas=self._replicas, ports=self._ports)
        self.house.migrate()
        with self.sql() as cursor:
            cursor.execute(RECORDER)
        self.house.start()
        return self

    def close(self) -> None:
        """Kill everything."""
        if hasattr(self, "house"):
            self.house.close()
        for server in (self.ground.nats, self.ground.s3, self.ground.postgres):
            server.kill()
            server.close()
        for disk in self.disks.values():
            disk.close()

    def __enter__(self) -> Estate:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_: object) -> None:
        self.close()

    def client(self, owner: str, *, patience_s: float = 60.0, **elsewhere: str) -> Dock:
        """A client of all services; `elsewhere` are addresses to use instead, by service."""
        peers = {name.removeprefix("DOCK_PEERS_").lower(): where for name, where in self.house.peers().items()}
        return Dock(self.house["ingestion"].address, owner, patience_s=patience_s, peers={**peers, **elsewhere})

    @contextmanager
    def sql(self) -> Iterator[Any]:
        """A cursor on the dock's database; what it did is committed."""
        url = self.db_url.replace("+psycopg2", "")
        with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
            yield cursor

    def ask(self, statement: str, *values: object) -> list[Any]:
        """The rows of a statement."""
        with self.sql() as cursor:
            cursor.execute(statement, values)
            return list(cursor.fetchall())

    def arm(self, members: Iterable[Member], failpoints: str) -> None:
        """Start members anew with failpoints; with "" without any."""
        chosen = list(members)
        for member in chosen:
            member.kill()
            member.environment.pop("DOCK_FAILPOINTS", None)
            if failpoints:
                member.environment["DOCK_FAILPOINTS"] = failpoints
            member.start(wait=False)

    def mend(self) -> None:
        """Servers and services run again, without failpoints, and are ready."""
        for disk in self.disks.values():
            disk.empty()
        self.ground.start()
        for member in self.house.members:
            armed = member.environment.pop("DOCK_FAILPOINTS", "")
            member.go_on()
            if armed:
                member.kill()
        self.house.start()

    def rest(self, patience_s: float = REST_S) -> tuple[float, list[str]]:
        """Wait until nothing is under way; how long it took, and what is still not as it should be.

        What was given up (FAILED_INTERNAL) is started again, as an operator would. Many may wait, on a machine that has
        little left for them: patience ends `patience_s` after the last that moved.
        """
        begun = moved = time.monotonic()
        before: list[str] = []
        while (left := self._unrest()) and time.monotonic() - moved < patience_s:
            if left != before:
                before, moved = left, time.monotonic()
            time.sleep(0.1)
        return time.monotonic() - begun, left

    def _unrest(self) -> list[str]:
        states = self.ask("SELECT learnware_id, version, state FROM learnwares")
        for learnware_id, version, state in states:
            if state == "FAILED_INTERNAL":
                self._retry((learnware_id, version))
        waiting = [f"{key} v{version} is {state}" for key, version, state in states if state not in AT_REST]
        unsent = self.ask("SELECT count(*) FROM outbox")[0][0]
        if waiting or unsent:
            return [*waiting, f"{unsent} events wait"]
        indexed = {(key, version) for key, version, state in states if state == "INDEXED"}
        behind = [name for name, found in self.catalogues().items() if found != indexed]
        return [f"{name} has not what the database has" for name in behind] or self.orphans()

    def _retry(self, key: Key) -> None:
        database = Database(self.db_url)
        try:
            with database.transaction() as session:
                Learnwares().redrive(session, *key)
        finally:
            database.close()

    def catalogues(self) -> dict[str, frozenset[Key]]:
        """What a search of each replica finds; nothing where it does not answer."""
        found: dict[str, frozenset[Key]] = {}
        for member in self.house.of("search"):
            found[member.name] = frozenset()
            with suppress(DockError), self.client("judge", patience_s=5, search=member.address) as client:
                hits = client.search(limit=5000, mixture="none").hits
                found[member.name] = frozenset((hit.record.learnware_id, hit.record.version) for hit in hits)
        return found

    @contextmanager
    def store(self) -> Iterator[S3BlobStore]:
        """The object store, past the services."""
        store = S3BlobStore.connect(self.ground.s3.ensure_bucket("dock"))
        try:
            yield store
        finally:
            store.close()

    def orphans(self) -> list[str]:
        """Objects that nothing refers to, and uploads that nobody goes on with."""
        kept = {key for (key,) in self.ask("SELECT blob_key FROM learnwares WHERE state <> 'DELETED'")}
        left = [key for (key,) in self.ask("SELECT upload_id FROM uploads WHERE committed_learnware_id = ''")]
        with self.store() as store:
            found = {info.key for info in store.list()} | {info.key for info in store.list_unfinished()}
        return [*sorted(found - kept - {mark.KEY}), *left]

    def history(self) -> list[Transition]:
        """Every transition that was committed, in that order."""
        columns = "learnware_id, version, sha256, state, attempt, revision"
        rows = self.ask(f"SELECT {columns} FROM torture ORDER BY serial")  # noqa: S608 - our own words
        return [Transition((row[0], row[1]), *row[2:]) for row in rows]

    def autopsy(self) -> tuple[Found, list[str]]:
        """What is there, and where a replica's index is another than the first one's."""
        catalogues = self.catalogues()
        searchable = next(iter(catalogues.values()))
        found = Found({}, {}, [], {}, self.orphans(), searchable)
        with self.store() as store:
            columns = "learnware_id, version, state, content_sha256, blob_key"
            for learnware_id, version, state, sha256, blob_key in self.ask(f"SELECT {columns} FROM learnwares"):  # noqa: S608
                key = learnware_id, version
                found.states[key], found.contents[key] = state, sha256
                if state != "DELETED":
                    with suppress(DockError):
                        found.blobs[key] = _digest(store.read(blob_key))
        found.verdicts = [*self._verdicts(found.contents)]
        found.unsent = self.ask("SELECT count(*) FROM outbox")[0][0]
        return found, [f"{name} finds other ones" for name, keys in catalogues.items() if keys != searchable]

    def _verdicts(self, contents: Mapping[Key, str]) -> Iterator[Verdict]:
        rows = self.ask(
            "SELECT learnware_id, version, attempt, accepted, signed "
            "FROM verdicts LEFT JOIN verdict_records USING (verdict_id)"
        )
        for learnware_id, version, attempt, accepted, signed in rows:
            key = learnware_id, version
            yield Verdict(key, attempt, accepted, attested(signed, (*key, attempt, accepted, contents[key])))

    def memory_mib(self) -> dict[str, float]:
        """The resident memory of every service."""
        return {member.name: _rss_mib(member.pid) for member in self.house.members if member.running}


def _digest(chunks: Iterable[bytes]) -> str:
    hasher = hashlib.sha256()
    for chunk in chunks:
        hasher.update(chunk)
    return hasher.hexdigest()


def _rss_mib(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def until(done: Callable[[], object], patience_s: float = REST_S) -> bool:
    """Wait for it; whether it came."""
    end = time.monotonic() + patience_s
    while not done():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def names_of(members: Sequence[Member]) -> str:
    """Their names in one line."""
    return ", ".join(member.name for member in members)
