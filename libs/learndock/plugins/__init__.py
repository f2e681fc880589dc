"""Plug-ins: specification types, searchers, checkers and reusers that come with other packages.

Each kind has a group of entry points, and what is ours goes in by the same door. Whoever writes Python passes the
object itself where it is used instead (`Index`, `run_checks(checkers=...)`, `read_package(types=...)`). Installing a
plug-in is trusting it: it runs inside the dock, outside every sandbox.
"""

from learndock.plugins.kinds import CHECKERS, KINDS, REUSERS, SEARCHERS, SPECIFICATIONS, Kind
from learndock.plugins.registry import Plugin, listing, load, load_all, names

__all__ = [
    "CHECKERS",
    "KINDS",
    "REUSERS",
    "SEARCHERS",
    "SPECIFICATIONS",
    "Kind",
    "Plugin",
    "listing",
    "load",
    "load_all",
    "names",
]
