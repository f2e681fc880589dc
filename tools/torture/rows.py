"""Rows of the fault matrix (docs/reliability.md): each does something to an estate while people use it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from estate import names_of, until
from flow import Flow, all_at_once
from sizes import by_size

DRAINED_S = 30.0
"""How soon a service should end that was asked to."""
Row = Callable[[Flow, int], str]
"""Takes a flow and how much of it there is to be (1: as tests have it); says what it did. Breaches are the flow's."""


def rolling_restart(flow: Flow, size: int) -> str:
    """Row 3: SIGTERM to one of each service in turn under load; no call fails."""
    house = flow.estate.house
    pushes, searches, people = by_size(size, (20, 100, 4), (200, 1000, 20), (200, 1000, 20))
    packages = flow.packages(pushes)
    begun = threading.Event()

    def person(number: int) -> None:
        with flow.client(f"person{number}") as client:
            for turn in range(searches // people):
                if turn % 5 == 0 and (turn // 5) * people + number < len(packages):
                    flow.push(client, packages[(turn // 5) * people + number])
                    begun.set()
                flow.search(client)

    deeds = [partial(person, number) for number in range(people)]
    crowd = threading.Thread(target=all_at_once, args=(deeds,), daemon=True)
    crowd.start()
    begun.wait()
    rounds, slowest = 0, 0.0
    while crowd.is_alive() or not rounds:
        for target in ("ingestion", "checking", "specification", "search", "reuse"):
            member = house.of(target)[rounds % len(house.of(target))]
            asked = time.monotonic()
            member.stop()
            slowest = max(slowest, time.monotonic() - asked)
            if member.exit_status != 0:
                flow.breaches.append(f"{member.name} ended with {member.exit_status}")
            member.start()
        rounds += 1
    crowd.join()
    flow.breaches += [f"failed: {each}" for each in flow.failed]
    if (flow.done["push"], flow.done["search"]) != (pushes, searches) and not flow.failed:
        flow.breaches.append(f"not all was done: {dict(flow.done)}")
    told = flow.measure("slowest end", slowest, DRAINED_S)
    return f"{5 * rounds} restarts, {pushes} pushes, {searches} searches by {people} people at once; {told}"


def check_twice(flow: Flow, size: int) -> str:
    """Row 17: a checker hangs until its lease is over, another takes the check; then both run."""
    attempts = [attempt for package in flow.packages(size) for attempt in _twice(flow, package)]
    return f"{size} checks in two processes at once; verdicts of attempts {sorted(set(attempts))}"


def _twice(flow: Flow, package: Path) -> list[int]:
    ask, (first, second) = flow.estate.ask, flow.estate.house.of("checking")
    second.stop()
    flow.estate.arm([first], "checking.before_verdict=sleep:3")
    first.wait_until_ready()
    with flow.client() as client:
        key = flow.push(client, package)
        learnware_id = key[0] if key else ""
        at = "SELECT state, attempt FROM learnwares WHERE learnware_id = %s"
        if not until(lambda: ask(at, learnware_id) == [("CHECKING", 1)]):
            flow.breaches.append("the check did not begin")
            return []
        first.pause()
        second.start()
        taken = until(lambda: ask(at, learnware_id)[0][1] > 1)
        first.go_on()
        client.wait(learnware_id)
    time.sleep(3.5)  # the late one ends, too
    attempts = [attempt for (attempt,) in ask("SELECT attempt FROM verdicts WHERE learnware_id = %s", learnware_id)]
    if not taken or len(attempts) != 1 or attempts[0] == 1:
        flow.breaches.append(f"the verdicts of {key} are of attempts {attempts}")
    return attempts


def deletions(flow: Flow, size: int) -> str:
    """Row 24: deletions in every state, and in the middle of a download; what is deleted stays so."""
    met: dict[str, int] = {}
    wanted = ("RECEIVED", "CHECKING", "ACCEPTED", "EMBEDDING", "INDEXED")
    house = flow.estate.house
    flow.estate.arm(house.of("checking"), "checking.before_verdict=sleep:1.5")
    flow.estate.arm(house.of("specification"), "specification.before_store=sleep:1.5")
    house.start()
    with flow.client() as client:

        def one(state: str) -> None:
            [package] = flow.packages(1)
            key = flow.push(client, package)
            if key is None:
                return
            statement = "SELECT state FROM learnwares WHERE learnware_id = %s"
            order = wanted.index(state)
            # A state may pass between two looks: then the next one is as good.
            until(lambda: wanted.index(flow.estate.ask(statement, key[0])[0][0]) >= order)
            seen = flow.estate.ask(statement, key[0])[0][0]
            met[seen] = met.get(seen, 0) + 1
            flow.delete(client, key)
            flow.search_as_of(client, key)

        for _ in range(size):
            all_at_once([partial(one, state) for state in wanted])
        for _ in range(size):
            _delete_in_download(flow)
    flow.breaches += [f"no deletion met {state}" for state in ("CHECKING", "EMBEDDING", "INDEXED") if state not in met]
    told = ", ".join(f"{count} in {state}" for state, count in sorted(met.items()))
    return f"deletions: {told}, {size} within a download"


def _delete_in_download(flow: Flow) -> None:
    with flow.client() as client:
        key = flow.push(client, flow.packages(1, ballast=24 << 20)[0])
        if key is None:
            return
        client.wait(key[0])
        reader = threading.Thread(target=flow.pull, args=(client, key))
        before = len(flow.failed)
        reader.start()
        flow.delete(client, key)
        reader.join()
        # Either it came whole, which `pull` has compared, or the reader was told.
        flow.failed[before:] = [each for each in flow.failed[before:] if not each.startswith("pull")]
        flow.search_as_of(client, key)


def restarts_meet(flow: Flow, size: int) -> str:
    """Row 22: everything is doubled; whoever leads is killed, again and again."""
    house, killed = flow.estate.house, 0
    writers = [member for member in house.members if member.target != "reuse"]
    with flow.steady(packages=20 * size):
        for _ in range(2 * size):
            time.sleep(2)
            victim = flow.rng.choice(writers)
            victim.kill()
            killed += 1
            leaders = "SELECT objid, count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted GROUP BY objid"
            flow.breaches += [f"{n} lead at once" for _, n in flow.estate.ask(leaders) if n > 1]
            victim.start()
    return f"every writer twice ({names_of(writers)}); {killed} killed"


ROWS: Mapping[str, Row] = {
    "3": rolling_restart,
    "17": check_twice,
    "22": restarts_meet,
    "24": deletions,
}
