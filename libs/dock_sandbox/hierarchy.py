"""Where this process may make control groups for its sandboxes, found out by trying."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from dock_sandbox.cgroup import Hierarchy
from dock_sandbox.port import Limits

_OWN_LEAF = "dock"
_DELEGATED = ("user.delegate", "trusted.delegate")
"""How systemd marks a group that it leaves to the service in it (`Delegate=yes`)."""


@dataclass(frozen=True)
class Mount:
    """A mounted hierarchy: which part of it is seen, where, and what it controls ("" in version 2)."""

    root: str
    place: Path
    controllers: frozenset[str]


@lru_cache(maxsize=1)
def hierarchy() -> Hierarchy | None:
    """The place for groups; None where there is none. What dead processes left there is swept at the first call."""
    mounts = list(read_mounts(_text("/proc/self/mountinfo")))
    own = read_own(_text("/proc/self/cgroup"))
    for found in (_second(mounts, own), _first(mounts, own)):
        if found is not None and _works(found):
            found.sweep()
            return found
    return None


def read_mounts(text: str) -> Iterator[Mount]:
    """The hierarchies among the mounts of /proc/self/mountinfo."""
    for line in text.splitlines():
        fields, _, rest = line.partition(" - ")
        kind, _, options = rest.split(" ", 2)
        if kind in ("cgroup", "cgroup2"):
            root, place = fields.split()[3:5]
            known = frozenset(options.split(",")) if kind == "cgroup" else frozenset()
            yield Mount(root, Path(place), known)


def read_own(text: str) -> dict[str, str]:
    """The group of this process by controller, in version 2's hierarchy by "", from /proc/self/cgroup."""
    found = {}
    for line in text.splitlines():
        _, controllers, path = line.split(":", 2)
        found.update(dict.fromkeys(controllers.split(","), path))
    return found


def folder_of(mount: Mount, path: str) -> Path | None:
    """Where a group lies under a mount; None where the mount does not show it."""
    if not Path(path).is_relative_to(mount.root):
        return None
    folder = mount.place / Path(path).relative_to(mount.root)
    return folder if folder.is_dir() else None


def _first(mounts: list[Mount], own: dict[str, str]) -> Hierarchy | None:
    found = {}
    for name in ("memory", "pids"):
        places = [folder_of(mount, own[name]) for mount in mounts if name in mount.controllers and name in own]
        found[name] = next((place for place in places if place and os.access(place, os.W_OK)), None)
    memory = found["memory"]
    return Hierarchy(1, memory, found["pids"]) if memory else None


def _second(mounts: list[Mount], own: dict[str, str]) -> Hierarchy | None:
    """Below the own group's parent where both were left to us, else below the own group, whose only process we are."""
    mount = next((mount for mount in mounts if not mount.controllers), None)
    here = folder_of(mount, own[""]) if mount and "" in own else None
    if mount is None or here is None:
        return None
    if here != mount.place and _is_ours(here.parent) and _shares_memory(here.parent):
        return Hierarchy(2, here.parent)
    if _is_ours(here) and (_shares_memory(here) or (_stepped_aside(here) and _shares_memory(here))):
        return Hierarchy(2, here)
    return None


def _is_ours(folder: Path) -> bool:
    """Whether nobody else has a say there. Without systemd (in a container) nobody has."""
    if not os.access(folder, os.W_OK) or "memory" not in _text(folder / "cgroup.controllers").split():
        return False
    if not Path("/run/systemd/system").is_dir():
        return True
    for name in _DELEGATED:
        with contextlib.suppress(OSError):
            if os.getxattr(folder, name) == b"1":
                return True
    return False


def _shares_memory(folder: Path) -> bool:
    for wanted in ("+memory", "+pids"):
        with contextlib.suppress(OSError):
            (folder / "cgroup.subtree_control").write_text(wanted)
    return "memory" in _text(folder / "cgroup.subtree_control").split()


def _stepped_aside(folder: Path) -> bool:
    """A group with processes of its own shares nothing with groups below: go into one of these where we are alone."""
    if _text(folder / "cgroup.procs").split() != [str(os.getpid())]:
        return False
    with contextlib.suppress(OSError):
        (folder / _OWN_LEAF).mkdir(exist_ok=True)
        (folder / _OWN_LEAF / "cgroup.procs").write_text(str(os.getpid()))
        return True
    return False


def _works(found: Hierarchy) -> bool:
    try:
        found.make(Limits()).close()
    except OSError:
        return False
    return True


def _text(path: str | Path) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
