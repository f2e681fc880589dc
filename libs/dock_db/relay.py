"""The relay: carries committed events from the outbox to the bus, at least once."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from dock_bus.port import EventBus, Message
from dock_db.database import Database
from dock_db.outbox import Outbox, forget_seen
from dock_db.pace import Pace
from dock_db.rows import OutboxRow
from dock_db.set_aside import SetAside
from dock_failpoint import failpoint
from learndock.errors import DockError, InvalidInput

_log = logging.getLogger(__name__)
_BATCH = 100
_BATCH_S = 10.0
"""A slow bus gets fewer at a time: what it took is marked, and what a crash publishes again stays little."""
_FORGET_EVERY_S = 600.0
_FORGET_AFTER_S = 7 * 24 * 3600.0


@dataclass
class _Published:
    """What became of a batch: what the bus took, what no bus can carry and why, and the first refusal."""

    sent: list[str] = field(default_factory=list)
    poison: list[tuple[OutboxRow, str]] = field(default_factory=list)
    refused: DockError | None = None

    def give_up(self, row: OutboxRow, error: Exception) -> None:
        """No bus can carry this one."""
        _log.error("an event that no bus can carry is set aside (see dock dlq): %s", error)
        self.poison.append((row, f"{type(error).__name__}: {error}"))

    @property
    def done(self) -> int:
        """How many events are gone from the outbox."""
        return len(self.sent) + len(self.poison)


_Batch = tuple[list[OutboxRow], Callable[[_Published], None]]


class Relay:
    """Publishes on a thread of its own: at once after a commit of this process, otherwise every `poll_s`.

    Events go to the bus many at a time, in the order of their sequence, and each leaves the outbox when it was
    confirmed itself. One that was not comes later, perhaps after those that were on their way with it, and events of
    several relays come in any order: whoever needs an order looks at the events' revisions. A crash between publishing
    and marking publishes again. Any number of relays may share a database. An event that no bus can carry is set aside
    with the dead letters, so that those behind it go on.
    """

    def __init__(self, database: Database, bus: EventBus, *, poll_s: float = 1.0) -> None:
        self._database = database
        self._bus = bus
        self._poll_s = poll_s
        self._outbox = Outbox()
        self._set_aside = SetAside()
        self._pace = Pace(_BATCH)
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="outbox-relay", daemon=True)
        self._forgetter = threading.Thread(target=self._forget, name="inbox-forgetter", daemon=True)
        database.on_commit(self._wake.set)

    def start(self) -> None:
        """Start relaying."""
        self._thread.start()
        self._forgetter.start()

    def stop(self) -> None:
        """Stop after the batch at hand, and wait."""
        self._stopping.set()
        self._wake.set()
        self._thread.join()
        self._forgetter.join()

    def relay(self) -> int:
        """Publish one batch; return how many events left the outbox. The bus's error is raised once those are marked.

        No other writer waits meanwhile, however slow the bus is. On a server the batch is this relay's own as long as
        its transaction lasts; an embedded dock has one relay, and its transaction begins when all is published.
        """
        batch = self._shared() if self._database.many_write else self._alone()
        with batch as (rows, settle):
            published = self._publish_all(rows)
            if published.done:
                failpoint("relay.mark_sent.before")
                settle(published)
        failpoint("relay.mark_sent.after")
        if published.refused is not None:
            raise published.refused
        return published.done

    @contextmanager
    def _shared(self) -> Iterator[_Batch]:
        with self._database.transaction(wake=False) as session:
            yield self._outbox.claim(session, _BATCH), lambda published: self._settle(session, published)

    @contextmanager
    def _alone(self) -> Iterator[_Batch]:
        with self._database.read() as session:
            rows = self._outbox.pending(session, _BATCH)
        yield rows, self._settle_alone

    def _settle_alone(self, published: _Published) -> None:
        with self._database.transaction(wake=False) as session:
            self._settle(session, published)

    def _settle(self, session: Session, published: _Published) -> None:
        self._outbox.mark_sent(session, published.sent)
        for row, error in published.poison:
            self._set_aside.put(session, row, error)

    def _publish_all(self, rows: list[OutboxRow]) -> _Published:
        published = _Published()
        left, end = self._readable(rows, published), time.monotonic() + _BATCH_S
        while left and published.refused is None and not self._stopping.is_set() and time.monotonic() < end:
            together, left = left[: self._pace.size], left[self._pace.size :]
            try:
                self._publish(together, published)
            except DockError as error:
                published.refused = error
        return published

    def _readable(self, rows: list[OutboxRow], published: _Published) -> list[tuple[OutboxRow, Message]]:
        """Rows with the messages that they are; the others are poison."""
        found = []
        for row in rows:
            try:
                found.append((row, _message(row)))
            except ValueError as error:
                published.give_up(row, error)
        return found

    def _publish(self, together: list[tuple[OutboxRow, Message]], published: _Published) -> None:
        failpoint("relay.publish.before")
        begun = time.monotonic()
        outcomes = self._bus.publish_all([message for _, message in together])
        took_s = time.monotonic() - begun
        failpoint("relay.publish.after")
        for (row, _), error in zip(together, outcomes, strict=True):
            if error is None:
                published.sent.append(row.event_id)
            elif isinstance(error, InvalidInput):
                published.give_up(row, error)
            else:
                published.refused = published.refused or error
        self._pace.note(took_s, whole=published.refused is None)

    def _run(self) -> None:
        while not self._stopping.is_set():
            if not self._once():
                self._wake.wait(self._poll_s)
                self._wake.clear()

    def _once(self) -> bool:
        try:
            return self.relay() > 0
        except DockError as error:
            _log.warning("events wait in the outbox: %s", error, extra={"reason": error.reason})
        except Exception:  # noqa: BLE001 - the thread must live on
            _log.exception("the relay failed; it tries again")
        self._stopping.wait(self._poll_s)
        return False

    def _forget(self) -> None:
        while not self._stopping.wait(_FORGET_EVERY_S):
            try:
                with self._database.transaction(wake=False) as session:
                    forget_seen(session, older_than_s=_FORGET_AFTER_S)
            except Exception:  # noqa: BLE001 - the thread must live on
                _log.exception("the inbox could not be shortened; it is tried again")


def _message(row: OutboxRow) -> Message:
    """What is published. ValueError where its headers are none."""
    headers = json.loads(row.headers)
    if not isinstance(headers, dict):
        raise ValueError("its headers are no JSON object")  # noqa: TRY004 - as json.loads says it
    return Message(subject=row.subject, event_id=row.event_id, data=row.payload, headers=headers)
