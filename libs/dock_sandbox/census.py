"""Counting what a sandbox uses, from outside, through /proc."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Usage:
    """What a tree of processes uses at a moment."""

    pids: tuple[int, ...]
    resident_bytes: int
    cpu_seconds: float


@dataclass(frozen=True)
class _Process:
    parent: int
    cpu_ticks: int
    resident_pages: int


def usage(root: int) -> Usage:
    """Resident memory and CPU time of a process and all its descendants. Pages that processes share count for each."""
    table = _processes()
    pids = _tree(root, table)
    return Usage(
        pids=pids,
        resident_bytes=_PAGE * sum(table[pid].resident_pages for pid in pids),
        cpu_seconds=sum(table[pid].cpu_ticks for pid in pids) / _TICK,
    )


def proportional_bytes(pids: tuple[int, ...]) -> int:
    """Memory with shared pages counted once between their holders; 0 for a process that may not be looked into."""
    return sum(_proportional(pid) for pid in pids)


def memory_file_bytes(pids: tuple[int, ...]) -> int:
    """Memory in files that have no name (memfd) and that these processes hold open; it is resident nowhere else."""
    sizes: dict[int, int] = {}
    for pid in pids:
        sizes.update(_memory_files(Path(f"/proc/{pid}/fd")))
    return sum(sizes.values())


def _memory_files(folder: Path) -> dict[int, int]:
    found: dict[int, int] = {}
    try:
        for path in folder.iterdir():
            if str(path.readlink()).startswith("/memfd:"):
                status = path.stat()
                found[status.st_ino] = 512 * status.st_blocks
    except OSError:
        return found
    return found


def _proportional(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return _resident(pid)
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def _resident(pid: int) -> int:
    process = _read(pid)
    return process.resident_pages * _PAGE if process else 0


def _tree(root: int, table: dict[int, _Process]) -> tuple[int, ...]:
    children: dict[int, list[int]] = {}
    for pid, process in table.items():
        children.setdefault(process.parent, []).append(pid)
    found = [root] if root in table else []
    for pid in found:
        found.extend(children.get(pid, ()))
    return tuple(found)


def _processes() -> dict[int, _Process]:
    read = {int(path.name): _read(int(path.name)) for path in Path("/proc").iterdir() if path.name.isdigit()}
    return {pid: process for pid, process in read.items() if process is not None}


def _read(pid: int) -> _Process | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    # The name stands in brackets and may hold anything; what follows the last bracket is numbers.
    fields = text.rpartition(")")[2].split()
    return _Process(int(fields[1]), sum(int(fields[i]) for i in (11, 12, 13, 14)), int(fields[21]))
