"""A dock that is killed again and again, a driver that goes on with it, and the autopsy at the end."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from pathlib import Path

import numpy as np

import wares
from dock_blob import mark
from dock_blob.file import FileBlobStore
from dock_server.folder import DockFolder
from dockapi.ingestion.v1 import ingestion_pb2
from learndock.client import Dock
from learndock.client.patience import Patience
from learndock.client.upload import Parcel, Upload, make_parcel
from learndock.errors import DockError, NotFound
from learndock.provenance import SignedRecord, VerdictRecord
from tests.torture.model import AT_REST, Call, Found, Key, Transition, Verdict

START_S, STOP_S, REST_S, LINGER_S = 600.0, 300.0, 240.0, 25.0
"""Patience, on machines that have little left for us; a life that did not meet its failpoint ends after the last."""
PUSHES = 20
QUICK = {
    "DOCK_INGESTION_ABANDONED_AFTER_S": "4",
    "DOCK_INGESTION_SWEEP_PERIOD_S": "1",
    "DOCK_RECONCILE_PERIOD_S": "0.1",
    "DOCK_RECONCILE_GRACE_S": "0.1",
    "DOCK_CHECKING_PARALLEL": "1",
    "DOCK_METRICS_PORT": "-1",
}
"""Settings that make what takes hours in a dock take seconds."""
RECORDER = """
CREATE TABLE IF NOT EXISTS torture (learnware_id, version, sha256, state, attempt, revision);
CREATE TRIGGER IF NOT EXISTS torture_new AFTER INSERT ON learnwares BEGIN
  INSERT INTO torture VALUES (new.learnware_id, new.version, new.content_sha256, new.state, new.attempt, new.revision);
END;
CREATE TRIGGER IF NOT EXISTS torture_moved AFTER UPDATE ON learnwares WHEN new.revision != old.revision BEGIN
  INSERT INTO torture VALUES (new.learnware_id, new.version, new.content_sha256, new.state, new.attempt, new.revision);
END;
"""
"""Triggers write every transition down in the transaction that makes it: the history is what was committed."""


class MortalDock:
    """`dock up` on a folder, with or without a failpoint that will kill it."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.log = data.parent / f"{data.name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, failpoints: str = "") -> bool:
        """Start it; False where it died on the way."""
        (self.data / "address").unlink(missing_ok=True)
        command = [sys.executable, "-m", "learndock.cli.main", "up", "--data", str(self.data), "--port", "0"]
        with self.log.open("ab") as log:
            environment = {**os.environ, **QUICK, "DOCK_FAILPOINTS": failpoints}
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        end = time.monotonic() + START_S
        while not (self.data / "address").exists():
            if self.dead:
                return False
            if time.monotonic() > end:
                raise RuntimeError("the dock did not come up:\n" + self.log.read_text()[-3000:])
            time.sleep(0.05)
        return True

    @property
    def dead(self) -> bool:
        """Whether it was killed. Any other end is an error."""
        code = self._process.poll() if self._process else None
        if code not in (None, -signal.SIGKILL):
            raise RuntimeError(f"the dock ended with {code}:\n" + self.log.read_text()[-3000:])
        return code is not None

    def client(self) -> Dock:
        """A client that does not wait for a dock that is dead."""
        return Dock((self.data / "address").read_text().strip(), owner="tester", patience_s=1)

    def stop(self) -> int:
        """End it as an operator would; its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(STOP_S)

    def kill(self) -> None:
        """End it, if it runs, without a word."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(STOP_S)


