"""What checks left behind, read for those who ask: verdicts, and steps as they happen."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping

from dock_checking.notary import Notary
from dock_db import (
    Bell,
    CheckSteps,
    Database,
    LearnwareRow,
    Learnwares,
    State,
    StepRow,
    VerdictRow,
    Verdicts,
)
from learndock.errors import NotFound

_QUEUE_S = 1.0
_WORKING = frozenset({State.RECEIVED, State.CHECKING})


class CheckRecord:
    """Reads verdicts and follows running checks."""

    def __init__(self, database: Database, notary: Notary, poll_s: float) -> None:
        self._notary = notary
        self._database = database
        self._bell = Bell(database, poll_s=poll_s)
        self._queue = _Queue(database)

    def verdict(self, learnware_id: str, version: int) -> tuple[VerdictRow, list[StepRow]]:
        """The verdict that counts, with its steps. NotFound VERDICT_NOT_FOUND while there is none."""
        with self._database.read() as session:
            row = Learnwares().get(session, learnware_id, version)
            found = Verdicts().get(session, row.learnware_id, row.version)
            if found is None:
                raise NotFound(
                    f"{learnware_id} has no verdict yet; it is {row.state.value}.",
                    reason="VERDICT_NOT_FOUND",
                    hint=f"Follow the check with `dock watch {learnware_id}`.",
                )
            steps = CheckSteps().list(session, row.learnware_id, row.version)
        return found, [step for step in steps if step.attempt == found.attempt]

    def signed(self, learnware_id: str, version: int) -> tuple[str, str, list[str]]:
        """The signed record of the verdict that counts, the bill of its environment, and the key's exchanges.

        NotFound VERDICT_NOT_FOUND while there is no verdict, VERDICT_RECORD_NOT_FOUND for one that nobody signed.
        """
        verdict, _ = self.verdict(learnware_id, version)
        with self._database.read() as session:
            kept = Verdicts().kept_record(session, verdict.verdict_id)
        if kept is None:
            raise NotFound(
                f"The verdict of {learnware_id} was made by a dock that did not sign yet.",
                reason="VERDICT_RECORD_NOT_FOUND",
                hint="Push the package again as a new version; it is checked and signed then.",
            )
        signed, bill = kept
        return self._notary.signed_anew(signed), bill, self._notary.rotations()

    def follow(
        self, learnware_id: str, version: int, active: Callable[[], bool]
    ) -> Iterator[StepRow | VerdictRow | int]:
        """Queue positions (int), then steps, then the verdict; ends without one if the check was given up."""
        after, position = 0, -1
        for _ in self._bell.looks():
            if not active():
                return
            row, steps = self._look(learnware_id, version, after)
            version = row.version
            if row.state is State.RECEIVED and (place := self._queue.place(row)) != position:
                position = place
                yield position
            for step in steps:
                after = step.sequence
                yield step
            if row.state not in _WORKING:
                yield from self._last(row)
                return

    def _look(self, learnware_id: str, version: int, after: int) -> tuple[LearnwareRow, list[StepRow]]:
        with self._database.read() as session:
            row = Learnwares().get(session, learnware_id, version)
            return row, CheckSteps().list(session, row.learnware_id, row.version, after)

    def _last(self, row: LearnwareRow) -> Iterator[VerdictRow]:
        with self._database.read() as session:
            verdict = Verdicts().get(session, row.learnware_id, row.version)
        if verdict is not None:
            yield verdict


class _Queue:
    """The places of all that wait, read once a second for everybody who asks: ordering them takes all of them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._places: Mapping[tuple[str, int], int] = {}
        self._read_at = -math.inf

    def place(self, row: LearnwareRow) -> int:
        """The row's turn, 1 being next; 0 where it does not wait."""
        key = (row.learnware_id, row.version)
        with self._lock:
            age = time.monotonic() - self._read_at
            if age >= _QUEUE_S or key not in self._places:
                with self._database.read() as session:
                    self._places = Learnwares().queue(session, State.RECEIVED)
                self._read_at = time.monotonic()
            return self._places.get(key, 0)
