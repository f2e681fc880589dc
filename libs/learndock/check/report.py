"""What came of the checks, step by step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Status = Literal["running", "passed", "failed", "warned", "skipped"]


BUILT_IN = (
    "package",
    "environment",
    "instantiate",
    "input_shape",
    "specification",
    "width",
    "predict",
    "rows",
    "output_type",
    "output_shape",
    "labels",
    "points",
)
"""Names of the dock's own steps, in their order."""


@dataclass(frozen=True)
class Step:
    """One check.

    Names are stable: those of `BUILT_IN`, then those of checkers.
    """

    name: str
    status: Status
    detail: str
    seconds: float


@dataclass(frozen=True)
class Report:
    """The verdict of a run of checks; the reason is "" where it is accepted."""

    accepted: bool
    reason: str
    reason_text: str
    steps: tuple[Step, ...]


OnStep = Callable[[Step], None]


class CheckFailed(Exception):
    """A check that the learnware does not pass: a stable reason, what is wrong and why, and what to do next."""

    def __init__(self, reason: str, text: str, hint: str) -> None:
        super().__init__(text)
        self.reason = reason
        self.text = text
        self.hint = hint


class CheckWarned(Exception):
    """A check that found something worth knowing, and no fault."""


class CheckSkipped(Exception):
    """A check that does not apply."""
