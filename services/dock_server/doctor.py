"""What `dock doctor` looks at where a dock's services could run: disk, and everything that the settings name."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from dock_server.adapters import check_adapters
from dock_server.configuration import read_settings
from dock_server.reaching import Reached, reach, reach_peers
from dock_server.settings import DockSettings
from dock_server.targets import TARGETS

LEAST_FREE_BYTES = 2 << 30
"""An environment with a large library takes about as much."""


def look() -> Iterator[Reached]:
    """Disk space for environments and packages; database, schema, clock, store and bus where they are set; peers."""
    settings = read_settings(DockSettings)
    yield _disk(settings.data, needed=not settings.embedded)
    check_adapters(settings)
    yield from reach(settings, TARGETS)
    yield from reach_peers()


def _disk(folder: Path, *, needed: bool) -> Reached:
    there = next(each for each in (folder.resolve(), *folder.resolve().parents) if each.exists())
    free = shutil.disk_usage(there).free
    text = f"{free / (1 << 30):.1f} GiB are free below {there}"
    if free >= LEAST_FREE_BYTES:
        return Reached("disk", ok=True, text=text)
    remedy = "Make room, or name another folder by DOCK_DATA."
    return Reached("disk", ok=False, text=text, remedy=remedy, needed=needed)
