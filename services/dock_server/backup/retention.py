"""How long backups are kept, and what goes with the last that needed it."""

from __future__ import annotations

from collections.abc import Callable

from dock_server.backup.manifest import PACKAGES
from dock_server.backup.packages import entry
from dock_server.backup.vault import Vault, content_key


def forget(vault: Vault, keep: int, *, heartbeat: Callable[[], None] = lambda: None) -> list[str]:
    """Drop all complete backups but the newest `keep`, torn ones, and packages that no backup refers to any more.

    Call it only while nobody else writes to the vault. Return the names of what was dropped.
    """
    names = vault.names()
    complete = [name for name, whole in names.items() if whole]
    kept = set(complete[-keep:])
    dropped = [name for name in names if name not in kept]
    wanted = _wanted(vault, kept, heartbeat)  # read before anything goes: what cannot be read keeps everything
    for name in dropped:
        vault.drop(name)
        heartbeat()
    for sha256 in list(vault.contents()):
        if sha256 not in wanted:
            vault.store.delete(content_key(sha256))
            heartbeat()
    return dropped


def _wanted(vault: Vault, names: set[str], heartbeat: Callable[[], None]) -> set[str]:
    wanted: set[str] = set()
    for name in names:
        with vault.lines(vault.manifest(name), PACKAGES) as lines:
            wanted |= {entry(line)[1] for line in lines}
        heartbeat()
    return wanted
