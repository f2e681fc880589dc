"""Turns an accepted learnware's specification into what the index holds.

The numbers that decide searches (self-norm, effective size) are computed here from the points and weights,
never taken from the package.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable

from dock_blob import BlobStore
from dock_db import Database, LearnwareRow, Learnwares, Specifications, State
from dock_db.lease import Leases
from dock_failpoint import failpoint
from dock_trace import span
from learndock.errors import DockError
from learndock.package import PackageLimits, read_package
from learndock.specification import Specification, TableSpecification

_DEFAULTS = PackageLimits()
_log = logging.getLogger(__name__)


OnAttempt = Callable[[str], None]
"""Called with how an attempt ended: done, fenced, put_off or failed."""


class Embedder:
    """Claims accepted learnwares one by one and stores their specification for search."""

    def __init__(
        self, database: Database, blobs: BlobStore, *, lease_s: float, package_limits: PackageLimits = _DEFAULTS
    ) -> None:
        self._package_limits = package_limits
        self._database = database
        self._blobs = blobs
        self._lease_s = lease_s
        self._learnwares = Learnwares()
        self._leases = Leases(database, lease_s)

    def next(self) -> LearnwareRow | None:
        """Claim the learnware whose turn it is; None where nothing waits."""
        with self._database.transaction() as session:
            for waiting in self._learnwares.next_waiting(session, State.ACCEPTED, limit=4):
                claimed = self._learnwares.claim(
                    session,
                    waiting.learnware_id,
                    waiting.version,
                    working=State.EMBEDDING,
                    lease_s=self._lease_s,
                )
                if claimed is not None:
                    return claimed
        return None

    def embed(self, row: LearnwareRow) -> bool:
        """Store the specification and announce it; True where this attempt counts."""
        with span("embed", parent=row.cause, about=row.about("specification")):
            return self._embed(row)

    def _embed(self, row: LearnwareRow) -> bool:
        failpoint("specification.claimed")
        with self._leases.holding(row):
            with self._blobs.open(row.blob_key) as source:
                specification = read_package(source, limits=self._package_limits).specification
            failpoint("specification.before_store")
            stored = self._store(row, specification)
        failpoint("specification.after_store")
        _log.debug("%s version %d has its specification stored", row.learnware_id, row.version)
        return stored

    def give_back(self) -> int:
        """Let others at once have what is still worked on here; return how many that were."""
        return self._leases.give_back()

    def _store(self, row: LearnwareRow, specification: Specification | None) -> bool:
        with self._database.transaction() as session:
            if not self._learnwares.mark_embedded(session, row.learnware_id, row.version, attempt=row.attempt):
                return False
            Specifications().store(
                session,
                row.learnware_id,
                row.version,
                type=specification.type if specification else "",
                payload=json.dumps(specification.to_json()).encode() if specification else b"",
                self_norm=specification.self_norm if isinstance(specification, TableSpecification) else 0.0,
                effective_size=specification.effective_size if isinstance(specification, TableSpecification) else 0.0,
            )
        return True


class EmbeddingQueue:
    """One thread that pulls accepted learnwares from the database; events only wake it."""

    def __init__(self, embedder: Embedder, *, poll_s: float, on_attempt: OnAttempt = lambda _outcome: None) -> None:
        self._on_attempt = on_attempt
        self._embedder = embedder
        self._poll_s = poll_s
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="embedder", daemon=True)

    def start(self) -> None:
        """Start embedding."""
        self._thread.start()

    def drain(self) -> None:
        """Begin no other; the one at hand goes on."""
        self._stopping.set()
        self._wake.set()

    def stop(self, timeout_s: float = 10.0) -> None:
        """Finish the one at hand, or give it back where that takes too long, then stop."""
        self.drain()
        self._thread.join(timeout_s)
        if self._embedder.give_back():
            _log.info("an embedding was given back for others to make")

    def wake(self) -> None:
        """Something may be waiting."""
        self._wake.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            if not self._one():
                self._wake.wait(self._poll_s)
                self._wake.clear()

    def _one(self) -> bool:
        try:
            row = self._embedder.next()
            if row is None:
                return False
            counted = self._embedder.embed(row)
        except DockError as error:
            self._on_attempt("put_off")
            _log.warning("embedding put off: %s", error, extra={"reason": error.reason})
        except Exception:  # noqa: BLE001 - the thread must live on
            self._on_attempt("failed")
            _log.exception("embedding failed inside the dock; its lease will run out and it is tried again")
        else:
            self._on_attempt("done" if counted else "fenced")
            return counted
        return False
