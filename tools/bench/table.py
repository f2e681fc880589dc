"""What a benchmark gives back: a table that can be printed, stored and put into the docs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

Cell = str | float | int


@dataclass(frozen=True)
class Table:
    """One table. `key` names it in files, `command` is how a reader makes it again, `notes` say what to mind.

    Cells are strings or numbers; a number is shown with three significant digits.
    """

    key: str
    title: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[Cell]]
    command: str
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"{self.key}: a row of {len(row)} cells for {len(self.columns)} columns")

    def to_markdown(self) -> str:
        """The table as it stands in docs/benchmarks.md."""
        head = f"| {' | '.join(self.columns)} |\n|{'---|' * len(self.columns)}"
        body = "\n".join(f"| {' | '.join(shown(cell) for cell in row)} |" for row in self.rows)
        notes = "".join(f"\n\n{note}" for note in self.notes)
        return f"### {self.title}\n\n`{self.command}`\n\n{head}\n{body}{notes}\n"

    def to_json(self) -> dict[str, Any]:
        """The table as it is stored."""
        return asdict(self)


def shown(cell: Cell) -> str:
    """A cell as text."""
    if isinstance(cell, float):
        return f"{cell:.3g}" if abs(cell) < 1_000 else f"{cell:,.0f}"
    return f"{cell:,}" if isinstance(cell, int) and not isinstance(cell, bool) else str(cell)