class Driver:
    """Does to a dock what users do, and keeps what it was answered."""

    def __init__(self, folder: Path, seed: str) -> None:
        self._folder = folder
        self._rng = random.Random(seed)  # noqa: S311 - chooses when to kill, hides nothing
        self._made = 0
        self._packages: dict[str, Path] = {}
        self._mine: dict[str, Key] = {}
        self._deleted: set[Key] = set()
        self.bad: set[str] = set()
        self.calls: list[Call] = []
        self.dock = MortalDock(folder / "data")

    def begin(self) -> None:
        """The first life: some learnwares to lose, and the recorder of transitions."""
        folder = self._folder / "data"
        folder.mkdir(parents=True)
        assert self.dock.start()
        with closing(sqlite3.connect(folder / "dock.db", timeout=30)) as connection:
            connection.executescript(RECORDER)
        with self.dock.client() as client:
            for bad in (False, True, False):
                self._push_surely(client, self._package(bad=bad))
            self._until(lambda: self._at_rest(client))
        assert self.dock.stop() == 0

    def live(self, failpoint: str, nth: int) -> bool:
        """One life with an armed failpoint; True where it killed the dock."""
        if not self.dock.start(f"{failpoint}=kill@{nth}"):
            return True
        with self.dock.client() as client:
            for step in self._steps(client, failpoint):
                with suppress(DockError):
                    step()
                if self.dock.dead:
                    return True
            self._until(lambda: self.dock.dead, LINGER_S)
        if self.dock.dead:
            return True
        self.dock.stop()
        return False

    def recover(self) -> frozenset[Key]:
        """The last life, in which everything comes to rest; what a search of it finds."""
        assert self.dock.start()
        with self.dock.client() as client:
            for sha256 in sorted(set(self._packages) - set(self._mine)):
                self._push_surely(client, self._packages[sha256])
            if not self._until(lambda: self._at_rest(client)):
                return frozenset()  # the judge says what is stuck
            for given_up in client.list(states=["FAILED_INTERNAL"]):
                self._retry(given_up.learnware_id)
            self._until(lambda: self._at_rest(client))
            self._until(lambda: not orphans(self.dock.data), 60)
            hits = client.search(limit=500, mixture="none").hits
            indexed = frozenset((hit.record.learnware_id, hit.record.version) for hit in hits)
        assert self.dock.stop() == 0
        return indexed

    def _steps(self, client: Dock, failpoint: str) -> Sequence[Callable[[], object]]:
        # What is bad is never embedded, and two embeddings of a life must be sure.
        package, bad = self._package(), self._rng.random() < 0.2 and not failpoint.startswith("specification")
        first = [lambda: abandon(client, self._rng), lambda: self._push(client, package)]
        delete = [lambda: self._delete(client)] if "delete" in failpoint or self._rng.random() < 0.3 else []
        more = [lambda: self._push(client, self._package(bad=bad)), lambda: self._twin(client, package)]
        if "reconciler" in failpoint:
            # On a quick machine nothing is overdue unless several wait for the one checker.
            more += [lambda: self._push(client, self._package())] * 3
        serve = [lambda: self._until(lambda: self.dock.dead or self._at_rest(client)), lambda: self._predict(client)]
        return [*first, *delete, *more, *serve]

    def _package(self, *, bad: bool = False) -> Path:
        self._made += 1
        name = f"ware{self._made:03d}"
        [package] = wares.make_packages(self._folder / "wares" / name, 1, prefix=name)
        if bad:
            wares.spoil(package)
        sha256 = hashlib.sha256(package.read_bytes()).hexdigest()
        self._packages[sha256] = package
        self.bad |= {sha256} if bad else set()
        return package

    def _push(self, client: Dock, package: Path) -> None:
        self._send(client, make_parcel(package, owner="tester", learnware_id="", semantic_json=""))

    def _push_surely(self, client: Dock, package: Path) -> None:
        """Begin again where it counted as abandoned, which with our settings a push on a slow machine may."""
        for _ in range(PUSHES):
            with suppress(NotFound):
                return self._push(client, package)
        raise RuntimeError(f"{PUSHES} pushes of {package.name} were abandoned on the way")

    def _twin(self, client: Dock, package: Path) -> None:
        parcel = make_parcel(package, owner="tester", learnware_id="", semantic_json="")
        twin = Parcel(parcel.path, parcel.size_bytes, parcel.sha256, parcel.owner, after=f"twin-{len(self.calls)}")
        self._send(client, twin)

    def _send(self, client: Dock, parcel: Parcel) -> None:
        key: Key | None = None
        try:
            learnware = Upload(client._peers.ingestion, Patience(1)).push(parcel)  # noqa: SLF001 - twins need it
            key = learnware.learnware_id, learnware.version
            self._mine[parcel.sha256] = key
        finally:
            self.calls.append(Call("push", parcel.sha256, key, key is not None))

    def _delete(self, client: Dock) -> None:
        sha256, key = next((sha, key) for sha, key in self._mine.items() if key not in self._deleted)
        self._deleted.add(key)
        done = False
        try:
            client.delete(*key)
            done = True
        finally:
            self.calls.append(Call("delete", sha256, key, done))

    def _predict(self, client: Dock) -> None:
        served = client.list(states=["INDEXED"])
        client.predict([served[-1].learnware_id], np.zeros((3, wares.WIDTH)), "raw")

    def _retry(self, learnware_id: str) -> None:
        command = [sys.executable, "-m", "learndock.cli.main", "retry", learnware_id, "--data", str(self.dock.data)]
        subprocess.run(command, check=True, capture_output=True)

    def _at_rest(self, client: Dock) -> bool:
        return all(each.state in AT_REST | {"FAILED_INTERNAL"} for each in client.list())

    def _until(self, done: Callable[[], bool], seconds: float = REST_S) -> bool:
        end = time.monotonic() + seconds
        while not done():
            if time.monotonic() > end:
                return False
            time.sleep(0.1)
        return True


