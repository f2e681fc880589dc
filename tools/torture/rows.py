"""Rows of the fault matrix (docs/reliability.md): each does something to an estate while people use it."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from dock_bus.nats import NatsBus
from dock_bus.port import Message
from estate import names_of, until
from flow import Flow, all_at_once
from learndock.errors import Overloaded, Unavailable

BACK_S = 60.0
"""The goal is 15 s, on a machine that has nothing else to do."""
Row = Callable[[Flow, int], str]
"""Takes a flow and how much of it there is to be (1: as tests have it); says what it did. Breaches are the flow's."""


def rolling_restart(flow: Flow, size: int) -> str:
    """Row 3: SIGTERM to one of each service in turn under load; no call fails."""
    house, pushes, searches = flow.estate.house, 20 * min(size, 10), 100 * min(size, 10)
    packages, people = flow.packages(pushes), 4
    begun = threading.Event()

    def person(number: int) -> None:
        with flow.client(f"person{number}") as client:
            for turn in range(searches // people):
                if turn % 5 == 0 and (turn // 5) * people + number < len(packages):
                    flow.push(client, packages[(turn // 5) * people + number])
                    begun.set()
                flow.search(client)

    crowd = threading.Thread(target=all_at_once, args=([partial(person, number) for number in range(people)],))
    crowd.start()
    begun.wait()
    rounds = 0
    while crowd.is_alive() or not rounds:
        for target in ("ingestion", "checking", "specification", "search", "reuse"):
            member = house.of(target)[rounds % len(house.of(target))]
            member.stop()
            if member.exit_status != 0:
                flow.breaches.append(f"{member.name} ended with {member.exit_status}")
            member.start()
        rounds += 1
    crowd.join()
    flow.breaches += [f"failed: {each}" for each in flow.failed]
    return f"{5 * rounds} restarts, {pushes} pushes, {searches} searches"


def bus_down(flow: Flow, size: int) -> str:
    """Row 4: NATS is away; uploads are accepted and searches answered, and the outbox empties when it is back."""
    seconds = 5 * size
    with flow.steady(packages=10 * size):
        flow.estate.ground.nats.stop()
        time.sleep(seconds)
        waiting = flow.estate.ask("SELECT count(*) FROM outbox")[0][0]
    flow.breaches += [f"failed: {each}" for each in flow.failed]
    flow.estate.ground.nats.start()
    begun = time.monotonic()
    until(lambda: not flow.estate.ask("SELECT count(*) FROM outbox")[0][0])
    return f"{seconds} s without NATS; {waiting} events waited, sent {time.monotonic() - begun:.1f} s after its return"


def bus_wiped(flow: Flow, size: int) -> str:
    """Row 5: NATS loses everything while people push."""
    with flow.steady(packages=20 * size):
        for _ in range(size):
            time.sleep(2)
            flow.estate.ground.nats.wipe()
        time.sleep(1)
    return f"{size} wipes"


def bus_set_back(flow: Flow, size: int) -> str:
    """Row 6: NATS comes back with what it had some seconds ago, as after a power cut."""
    nats, kept = flow.estate.ground.nats, flow.estate.folder / "nats-kept"
    with flow.steady(packages=20 * size):
        for _ in range(size):
            nats.stop()
            shutil.rmtree(kept, ignore_errors=True)
            shutil.copytree(nats.store, kept)
            nats.start()
            time.sleep(3)
            nats.kill()
            shutil.rmtree(nats.store)
            shutil.copytree(kept, nats.store)
            nats.start()
        time.sleep(1)
    return f"{size} times set back by 3 s"


def database_down(flow: Flow, size: int) -> str:
    """Row 9: PostgreSQL is stopped, then killed: no push is acknowledged, searches say that they are stale."""
    postgres, back = flow.estate.ground.postgres, []
    seconds = 4.0 * size
    for end in (postgres.stop, postgres.kill):
        with flow.steady(people=2, packages=5 * size):
            time.sleep(1)
            end()
            _try_in_vain(flow, seconds)
            postgres.start()
            begun = time.monotonic()
            [package] = flow.packages(1)
            with flow.client("first") as client:
                until(lambda client=client, package=package: flow.push(client, package))  # type: ignore[misc]
            back.append(time.monotonic() - begun)
    flow.breaches += [f"failed: {each}" for each in flow.failed if each.startswith("search")]
    if max(back) > BACK_S:
        flow.breaches.append(f"a push was accepted {max(back):.0f} s after the database was back")
    return f"{seconds:.0f} s stopped, {seconds:.0f} s killed; a push was accepted {max(back):.1f} s after the start"


def _try_in_vain(flow: Flow, seconds: float) -> None:
    [package] = flow.packages(1)
    end, stale, told = time.monotonic() + seconds, 0, 0
    with flow.client("hasty", patience_s=1) as client:
        while time.monotonic() < end or not (stale and told):
            try:
                client.push(package)
            except Unavailable:
                told += 1
                flow.note(package)
            else:
                flow.breaches.append("a push was accepted without a database")
            stale += flow.search(client)
            if time.monotonic() > end + 60:
                flow.breaches.append(f"without a database {told} pushes were told so, {stale} searches were stale")
                return


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


def full_disks(flow: Flow, size: int) -> str:
    """Row 13: the disks of MinIO, then of NATS, are full; uploads are turned away or wait, and go on with room."""
    disks, told = flow.estate.disks, 0
    if not all(disk.mounted for disk in disks.values()):
        return "not shown: mounting is not allowed here"
    disks["minio"].fill(256)
    with flow.client("hasty", patience_s=1) as client:
        for package in flow.packages(2 * size, ballast=2 << 20):
            flow.note(package)
            try:
                client.push(package)
            except Overloaded:
                told += 1
            else:
                flow.breaches.append("a push was accepted without room for it")
        disks["minio"].empty()
        until(lambda: flow.push(client, flow.packages(1)[0]), 60)
    disks["nats"].fill(0)
    if not _flood(flow):
        flow.breaches.append("the bus had room on a full disk")
    with flow.steady(packages=10 * size):
        time.sleep(4 * size)
        waiting = flow.estate.ask("SELECT count(*) FROM outbox")[0][0]
    disks["nats"].empty()
    flow.estate.ground.nats.stop()  # NATS holds on to the error until it is started anew, whatever room there is
    flow.breaches += [f"failed: {each}" for each in flow.failed if not each.startswith("push")]
    return f"full store: {told} pushes turned away; full bus: {waiting} events waited until NATS was started anew"


def _flood(flow: Flow) -> bool:
    """Publish junk until the bus takes no more; whether that came."""
    bus = NatsBus.connect(flow.estate.ground.nats.url)
    try:
        for number in range(100):
            bus.publish(Message("dock.learnware.junk", f"flood-{flow.rng.getrandbits(60)}-{number}", b"x" * 100_000))
    except Unavailable:
        return True
    finally:
        bus.close()
    return False


ROWS: Mapping[str, Row] = {
    "3": rolling_restart,
    "4": bus_down,
    "5": bus_wiped,
    "6": bus_set_back,
    "9": database_down,
    "13": full_disks,
    "17": check_twice,
    "22": restarts_meet,
    "24": deletions,
}
