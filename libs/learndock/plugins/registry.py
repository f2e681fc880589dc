"""Finding and loading plug-ins by their entry points."""

from __future__ import annotations

import importlib
import importlib.metadata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from learndock.errors import NotFound, Unavailable
from learndock.plugins.kinds import KINDS, Kind


@dataclass(frozen=True)
class Plugin:
    """A plug-in that is installed. `fault` says why it cannot be used, "" where it can."""

    kind: str
    name: str
    place: str
    package: str
    version: str
    fault: str = ""


@dataclass(frozen=True)
class _Door:
    name: str
    place: str
    package: str
    version: str


def names(kind: Kind) -> list[str]:
    """The names under which a kind can be loaded, ours first."""
    return list(_doors(kind))


def load(kind: Kind, name: str) -> Any:
    """The object behind a name; its module is imported now.

    NotFound PLUGIN_UNKNOWN; Unavailable PLUGIN_BROKEN where it cannot be imported or is none of its kind: a fault
    of the installation, never of a learnware.
    """
    door = _doors(kind).get(name)
    if door is None:
        raise NotFound(
            f"There is no {kind.name} {name!r}.",
            reason="PLUGIN_UNKNOWN",
            hint=f"There are: {', '.join(_doors(kind)) or 'none'}. `dock plugins` lists what is installed.",
            details={"kind": kind.name, "name": name},
        )
    return _load(kind, door)


def load_all(kind: Kind) -> dict[str, Any]:
    """Every one of a kind by name. Unavailable PLUGIN_BROKEN: none is left out in silence."""
    return {name: _load(kind, door) for name, door in _doors(kind).items()}


def listing() -> list[Plugin]:
    """All plug-ins of all kinds; those that cannot be used say why."""
    return [_examined(kind, door) for kind in KINDS for door in _doors(kind).values()]


def forget() -> None:
    """Look for entry points anew, after something was installed into this process."""
    _doors.cache_clear()


def _examined(kind: Kind, door: _Door) -> Plugin:
    try:
        _load(kind, door)
        fault = ""
    except Unavailable as error:
        fault = error.message
    return Plugin(kind.name, door.name, door.place, door.package, door.version, fault)


@cache
def _doors(kind: Kind) -> dict[str, _Door]:
    own = importlib.metadata.version("learndock")
    found = {name: _Door(name, place, "learndock", own) for name, place in kind.ours.items()}
    for door in sorted(_foreign(kind), key=lambda each: (each.name, each.package)):
        # The first keeps its name: a package may add, and never replace what others rely on.
        found.setdefault(door.name, door)
    return found


def _foreign(kind: Kind) -> Iterator[_Door]:
    for entry in importlib.metadata.entry_points(group=kind.group):
        home = entry.dist
        yield _Door(entry.name, entry.value, home.name if home else "", home.version if home else "")


def _load(kind: Kind, door: _Door) -> Any:
    module, _, attribute = door.place.partition(":")
    try:
        loaded: Any = importlib.import_module(module)
        for part in attribute.split(".") if attribute else ():
            loaded = getattr(loaded, part)
    except Exception as error:
        raise _broken(kind, door, f"{type(error).__name__}: {error}") from error
    missing = [member for member in kind.members if not hasattr(loaded, member)]
    if missing:
        raise _broken(kind, door, f"it has no {', '.join(missing)}; wanted is {kind.protocol}")
    return loaded


def _broken(kind: Kind, door: _Door, why: str) -> Unavailable:
    return Unavailable(
        f"The {kind.name} {door.name!r} ({door.place} of {door.package} {door.version}) cannot be used: {why}.",
        reason="PLUGIN_BROKEN",
        hint=f"Repair or uninstall {door.package}.",
        details={"kind": kind.name, "name": door.name},
    )
