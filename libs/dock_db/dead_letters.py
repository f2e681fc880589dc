"""Dead letters of a bus that forgets them with its process: kept, shown, and delivered again when somebody asks."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Sequence
from typing import Protocol

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from dock_bus.port import DeadLetter, Message
from dock_db import tables
from dock_db.database import Database
from learndock.errors import DockError, NotFound

_log = logging.getLogger(__name__)
_table = tables.dead_letters
_MOST_OF_AN_ERROR = 4096


class DeadLetters:
    """The rows: the newest letter of each durable and event."""

    def keep(self, session: Session, letter: DeadLetter) -> None:
        """Keep a letter in the place of an older one of its event."""
        self.forget(session, letter)
        session.execute(
            insert(_table).values(
                durable=letter.durable,
                event_id=letter.message.event_id,
                subject=letter.message.subject,
                payload=letter.message.data,
                headers=json.dumps(dict(letter.message.headers)),
                error=letter.error[:_MOST_OF_AN_ERROR],
                count=letter.count,
                at=letter.at,
                asked_again=False,
            )
        )

    def all(self, session: Session, *, asked_again: bool | None = None) -> list[DeadLetter]:
        """Every letter, the oldest first; or those only that were, or were not, asked to be delivered again."""
        wanted = select(_table).order_by(_table.c.at)
        if asked_again is not None:
            wanted = wanted.where(_table.c.asked_again == asked_again)
        return [
            DeadLetter(
                durable=row["durable"],
                message=Message(row["subject"], row["event_id"], row["payload"], json.loads(row["headers"])),
                error=row["error"],
                count=row["count"],
                at=row["at"],
            )
            for row in session.execute(wanted).mappings()
        ]

    def ask_again(self, session: Session, durable: str, event_id: str) -> None:
        """Ask the dock to deliver a letter again: now where it runs, or when it starts. NotFound."""
        chosen = (_table.c.durable == durable) & (_table.c.event_id == event_id)
        found = session.execute(update(_table).where(chosen).values(asked_again=True).returning(_table.c.event_id))
        if not found.all():
            raise NotFound(
                f"{durable} has no dead letter {event_id}.",
                reason="DEAD_LETTER_NOT_FOUND",
                hint="Look which there are; it may have been retried already.",
            )

    def forget(self, session: Session, letter: DeadLetter) -> None:
        """The letter was delivered again, or a newer one takes its place."""
        chosen = (_table.c.durable == letter.durable) & (_table.c.event_id == letter.message.event_id)
        session.execute(delete(_table).where(chosen))


class ForgetfulBus(Protocol):
    """What the recorder needs of a bus: `dock_bus.inprocess.InProcessBus` has it."""

    def dead_letters(self) -> Sequence[DeadLetter]:
        """What was given up in this process."""
        ...

    def deliver_again(self, letter: DeadLetter) -> bool:
        """Deliver a letter of this or an earlier life; False where nobody has its durable."""
        ...


class DeadLetterRecorder:
    """Writes down what a bus gives up, and delivers what an operator asks for, within `poll_s`.

    A process that dies within that time takes a letter with it. Nothing is lost by that but the sign of a fault: what
    the event spoke of is driven on from the database.
    """

    def __init__(self, database: Database, bus: ForgetfulBus, *, poll_s: float = 1.0) -> None:
        self._database = database
        self._bus = bus
        self._poll_s = poll_s
        self._letters = DeadLetters()
        self._kept: set[tuple[str, str, float]] = set()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="dead-letter-recorder", daemon=True)

    def start(self) -> None:
        """Start recording."""
        self._thread.start()

    def stop(self) -> None:
        """Record what there is, and stop."""
        self._stopping.set()
        self._thread.join()

    def record(self) -> None:
        """Write down what is new, and deliver again what was asked for."""
        present = {_key(letter): letter for letter in self._bus.dead_letters()}
        new = [letter for key, letter in present.items() if key not in self._kept]
        if new:
            with self._database.transaction(wake=False) as session:
                for letter in new:
                    self._letters.keep(session, letter)
        self._kept = set(present)
        with self._database.read() as session:
            asked = self._letters.all(session, asked_again=True)
        done = [letter for letter in asked if self._bus.deliver_again(letter)]
        if done:
            with self._database.transaction(wake=False) as session:
                for letter in done:
                    self._letters.forget(session, letter)
            _log.info("delivered %d dead letters again", len(done))

    def _run(self) -> None:
        while True:
            stopping = self._stopping.wait(self._poll_s)
            try:
                self.record()
            except DockError as error:
                _log.warning("dead letters wait to be written down: %s", error.message, extra={"reason": error.reason})
            except Exception:  # noqa: BLE001 - the thread must live on
                _log.exception("dead letters could not be written down; it is tried again")
            if stopping:
                return


def _key(letter: DeadLetter) -> tuple[str, str, float]:
    return letter.durable, letter.message.event_id, letter.at
