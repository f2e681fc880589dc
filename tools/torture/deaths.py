"""Row 1 of the fault matrix: services that die at their failpoints while people use the dock."""

from __future__ import annotations

import signal
import time
from contextlib import suppress

from tools.services.house import Member

from deck import Deck
from deeds import deeds
from dock_failpoint.names import NAMES
from estate import until
from flow import Flow
from learndock.errors import DockError
from sizes import by_size

EVERYWHERE = ("db.commit", "relay", "reconciler")
PASSED_BY = {
    "ingestion": ("blob.bucket", "ingestion", *EVERYWHERE),
    "checking": ("checking", "bus.ack", *EVERYWHERE),
    "specification": ("specification", "bus.ack", *EVERYWHERE),
    "search": ("search", "bus.ack", *EVERYWHERE),
    "reuse": ("reuse",),
}
"""The failpoints that each service passes, by the beginnings of their names."""
OFTEN = {"db.commit": 8, "relay": 3, "bus.ack": 3, "checking.step": 4}
"""How often one is passed in a round at least, by the beginning of its name; others once. Which pass kills is drawn."""
ROUND_S, SHORT_ROUND_S, OVERDUE_S = 75.0, 40.0, 3.0
SEEDS = 20


def passed_by(target: str) -> list[str]:
    """The failpoints on the way of a service."""
    return [name for name in NAMES if name.startswith(PASSED_BY[target])]


class SuddenDeaths:
    """Row 1: kill -9 of every service at its failpoints.

    Plays go on where the one before ended, so that several deal every failpoint.
    """

    def __init__(self) -> None:
        self._deck = Deck({target: passed_by(target) for target in PASSED_BY})

    def __call__(self, flow: Flow, size: int) -> str:
        """Play some rounds; in each one every service is armed with a failpoint."""
        most = max(len(passed_by(target)) for target in PASSED_BY)
        died = 0
        for _ in range(by_size(size, 1, 3, SEEDS * most)):
            hand = self._deck.deal(flow.rng)
            met = _Round(flow, hand).live(by_size(size, SHORT_ROUND_S, ROUND_S, ROUND_S))
            for target, name in hand.items():
                (self._deck.met if target in met else self._deck.missed)(target, name)
            died += len(met)
        if not died:
            flow.breaches.append("nobody died")
        covered, points = self._deck.covered
        never = self._deck.never
        spared = f"; dealt and not met yet: {', '.join(never)}" if never else ""
        return f"{died} deaths; {covered} of {points} failpoints of services have killed until now{spared}"


class _Round:
    """A life of armed services. Who dies is started again at once, without a failpoint."""

    def __init__(self, flow: Flow, hand: dict[str, str]) -> None:
        self._flow = flow
        self._hand = hand
        self._house = flow.estate.house
        self._died: list[str] = []

    def live(self, longest_s: float) -> list[str]:
        """Live until each has died somewhere, or for so long; the target of each death."""
        self._arm()
        with self._flow.client("ann", patience_s=1) as client, self._flow.steady(people=2, packages=12):
            end = time.monotonic() + longest_s
            for deed in deeds(self._flow, client):
                if self._all_died() or time.monotonic() > end:
                    break
                with suppress(DockError):  # who would do it is dead
                    deed()
                self._hold_up()
                time.sleep(0.2)
        return self._died

    def _arm(self) -> None:
        for target in PASSED_BY:
            members = self._house.of(target)
            name = self._hand.get(target)
            if name or any("DOCK_FAILPOINTS" in member.environment for member in members):
                self._flow.estate.arm(members, f"{name}=kill@{self._pass(name)}" if name else "")
        if leading := self._leading():
            self._lead(leading)
        until(lambda: self._all_died() or all(member.ready for member in self._house.members if member.running), 90)

    def _pass(self, name: str) -> int:
        most = next((count for start, count in OFTEN.items() if name.startswith(start)), 1)
        return self._flow.rng.randint(1, most)

    def _leading(self) -> list[Member]:
        """Members of the service that is to die as the one that scans for what is overdue."""
        targets = [target for target, name in self._hand.items() if name.startswith("reconciler")]
        return [member for target in targets for member in self._house.of(target)]

    def _lead(self, leading: list[Member]) -> None:
        """Others begin when one of these has the lead."""
        others = [member for member in self._house.members if member not in leading and member.target != "reuse"]
        for member in others:
            member.kill()
        for member in leading:
            member.start(wait=False)
        until(lambda: self._all_died() or any(member.ready for member in leading), 90)
        time.sleep(1)
        for member in others:
            member.start(wait=False)

    def _hold_up(self) -> None:
        """Let something be overdue where somebody is to die of that: who works on it is away for a moment."""
        leading = self._leading()
        if leading and leading[0].target not in self._died:
            away = self._house.of("checking" if leading[0].target != "checking" else "specification")
            for member in away:
                member.kill()
            time.sleep(OVERDUE_S)
            for member in away:
                member.start(wait=False)

    def _all_died(self) -> bool:
        for target in self._hand:
            for member in self._house.of(target):
                if not member.running and member.wanted and member.exit_status == -signal.SIGKILL:
                    self._died.append(target)
                    member.environment.pop("DOCK_FAILPOINTS", None)
                    member.start(wait=False)
        return self._hand.keys() <= set(self._died)
