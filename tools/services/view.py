"""One look at all processes of a house and of what it stands on."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text
from tools.services.child import Child
from tools.services.foundation import Foundation
from tools.services.house import House, Member

_COLOURS = {"ready": "green", "starting": "yellow", "waiting": "yellow", "stopped": "dim", "died": "red"}


@dataclass(frozen=True)
class Row:
    """One process at one moment."""

    name: str
    pid: int
    address: str
    state: str
    restarts: int
    rss_bytes: int
    last_line: str


def rows(foundation: Foundation, house: House) -> list[Row]:
    """What every process does now."""
    servers = [
        Row(
            server.name,
            server.child.pid,
            server.address,
            _state(server.child),
            0,
            rss_of(server.child.pid),
            server.child.last_lines(1),
        )
        for server in foundation.servers
    ]
    return servers + [_row(member) for member in house.members]


def _state(child: Child) -> str:
    if child.running:
        return "ready"
    return "stopped" if child.exit_status in (None, 0) else f"died ({child.exit_status})"


def _row(member: Member) -> Row:
    if member.running:
        state = "ready" if member.ready else "starting" if member.starts == 1 else "waiting"
    else:
        state = f"died ({member.exit_status})" if member.wanted else "stopped"
    return Row(
        member.name,
        member.pid,
        member.address,
        state,
        max(0, member.starts - 1),
        rss_of(member.pid),
        _telling(member.last_lines(3)),
    )


def _telling(lines: str) -> str:
    """The last line, but for the one that is for people at a terminal of its own."""
    told = [line for line in lines.splitlines() if not line.startswith("Press Ctrl-C")]
    return told[-1] if told else ""


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


class LiveView:
    """A table in the terminal, drawn anew at each look."""

    def __init__(self, console: Console, footer: str) -> None:
        self._live = Live(console=console, auto_refresh=False)
        self._footer = footer

    def __enter__(self) -> LiveView:
        self._live.__enter__()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._live.stop()

    def show(self, found: Sequence[Row]) -> None:
        """Draw these."""
        table = Table(box=None, pad_edge=False, caption=self._footer, caption_justify="left", expand=True)
        for heading in ("process", "pid", "address", "state", "restarts", "MB"):
            table.add_column(heading, no_wrap=True, justify="right" if heading in {"pid", "restarts", "MB"} else "left")
        table.add_column("last line of its log", no_wrap=True, overflow="ellipsis", ratio=1)
        for row in found:
            state = Text(row.state, style=_COLOURS.get(row.state.split()[0], ""))
            numbers = str(row.pid or ""), str(row.restarts or ""), _megabytes(row.rss_bytes)
            table.add_row(row.name, numbers[0], row.address, state, *numbers[1:], Text(row.last_line))
        self._live.update(table, refresh=True)


class PlainView:
    """A line for each change, where the output is no terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._states: dict[str, str] = {}

    def __enter__(self) -> PlainView:
        return self

    def __exit__(self, *_exc: object) -> None:
        pass

    def show(self, found: Sequence[Row]) -> None:
        """Print what is other than at the last look."""
        for row in found:
            known = self._states.get(row.name)
            now = f"{row.state} {row.pid}"
            if known != now:
                self._states[row.name] = now
                process = f", process {row.pid}, {_megabytes(row.rss_bytes)} MB" if row.pid else ""
                self._console.print(
                    f"{time.strftime('%H:%M:%S')} {row.name} {row.state} at {row.address}{process}",
                    highlight=False,
                    soft_wrap=True,
                )


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.0f}" if size else ""
