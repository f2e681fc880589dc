"""Row 1 of the fault matrix: services that die at their failpoints while people use the dock."""

from __future__ import annotations

import itertools
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import numpy as np

import wares
from dock_failpoint.names import NAMES
from estate import until
from flow import Flow
from learndock.client import Dock
from learndock.errors import DockError
from lives import abandon

EVERYWHERE = ("db.commit", "relay", "reconciler")
PASSED_BY = {
    "ingestion": ("blob.bucket", "ingestion", *EVERYWHERE),
    "checking": ("checking", "bus.ack", *EVERYWHERE),
    "specification": ("specification", "bus.ack", *EVERYWHERE),
    "search": ("search", "bus.ack", *EVERYWHERE),
    "reuse": ("reuse",),
}
"""The failpoints that each service passes, by the beginnings of their names."""
ROUND_S = 40.0


def passed_by(target: str) -> list[str]:
    """The failpoints on the way of a service."""
    return [name for name in NAMES if name.startswith(PASSED_BY[target])]


def sudden_deaths(flow: Flow, size: int) -> str:
    """Row 1: kill -9 of every service at its failpoints."""
    house = flow.estate.house
    died: list[str] = []
    spared: list[str] = []
    drawn = {target: _draw(flow.rng, target, size) for target in PASSED_BY}
    for number in range(max(map(len, drawn.values()))):
        armed = {target: names[number] for target, names in drawn.items() if number < len(names)}
        for target, name in armed.items():
            flow.estate.arm(house.of(target), f"{name}=kill")
        met = _live(flow, armed)
        died += met
        spared += [f"{target} at {name}" for target, name in armed.items() if target not in met]
        flow.estate.mend()
    if not died:
        flow.breaches.append("nobody died")
    points = sum(map(len, drawn.values()))
    return f"{len(died)} deaths at {points} failpoints" + (f"; not met: {', '.join(spared)}" if spared else "")


def _draw(rng: random.Random, target: str, size: int) -> list[str]:
    names = passed_by(target)
    rng.shuffle(names)
    return names[:size] if size < 10 else names * (size // 10)


def _live(flow: Flow, armed: dict[str, str]) -> list[str]:
    """One life of armed services; the target of each death. Who died is started again at once, without a failpoint."""
    house = flow.estate.house
    died: list[str] = []

    def revive() -> bool:
        for target in armed:
            for member in house.of(target):
                if not member.running and member.exit_status == -signal.SIGKILL:
                    died.append(target)
                    member.environment.pop("DOCK_FAILPOINTS", None)
                    member.start(wait=False)
        return armed.keys() <= set(died)

    up = [member for member in house.members if member.target not in armed]
    until(lambda: revive() or all(member.ready for member in up), 60)
    with flow.client("ann", patience_s=1) as client, flow.steady(people=2, packages=12):
        end = time.monotonic() + ROUND_S
        for deed in _deeds(flow, client):
            with suppress(DockError):  # who would do it is dead
                deed()
            time.sleep(0.2)
            if revive() or time.monotonic() > end:
                break
    return died


def _deeds(flow: Flow, client: Dock) -> Iterator[Callable[[], object]]:
    """What is on the way of every failpoint, again and again; large packages and abandoned ones only at first."""
    yield lambda: abandon(client, flow.rng)
    yield lambda: flow.push(client, flow.packages(1, ballast=12 << 20)[0])
    for turn in itertools.count():
        if turn % 5 == 0:
            yield lambda: flow.push(client, flow.packages(1)[0])
            yield lambda: _delete(flow, client)
        yield lambda: _predict(flow, client)


def _delete(flow: Flow, client: Dock) -> None:
    key = flow.take()
    if key is not None:
        flow.delete(client, key)


def _predict(flow: Flow, client: Dock) -> None:
    served = client.list(states=["INDEXED"])
    if served:
        client.predict([flow.rng.choice(served).learnware_id], np.zeros((3, wares.WIDTH)), "raw")
