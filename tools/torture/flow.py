"""People at a dock: a steady flow of pushes, deletions, searches and pulls, and a history of what they were told."""

from __future__ import annotations

import hashlib
import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import wares
from dockapi.search.v1 import search_pb2
from estate import Estate
from learndock.client import Dock
from learndock.client.patience import Patience
from learndock.client.upload import Upload, make_parcel
from learndock.errors import DockError
from tests.torture.model import Call, Key

BAD_SHARE = 0.15


@dataclass(frozen=True)
class Goal:
    """How long something took on this machine as it was, and how long it should take on a quiet one."""

    what: str
    seconds: float
    most_s: float

    @property
    def missed(self) -> bool:
        """Whether it took longer."""
        return self.seconds > self.most_s

    def __str__(self) -> str:
        return f"{self.what} {self.seconds:.1f} s (goal {self.most_s:.0f})"


class Flow:
    """Who uses a dock while things happen to it. Safe for threads.

    `failed` names calls that ended in an error although the client was patient; `breaches` what an answer must not be;
    `goals` what was measured against a goal.
    """

    def __init__(self, estate: Estate, folder: Path, seed: int, *, patience_s: float = 60.0) -> None:
        self.estate = estate
        self.rng = random.Random(seed)  # noqa: S311 - chooses what people do, hides nothing
        self.calls: list[Call] = []
        self.done: Counter[str] = Counter()
        self.failed: list[str] = []
        self.breaches: list[str] = []
        self.goals: list[Goal] = []
        self.bad: set[str] = set()
        self.took: defaultdict[str, list[float]] = defaultdict(list)
        self.deleted_still_found_s = 0.0
        self._folder = folder
        self._patience_s = patience_s
        self._lock = threading.Lock()
        self._made = 0
        self._contents: dict[Key, str] = {}
        self._free: list[Key] = []
        self._deleted: dict[Key, float] = {}

    def measure(self, what: str, seconds: float, most_s: float) -> str:
        """Note how long something took; says it in words."""
        self.goals.append(Goal(what, seconds, most_s))
        return str(self.goals[-1])

    def client(self, owner: str = "ann", patience_s: float | None = None) -> Dock:
        """A client with the flow's patience, or another."""
        return self.estate.client(owner, patience_s=self._patience_s if patience_s is None else patience_s)

    def packages(self, count: int, *, bad_share: float = 0.0, ballast: int = 0) -> list[Path]:
        """New packages, none another's twin; some that must be rejected, or each with so many bytes more."""
        with self._lock:
            self._made += 1
            name = f"{self._folder.name}-{self._made}"
            spoiled = [self.rng.random() < bad_share for _ in range(count)]
        made = wares.make_packages(self._folder / name, count, prefix=name)
        for package, bad in zip(made, spoiled, strict=True):
            if bad:
                wares.spoil(package)
            if ballast:
                wares.grow(package, ballast)
            if bad:
                self.bad.add(_sha256(package))
        return made

    def push(self, client: Dock, package: Path, *, keep: bool = False) -> Key | None:
        """Push it; the learnware it became, None where that failed. With `keep` nobody deletes it."""
        sha256, key = _sha256(package), None
        with self._counted("push"):
            record = client.push(package)
            key = record.learnware_id, record.version
        self._pushed(sha256, key, keep=keep)
        return key

    def push_twin(self, client: Dock, package: Path) -> None:
        """Push it as the same client would that knows nothing of an earlier push: under another upload id."""
        parcel = make_parcel(package, owner=client.owner, learnware_id="", semantic_json="")
        sha256, key = parcel.sha256, None
        with self._counted("push"):
            twin = replace(parcel, after=f"twin-{self.rng.getrandbits(40)}")
            record = Upload(client._peers.ingestion, Patience(self._patience_s)).push(twin)  # noqa: SLF001
            key = record.learnware_id, record.version
        self._pushed(sha256, key)

    def _pushed(self, sha256: str, key: Key | None, *, keep: bool = False) -> None:
        with self._lock:
            self.calls.append(Call("push", sha256, key, key is not None))
            if key is not None:
                new = key not in self._contents and not keep
                self._contents[key] = sha256
                self._free += [key] if new else []

    def note(self, package: Path) -> None:
        """A push that was not acknowledged; what it sent may be there all the same."""
        with self._lock:
            self.calls.append(Call("push", _sha256(package), None, acknowledged=False))

    def delete(self, client: Dock, key: Key) -> bool:
        """Delete it, then ask the index as of that deletion; whether it was acknowledged."""
        done = False
        with self._counted("delete"):
            client.delete(*key)
            done = True
        with self._lock:
            self.calls.append(Call("delete", self._contents[key], key, done))
            if done:
                self._deleted[key] = time.monotonic()
        return done

    def search_as_of(self, client: Dock, key: Key) -> None:
        """A search that asks for the revision of a deletion must not find what was deleted."""
        with self._counted("search as of"):
            request = search_pb2.SearchRequest(limit=5000, min_revision=client.get(*key).revision)
            response = client._peers.search.Search(request, timeout=60)  # noqa: SLF001 - the client asks for no revision
            if any((hit.learnware.learnware_id, hit.learnware.version) == key for hit in response.hits):
                self.breaches.append(f"{key} was deleted, and a search as of then found it")

    def search(self, client: Dock) -> bool:
        """Search for something; whether the answer said that it is stale."""
        number, stale = self.rng.randrange(wares.ISLANDS), False
        asked = time.monotonic()
        with self._counted("search"):
            found = client.search(wares.task(number, rows=50), limit=1000, mixture="none")
            stale = found.stale
            for hit in found.hits:
                gone = self._deleted.get((hit.record.learnware_id, hit.record.version), asked)
                if not stale:
                    self.deleted_still_found_s = max(self.deleted_still_found_s, asked - gone)
        return stale

    def pull(self, client: Dock, key: Key) -> None:
        """Pull it and compare what came with what was pushed."""
        target = self._folder / "pulled" / f"{key[0]}-{key[1]}-{threading.get_ident()}.zip"
        target.parent.mkdir(parents=True, exist_ok=True)
        with self._counted("pull"):
            path = client.pull(key[0], target, key[1], verified=False)
            if _sha256(path) != self._contents[key]:
                self.breaches.append(f"{key} was pulled, and is not what was pushed")

    def take(self) -> Key | None:
        """A learnware to delete, which nobody else takes."""
        with self._lock:
            return self._free.pop(self.rng.randrange(len(self._free))) if self._free else None

    def pull_some(self, client: Dock) -> None:
        """Pull one that nobody deletes meanwhile: who deletes beside a download is row 24."""
        key = self.take()
        if key is None:
            return
        try:
            self.pull(client, key)
        finally:
            with self._lock:
                self._free.append(key)

    @contextmanager
    def steady(self, people: int = 3, *, packages: int = 200, pause_s: float = 0.3) -> Iterator[None]:
        """People come and go for the length of a with-block: mostly searches and pushes, some pulls and deletions."""
        stop = threading.Event()
        ready = iter(self.packages(packages, bad_share=BAD_SHARE))
        threads = [
            threading.Thread(target=self._person, args=(n, ready, stop, pause_s), daemon=True) for n in range(people)
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
        for thread in threads:  # not where the block was cut short: nobody waits for people then
            thread.join()

    def _person(self, number: int, ready: Iterator[Path], stop: threading.Event, pause_s: float) -> None:
        with self.client(f"person{number}") as client:
            while not stop.wait(pause_s * self.rng.random()):
                deed = self.rng.choice(["push", "push", "search", "search", "search", "pull", "delete"])
                if deed == "push":
                    with self._lock:
                        package = next(ready, None)
                    if package is not None:
                        self.push(client, package)
                elif deed == "search":
                    self.search(client)
                elif deed == "delete" and (key := self.take()):
                    self.delete(client, key)
                elif deed == "pull":
                    self.pull_some(client)

    @contextmanager
    def _counted(self, kind: str) -> Iterator[None]:
        begun = time.monotonic()
        try:
            yield
        except DockError as error:
            with self._lock:
                self.failed.append(f"{kind}: {error.reason}: {error.message}")
        else:
            with self._lock:
                self.done[kind] += 1
                self.took[kind].append(time.monotonic() - begun)


def all_at_once(deeds: list[Callable[[], object]]) -> None:
    """Each in a thread of its own."""
    threads = [threading.Thread(target=deed, daemon=True) for deed in deeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
