"""Puts checking together from the ports it is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from dock_blob import BlobStore
from dock_bus import EventBus
from dock_checking.agreement import agreed_signer
from dock_checking.bill import Advisories
from dock_checking.examiner import Examiner, Workbench
from dock_checking.notary import Notary
from dock_checking.queue import CheckQueue, OnAttempt
from dock_checking.record import CheckRecord
from dock_checking.servicer import CheckingServicer
from dock_checking.settings import CheckingSettings
from dock_checking.signer import Signer
from dock_checking.subscriptions import subscribe
from dock_db import Database


@dataclass
class Checking:
    """The target `checking`: what it serves, and what runs beside it."""

    servicer: CheckingServicer
    queue: CheckQueue
    bus: EventBus
    _unsubscribe: list[Callable[[], None]] = field(default_factory=list)

    def start(self) -> None:
        """Start the checkers and listen to events."""
        self.queue.start()
        self._unsubscribe.append(subscribe(self.bus, self.queue))

    def drain(self) -> None:
        """Claim nothing more; what is at hand goes on."""
        self.queue.drain()

    def stop(self) -> None:
        """Listen no more, then stop the checkers."""
        while self._unsubscribe:
            self._unsubscribe.pop()()
        self.queue.stop()


def make_checking(
    database: Database,
    blobs: BlobStore,
    bus: EventBus,
    bench: Workbench,
    keys: Path,
    settings: CheckingSettings,
    *,
    alone: bool = True,
    on_attempt: OnAttempt = lambda _outcome: None,
) -> Checking:
    """Wire checking by hand; `keys` is the folder of the dock's key. Checkers that are not `alone` must agree on it."""
    folder = settings.keys or keys
    signer = Signer(folder) if alone else agreed_signer(database, folder, new_key=settings.new_key)
    advisories = Advisories.read(settings.advisories) if settings.advisories else Advisories()
    notary = Notary(signer, advisories)
    examiner = Examiner(database, blobs, bench, notary, settings)
    queue = CheckQueue(examiner, parallel=settings.parallel, poll_s=settings.poll_s, on_attempt=on_attempt)
    servicer = CheckingServicer(CheckRecord(database, notary, poll_s=0.5))
    return Checking(servicer, queue, bus)
