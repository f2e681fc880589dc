"""What checks left behind, read for those who ask: verdicts, and steps as they happen."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

from dock_checking.notary import Notary
from dock_db import (
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

_WORKING = frozenset({State.RECEIVED, State.CHECKING})


class CheckRecord:
    """Reads verdicts and follows running checks."""

    def __init__(self, database: Database, notary: Notary, poll_s: float) -> None:
        self._notary = notary
        self._database = database
        self._poll_s = poll_s
        self._changed = threading.Condition()
        database.on_commit(self._wake)

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
        while active():
            row, steps, place = self._look(learnware_id, version, after)
            version = row.version
            if row.state is State.RECEIVED and place != position:
                position = place
                yield position
            for step in steps:
                after = step.sequence
                yield step
            if row.state not in _WORKING:
                yield from self._last(row)
                return
            self._wait()

    def _look(self, learnware_id: str, version: int, after: int) -> tuple[LearnwareRow, list[StepRow], int]:
        with self._database.read() as session:
            row = Learnwares().get(session, learnware_id, version)
            steps = CheckSteps().list(session, row.learnware_id, row.version, after)
            place = Learnwares().queue_position(session, row) if row.state is State.RECEIVED else 0
        return row, steps, place

    def _last(self, row: LearnwareRow) -> Iterator[VerdictRow]:
        with self._database.read() as session:
            verdict = Verdicts().get(session, row.learnware_id, row.version)
        if verdict is not None:
            yield verdict

    def _wait(self) -> None:
        with self._changed:
            self._changed.wait(self._poll_s)

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()
