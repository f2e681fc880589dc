"""One look at all processes of a house and of what it stands on."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from tools.services.child import Child
from tools.services.foundation import Foundation
from tools.services.house import House, Member
from tools.services.trouble import trouble

_MARKS = {
    "ready": ("●", "green"),
    "starting": ("◌", "yellow"),
    "waiting": ("◌", "yellow"),
    "stopped": ("○", "dim"),
    "died": ("✕", "red"),
}
_LINES = 60
"""Of a log, in which trouble is looked for."""
_LONGEST = 400


@dataclass(frozen=True)
class Row:
    """One process at one moment."""

    name: str
    pid: int
    port: int
    metrics_port: int
    state: str
    restarts: int
    rss_bytes: int
    trouble: str


def rows(foundation: Foundation, house: House) -> list[Row]:
    """What every process does now."""
    return [*(_server(each.name, each.address, each.child) for each in foundation.servers), *map(_row, house.members)]


def _server(name: str, address: str, child: Child) -> Row:
    ended = "stopped" if child.exit_status in (None, 0) else f"died ({child.exit_status})"
    state = "ready" if child.running else ended
    said = "" if child.running else child.last_lines(1)
    return Row(name, child.pid, int(address.rpartition(":")[2]), 0, state, 0, rss_of(child.pid), said)


def _row(member: Member) -> Row:
    if member.running:
        state = "ready" if member.ready else "starting" if member.starts == 1 else "waiting"
    else:
        state = f"died ({member.exit_status})" if member.wanted else "stopped"
    said = trouble(member.last_lines(_LINES), ready=state == "ready")
    restarts = max(0, member.starts - 1)
    return Row(
        member.name, member.pid, member.port, member.metrics_port, state, restarts, rss_of(member.pid), said[:_LONGEST]
    )


def rss_of(pid: int) -> int:
    """Bytes of memory that a process holds; 0 where it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    for line in status.splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) << 10
    return 0


class Ages:
    """Since when each process is in its state."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since: dict[str, tuple[str, float]] = {}

    def of(self, row: Row) -> float:
        """Seconds that it is as it is now."""
        now, what = self._clock(), f"{row.state} {row.pid}"
        known = self._since.get(row.name)
        if known is None or known[0] != what:
            known = self._since[row.name] = what, now
        return now - known[1]


def picture(found: Sequence[Row], ages: Ages, help_lines: Sequence[str]) -> RenderableType:
    """All of them as a table; below a process what troubles it, and below all of them what one can do."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("  process", "state"):
        table.add_column(Text(heading, style="bold"), no_wrap=True)
    for heading in ("since", "pid", "port", "metrics", "MB"):
        table.add_column(Text(heading, style="bold"), no_wrap=True, justify="right")
    parts: list[RenderableType] = [_headline(found)]
    for row in found:
        mark, colour = _MARKS[row.state.split()[0]]
        name = Text.assemble((mark, colour), " ", row.name)
        numbers = (_age(ages.of(row)), *(str(each or "") for each in (row.pid, row.port, row.metrics_port)))
        table.add_row(name, Text(row.state, style=colour), *numbers, _megabytes(row.rss_bytes))
    parts += [table, *_troubles(found), Text(), *(Text(line, overflow="fold") for line in help_lines)]
    return Group(*parts)


def _headline(found: Sequence[Row]) -> Text:
    ready = sum(row.state == "ready" for row in found)
    style = "bold green" if ready == len(found) else "bold yellow"
    return Text.assemble((f"{ready} of {len(found)} ready", style), "  all at 127.0.0.1\n")


def _troubles(found: Sequence[Row]) -> list[RenderableType]:
    told: list[RenderableType] = []
    for row in found:
        again = f"started again {row.restarts} times" if row.restarts > 1 else "started again" if row.restarts else ""
        said = ": ".join(each for each in (again, row.trouble) if each)
        if said:
            colour = _MARKS[row.state.split()[0]][1]
            told.append(Text(f"\n{row.name}", style=colour if row.state != "ready" else "yellow"))
            told.append(Padding(Text(said, overflow="fold"), (0, 0, 0, 2)))
    return told


def _age(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds)} s"


class LiveView:
    """A table in the terminal, drawn anew at each look."""

    def __init__(self, console: Console, help_lines: Sequence[str]) -> None:
        self._live = Live(console=console, auto_refresh=False)
        self._help = help_lines
        self._ages = Ages()

    def __enter__(self) -> LiveView:
        self._live.__enter__()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._live.stop()

    def show(self, found: Sequence[Row]) -> None:
        """Draw these."""
        self._live.update(picture(found, self._ages, self._help), refresh=True)


class PlainView:
    """A line for each change, where the output is no terminal."""

    def __init__(self, console: Console, help_lines: Sequence[str]) -> None:
        self._console = console
        self._help = help_lines
        self._states: dict[str, str] = {}

    def __enter__(self) -> PlainView:
        for line in self._help:
            self._say(line)
        return self

    def __exit__(self, *_exc: object) -> None:
        pass

    def show(self, found: Sequence[Row]) -> None:
        """Print what is other than at the last look."""
        for row in found:
            known = self._states.get(row.name)
            now = f"{row.state} {row.pid} {row.trouble}"
            if known != now:
                self._states[row.name] = now
                process = f", process {row.pid}, {_megabytes(row.rss_bytes)} MB" if row.pid else ""
                said = f": {row.trouble}" if row.trouble else ""
                self._say(f"{time.strftime('%H:%M:%S')} {row.name} {row.state} at 127.0.0.1:{row.port}{process}{said}")

    def _say(self, line: str) -> None:
        self._console.print(line, highlight=False, soft_wrap=True, markup=False)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.0f}" if size else ""
