"""The first half of the demo: owners pack and push their models, and each check is shown as it happens."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from rich.console import Console

from learndock.client import Dock
from learndock.specification import specify
from packing import pack
from people import OwnerModel


def pack_all(models: Iterable[OwnerModel], folder: Path) -> list[tuple[OwnerModel, Path]]:
    """Specify and pack every owner's model; return each with its zip."""
    return [(each, pack(folder, each.name, each.estimator, specify(each.X_train), each.semantic)) for each in models]


def stock(dock: Dock, packages: list[tuple[OwnerModel, Path]], console: Console) -> dict[str, OwnerModel]:
    """Push the packages, follow their checks, and return the owners by learnware id.

    Ends the demo with the verdict's own words if one is not accepted: nothing here should be refused.
    """
    begun = time.monotonic()
    pushed = {dock.push(path).learnware_id: owner for owner, path in packages}
    console.print(f"{len(pushed)} packages pushed; the dock checks each in a sandbox of its own:")
    with console.status("waiting for the first check") as status, ThreadPoolExecutor(max_workers=8) as pool:
        follow = partial(_follow, dock, status.update)
        for line in pool.map(follow, pushed.keys(), pushed.values()):
            console.print(line, highlight=False)
    console.print(f"All are checked, specified and searchable after {time.monotonic() - begun:.0f} s.\n")
    return pushed


def _follow(dock: Dock, show: Callable[[str], None], learnware_id: str, owner: OwnerModel) -> str:
    passed = []
    for event in dock.watch(learnware_id):
        name, step = getattr(event, "name", ""), getattr(event, "status", "")
        if name:
            show(f"{owner.name}: {name} {step}")
        if step in ("passed", "warned"):
            passed.append(name)
    record = dock.wait(learnware_id, timeout=120)
    if record.state != "INDEXED":
        raise SystemExit(f"{owner.name} was not accepted: {record.reason} {record.reason_text}")
    return f"  [green]✓[/] {learnware_id}  {owner.name:<28} {len(passed)} steps passed, {record.state}"
