"""What is said where a learnware is not there or not in the state that is asked for."""

from __future__ import annotations

from dock_db.rows import LearnwareRow, State
from learndock.errors import FailedPrecondition, NotFound


def not_found(learnware_id: str, version: int) -> NotFound:
    """LEARNWARE_NOT_FOUND; version 0 stands for any."""
    what = f"version {version} of learnware" if version else "learnware"
    return NotFound(
        f"There is no {what} {learnware_id} here.",
        reason="LEARNWARE_NOT_FOUND",
        hint="`dock list` shows what there is.",
        details={"learnware_id": learnware_id, "version": version},
    )


def conflict(row: LearnwareRow, to: State) -> FailedPrecondition:
    """STATE_CONFLICT."""
    return FailedPrecondition(
        f"Version {row.version} of learnware {row.learnware_id} is {row.state.value} and cannot become {to.value}.",
        reason="STATE_CONFLICT",
        hint="Look at its state again.",
        details={"learnware_id": row.learnware_id, "version": row.version, "state": row.state.value},
    )
