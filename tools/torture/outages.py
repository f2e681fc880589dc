"""Rows of the fault matrix in which a server that all services lean on is away, or forgets (docs/reliability.md)."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import psycopg2
from tools.services.missing import ServerDied

from estate import until
from flow import Flow
from learndock.errors import Unavailable
from rows import Row
from sizes import by_size
from tests.torture.model import AT_REST, Key

BACK_S, DRAINED_S, RESUMED_S = 15.0, 60.0, 60.0
"""Goals on a machine that has nothing else to do."""
BACKLOG = 500
_OTHERS = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


def bus_down(flow: Flow, size: int) -> str:
    """Row 4: NATS is away; uploads are accepted and searches answered, and the outbox empties when it is back."""
    seconds, packages, people = by_size(size, (5, 10, 3), (60, 150, 4), (600, 600, 6))
    with flow.steady(people, packages=packages):
        flow.estate.ground.nats.stop()
        time.sleep(seconds)
        if size > 1:
            until(lambda: _unsent(flow) >= BACKLOG, seconds)
        waiting = _unsent(flow)
    flow.breaches += [f"failed: {each}" for each in flow.failed]
    flow.estate.ground.nats.start()
    begun = time.monotonic()
    if not until(lambda: not _unsent(flow)):
        flow.breaches.append("the outbox did not empty")
    told = flow.measure("outbox empty after", time.monotonic() - begun, DRAINED_S)
    return f"{seconds} s or more without NATS; {waiting} events waited; {told}"


def _unsent(flow: Flow) -> int:
    return int(flow.estate.ask("SELECT count(*) FROM outbox")[0][0])


def bus_wiped(flow: Flow, size: int) -> str:
    """Row 5: NATS loses everything while people push."""
    with flow.steady(packages=20 * size):
        for _ in range(size):
            time.sleep(2)
            before = _Work(flow)
            flow.estate.ground.nats.wipe()
        time.sleep(1)
    return f"{size} wipes; {before.resumed()}"


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
            before = _Work(flow)
            nats.kill()
            shutil.rmtree(nats.store)
            shutil.copytree(kept, nats.store)
            nats.start()
        time.sleep(1)
    return f"{size} times set back by 3 s; {before.resumed()}"


class _Work:
    """What was over and what was under way at a moment, and what has become of it."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        found = self._look()
        self._begun = time.monotonic()
        self._over = {key: attempt for key, (state, attempt) in found.items() if state in AT_REST}
        self._under_way = {key for key, (state, _) in found.items() if state not in AT_REST}

    def _look(self) -> dict[Key, tuple[str, int]]:
        rows = self._flow.estate.ask("SELECT learnware_id, version, state, attempt FROM learnwares")
        return {(key, version): (state, attempt) for key, version, state, attempt in rows}

    def resumed(self) -> str:
        """Wait until what was under way is over. What was over before must not have been worked on again."""

        def over() -> bool:
            found = self._look()
            return all(found[key][0] in {*AT_REST, "FAILED_INTERNAL"} for key in self._under_way)

        if not until(over):
            self._flow.breaches.append("what was under way was not resumed")
        told = self._flow.measure("resumed within", time.monotonic() - self._begun, RESUMED_S)
        found = self._look()
        again = [key for key, attempt in self._over.items() if found[key][1] != attempt]
        self._flow.breaches += [f"{key} was over, and was worked on again" for key in again]
        return f"{len(self._under_way)} under way, {told}; {len(self._over)} over before, {len(again)} worked on again"


def database_down(flow: Flow, size: int) -> str:
    """Row 9: PostgreSQL is stopped, then killed, then in a storm of connections; no push is acknowledged without it."""
    postgres = flow.estate.ground.postgres
    seconds = by_size(size, 4.0, 20.0, 300.0)
    _stock(flow)
    back = [_away(flow, end, seconds) for end in (postgres.stop, postgres.kill)]
    with flow.steady(people=2, packages=5 * size):
        cut, crowd = _storm(flow, by_size(size, 3.0, 15.0, 60.0))
        back.append(_pushed_again(flow))
    flow.breaches += [f"failed: {each}" for each in flow.failed if each.startswith("search")]
    told = flow.measure("a push accepted again after", max(back), BACK_S)
    storm = f"a storm that cut {cut} connections and took {crowd}"
    return f"{seconds:.0f} s stopped, {seconds:.0f} s killed, {storm}; {told}"


def _stock(flow: Flow) -> None:
    """Have something in the index: an answer of nothing cannot be stale."""
    with flow.client() as client:
        key = flow.push(client, flow.packages(1)[0], keep=True)
        if key is not None:
            client.wait(key[0])


def _away(flow: Flow, end: Callable[[], None], seconds: float) -> float:
    with flow.steady(people=2, packages=5):
        time.sleep(1)
        end()
        _try_in_vain(flow, seconds)
        _start(flow)
        return _pushed_again(flow)


def _start(flow: Flow) -> None:
    """Start it as a supervisor does: again, where it ends at once. Once it ended so, with SIGABRT and no word why."""
    try:
        flow.estate.ground.postgres.start()
    except ServerDied as died:
        print(f"PostgreSQL was started a second time: {str(died).partition(':')[0]}", flush=True)
        flow.estate.ground.postgres.start()


def _pushed_again(flow: Flow) -> float:
    [package] = flow.packages(1)
    begun = time.monotonic()
    with flow.client("first") as client:
        if not until(lambda: flow.push(client, package)):
            flow.breaches.append("no push was accepted although the database was back")
    return time.monotonic() - begun


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
            time.sleep(0.1)
            if time.monotonic() > end + 60:
                flow.breaches.append(f"without a database {told} pushes were told so, {stale} searches were stale")
                return


def _storm(flow: Flow, seconds: float) -> tuple[int, int]:
    """Cut everybody's connections again and again, and take all that the server has for others."""
    url, end = flow.estate.db_url.replace("+psycopg2", ""), time.monotonic() + seconds
    cut, most = 0, 0
    while time.monotonic() < end:
        with _connected(url) as cursor:
            cursor.execute(f"SELECT count(pg_terminate_backend(pid)) {_OTHERS}")
            cut += cursor.fetchone()[0]
            with ExitStack() as crowd:
                most = max(most, _take_all(url, crowd))
                time.sleep(0.5)
        time.sleep(0.5)
    return cut, most


def _take_all(url: str, crowd: ExitStack) -> int:
    for taken in range(10_000):
        try:
            crowd.enter_context(closing(psycopg2.connect(url)))
        except psycopg2.OperationalError:
            return taken
    return 10_000


@contextmanager
def _connected(url: str) -> Iterator[Any]:
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            yield cursor


OUTAGES: Mapping[str, Row] = {
    "4": bus_down,
    "5": bus_wiped,
    "6": bus_set_back,
    "9": database_down,
}
