"""The static corpus: packages that must be refused, each with the reason that it must be refused for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

TRAP = "import pathlib; pathlib.Path('{trap}').write_text('executed')\n"
"""Python that leaves a mark where it runs. In every package that can hold a file of Python."""


@dataclass(frozen=True)
class Case:
    """One package: how it is made, and the reason for which a dock refuses it."""

    name: str
    reason: str
    make: Callable[[], bytes]


def corpus() -> list[Case]:
    """Give every case; names are unique."""
    from tests.hostile import bombs, documents, environments, names, specifications, structures

    parts = (names, structures, bombs, documents, specifications, environments)
    cases = [case for part in parts for case in part.cases()]
    twice = [name for name, count in Counter(case.name for case in cases).items() if count > 1]
    assert not twice, twice
    return cases
