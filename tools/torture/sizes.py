"""How much of a row is played: as tests have it, as `make faults` has it, or all that the fault matrix asks for."""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")
SHORT, LONG, FULL = 1, 3, 20


def by_size(size: int, short: T, long: T, full: T) -> T:
    """What belongs to a size; one between two named ones is as the lesser."""
    if size >= FULL:
        return full
    return long if size >= LONG else short