def abandon(client: Dock, rng: random.Random) -> None:
    """Leave an upload half-way, which no client does by itself."""
    data = rng.randbytes(1000)
    stub = client._peers.ingestion  # noqa: SLF001 - see above
    sha256, upload_id = hashlib.sha256(data).hexdigest(), f"abandoned-{rng.getrandbits(60)}"
    stub.BeginUpload(
        ingestion_pb2.BeginUploadRequest(upload_id=upload_id, size_bytes=2000, sha256=sha256, owner="tester")
    )
    chunk = ingestion_pb2.WriteUploadRequest(upload_id=upload_id, offset=0, data=data, crc32=zlib.crc32(data))
    stub.WriteUpload(iter([chunk]))


def orphans(data: Path) -> list[str]:
    """Objects and uploads of a dock that nothing refers to, and uploads that nobody goes on with."""
    with closing(sqlite3.connect(data / "dock.db", timeout=30)) as connection:
        kept = {key for (key,) in connection.execute("SELECT blob_key FROM learnwares WHERE state != 'DELETED'")}
        left = [key for (key,) in connection.execute("SELECT upload_id FROM uploads WHERE committed_learnware_id = ''")]
    blobs = data / "blobs"
    found = {
        path.relative_to(blobs / top).as_posix().removesuffix("~")
        for top in ("objects", "unfinished", "aside")
        for path in (blobs / top).rglob("*")
        if path.is_file()
    }
    return [*sorted(found - kept - {mark.KEY}), *left]


def history(data: Path) -> list[Transition]:
    """Every transition that was committed, in that order."""
    with closing(sqlite3.connect(data / "dock.db", timeout=30)) as connection:
        rows = connection.execute("SELECT * FROM torture ORDER BY rowid").fetchall()
    return [Transition((row[0], row[1]), *row[2:]) for row in rows]


def autopsy(data: Path, searchable: frozenset[Key]) -> Found:
    """What lies in the folder of a stopped dock."""
    store = FileBlobStore(DockFolder(data).blobs)
    found = Found({}, {}, [], {}, orphans(data), searchable)
    with closing(sqlite3.connect(data / "dock.db")) as connection:
        rows = connection.execute("SELECT learnware_id, version, state, content_sha256, blob_key FROM learnwares")
        for learnware_id, version, state, sha256, blob_key in rows:
            key = learnware_id, version
            found.states[key], found.contents[key] = state, sha256
            if state != "DELETED":
                with suppress(DockError):
                    found.blobs[key] = hashlib.sha256(b"".join(store.read(blob_key))).hexdigest()
        statement = (
            "SELECT learnware_id, version, attempt, accepted, signed "
            "FROM verdicts LEFT JOIN verdict_records USING (verdict_id)"
        )
        for learnware_id, version, attempt, accepted, signed in connection.execute(statement):
            key = learnware_id, version
            said = attested(signed, (learnware_id, version, attempt, bool(accepted), found.contents[key]))
            found.verdicts.append(Verdict(key, attempt, bool(accepted), said))
        found.unsent = connection.execute("SELECT count(*) FROM outbox").fetchone()[0]
    return found


def attested(signed: str | None, said: tuple[object, ...]) -> bool:
    """Whether a verdict's record is signed and says id, version, attempt, accepted and digest of the content so."""
    if signed is None:
        return False
    kept = SignedRecord.from_json(signed)
    try:
        kept.require_signature()
    except DockError:
        return False
    record = VerdictRecord.from_text(kept.text)
    return said == (record.learnware_id, record.version, record.attempt, record.accepted, record.content_sha256)
