"""Rows 7, 8 and 19 of the fault matrix: events that come again, in another order, late, or that mean nothing."""

from __future__ import annotations

import asyncio
import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg

from dock_bus.nats import NatsBus
from dock_bus.port import DeadLetter, Message
from dockapi.events.v1.events_pb2 import LearnwareEvent
from estate import until
from flow import Flow

_EVENTS = "dock.>"
_CONSUMERS: dict[str, tuple[str, ...]] = {
    "dock.learnware.received": ("checking",),
    "dock.learnware.accepted": ("specification",),
    "dock.learnware.indexed": (),
    "dock.learnware.deleted": (),
}
"""Who reads a subject, besides each replica of search."""
_LATER = LearnwareEvent(event_id="later", learnware_id="lw-later", version=1).SerializeToString() + b"\x28\xe7\x07"
"""An event with state 999."""


@dataclass(frozen=True)
class Seen:
    """An event as it was published."""

    subject: str
    data: bytes
    headers: dict[str, str]


class Repeater:
    """Sees every event that is published, and publishes it again under other ids that JetStream does not know."""

    def __init__(self, url: str, rng: random.Random) -> None:
        self._url, self._rng = url, rng
        self.seen: list[Seen] = []
        self.sent = 0
        self._stop = threading.Event()
        self._wanted: list[tuple[float, Seen]] = []
        self._copies, self._within_s = 0, 0.0

    @contextmanager
    def listening(self, copies: int = 0, within_s: float = 0.0) -> Iterator[None]:
        """Note events for the length of a with-block; each again `copies` times within `within_s` seconds."""
        self._copies, self._within_s = copies, within_s
        up = threading.Event()
        thread = threading.Thread(target=lambda: asyncio.run(self._run(up)))
        thread.start()
        up.wait(30)
        try:
            yield
        finally:
            self._stop.set()
            thread.join()

    def replay(self) -> None:
        """Everything that was seen once more, in another order."""
        order = self.seen.copy()
        self._rng.shuffle(order)
        self._wanted = [(0.0, each) for each in order]
        asyncio.run(self._all_now())

    async def _run(self, up: threading.Event) -> None:
        connection = await nats.connect(self._url)

        async def note(message: Msg) -> None:
            headers = dict(message.headers or {})
            if "Dock-Event-Id" in headers or "Nats-Msg-Id" not in headers:
                return  # one of ours
            seen = Seen(message.subject, message.data, headers)
            self.seen.append(seen)
            for _ in range(self._copies):
                self._wanted.append((time.monotonic() + self._rng.uniform(0, self._within_s), seen))

        await connection.subscribe(_EVENTS, cb=note)
        up.set()
        while not self._stop.is_set() or self._wanted:
            await self._send(connection)
            await asyncio.sleep(0.05)
        await connection.close()

    async def _all_now(self) -> None:
        connection = await nats.connect(self._url)
        await self._send(connection)
        await connection.close()

    async def _send(self, connection: Client) -> None:
        now = time.monotonic()
        due = [each for at, each in self._wanted if at <= now]
        self._wanted = [(at, each) for at, each in self._wanted if at > now]
        for each in due:
            self.sent += 1
            own = {
                **each.headers,
                "Dock-Event-Id": each.headers["Nats-Msg-Id"],
                "Nats-Msg-Id": f"again-{self._rng.getrandbits(60):x}",
            }
            await connection.jetstream().publish(each.subject, each.data, headers=own)


def repeated(flow: Flow, size: int) -> str:
    """Row 7: every event comes four times, in any order; what comes of it is the same."""
    within_s = 4.0 * size
    repeater = Repeater(flow.estate.ground.nats.url, flow.rng)
    with repeater.listening(copies=3, within_s=within_s), flow.steady(packages=10 * size):
        time.sleep(within_s)
    flow.breaches += [f"failed: {each}" for each in flow.failed]
    if repeater.sent < len(repeater.seen) or not repeater.seen:
        flow.breaches.append("no event was repeated")
    return f"{len(repeater.seen)} events three times more within {within_s:.0f} s"


def delayed(flow: Flow, size: int) -> str:
    """Row 8: events come again, in another order, when all they spoke of is over; nothing moves."""
    repeater = Repeater(flow.estate.ground.nats.url, flow.rng)
    with repeater.listening(), flow.steady(packages=10 * size):
        time.sleep(3 * size)
    flow.estate.rest()
    before = flow.estate.history()
    for _ in range(size):
        repeater.replay()
    time.sleep(3)
    if flow.estate.history() != before or not repeater.sent:
        flow.breaches.append("stale events moved something")
    return f"{repeater.sent} events again, after all was at rest"


def poison(flow: Flow, size: int) -> str:
    """Row 19: events that cannot be read, of a version nobody knows, of nothing that exists, and huge ones."""
    junk = [b"", b"\xff\xfe junk", b'{"schema_version": 99}', b"[" * 10_000, b"x" * 900_000]
    play, sent = f"poison-{uuid.uuid4().hex}-", dict[str, str]()
    bus = NatsBus.connect(flow.estate.ground.nats.url)
    try:
        with flow.steady(packages=10 * size):
            for turn in range(20 * size):
                kind = turn % (len(junk) + 1)
                subject, event_id = flow.rng.choice(list(_CONSUMERS)), f"{play}{turn}"
                bus.publish(Message(subject, event_id, junk[kind] if kind < len(junk) else _LATER))
                if kind < len(junk):
                    sent[event_id] = subject
                time.sleep(0.1)
        flow.estate.rest()
        replicas = len(flow.estate.house.of("search"))
        wanted = sum(replicas + len(_CONSUMERS[subject]) for subject in sent.values())
        until(lambda: len(_letters(bus, play)) >= wanted, 60)
        letters = _letters(bus, play)
    finally:
        bus.close()
    flow.breaches += [f"failed: {each}" for each in flow.failed] + _misjudged(letters, sent, replicas)
    slowest, tries = max(flow.took["search"], default=0.0), max((letter.count for letter in letters), default=0)
    told = f"{len(letters)} dead letters after {tries} tries at most; slowest search beside it {slowest:.2f} s"
    return f"{len(sent)} events of junk and {20 * size - len(sent)} of a later release, {told}"


def _letters(bus: NatsBus, play: str) -> list[DeadLetter]:
    """The dead letters of one play: those of earlier ones stay where they are."""
    return [letter for letter in bus.dead_letters() if letter.message.event_id.startswith(play)]


def _misjudged(letters: list[DeadLetter], sent: dict[str, str], replicas: int) -> list[str]:
    """Where the dead letters are not one of each consumer and event of junk, within five tries."""
    found = [
        f"{letter.durable} gave up an event of a later release"
        for letter in letters
        if letter.message.event_id not in sent
    ]
    found += [f"{letter.durable} gave up after {letter.count} tries" for letter in letters if letter.count > 5]
    for event_id, subject in sent.items():
        had = Counter(letter.durable.partition("-")[0] for letter in letters if letter.message.event_id == event_id)
        if had != Counter({"search": replicas, **dict.fromkeys(_CONSUMERS[subject], 1)}):
            found.append(f"junk on {subject} became dead letters of {dict(had)}")
    return found
