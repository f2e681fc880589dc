"""One durable consumer of the bus in this process: what waits for it, what its members hold, what it gave up."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from dock_bus.port import DeadLetter, Delivery, Message, Subscription


@dataclass
class Held:
    """A message in a handler's hands, until `deadline` by the monotonic clock."""

    message: Message
    count: int
    deadline: float


@dataclass(order=True)
class _Waiting:
    ready_at: float
    order: int
    message: Message = field(compare=False)
    count: int = field(compare=False)
    """Deliveries so far."""


class Durable:
    """Messages of one durable name. Thread-safe; outlives its members."""

    def __init__(self, subscription: Subscription, *, max_waiting: int) -> None:
        self.subscription = subscription
        self.members = 0
        self.left_at = 0.0
        """When the last member left, by the monotonic clock."""
        self._max_waiting = max_waiting
        self._changed = threading.Condition()
        self._waiting: list[_Waiting] = []
        self._holdings: dict[int, Held] = {}
        self._dead: OrderedDict[str, DeadLetter] = OrderedDict()
        self._order = itertools.count()

    def wants(self, subject: str) -> bool:
        """Whether messages of a subject are for this durable."""
        return any(matches(pattern, subject) for pattern in self.subscription.subjects)

    def is_full(self) -> bool:
        """Whether nothing more fits. Without members room is made by forgetting the oldest."""
        with self._changed:
            return self.members > 0 and len(self._waiting) >= self._max_waiting

    def is_abandoned(self, moment: float) -> bool:
        """Whether it may be forgotten: nobody was attached for as long as its subscription says."""
        inactive_s = self.subscription.inactive_s
        return not self.members and 0 < inactive_s <= moment - self.left_at

    def add(self, message: Message) -> Message | None:
        """Take a message; return the oldest one if it had to make room."""
        with self._changed:
            dropped = heapq.heappop(self._waiting).message if len(self._waiting) >= self._max_waiting else None
            self._queue(message, 0, time.monotonic())
            return dropped

    def take(self, stopped: Callable[[], bool]) -> tuple[int, Delivery] | None:
        """Wait for the next delivery, as (token, delivery); None once `stopped`."""
        with self._changed:
            while not stopped():
                self._reclaim()
                moment = time.monotonic()
                if self._waiting and self._waiting[0].ready_at <= moment:
                    return self._hold(heapq.heappop(self._waiting), moment)
                self._changed.wait(self._pause(moment))
            self._changed.notify()  # a call that was meant for whoever stays
        return None

    def ack(self, token: int) -> bool:
        """The handler is done. False where it was silent for too long and has lost the message."""
        with self._changed:
            self._reclaim()
            return self._holdings.pop(token, None) is not None

    def nak(self, token: int, error: str) -> None:
        """The handler failed: the message comes again after its backoff, or is given up."""
        with self._changed:
            self._reclaim()
            held = self._holdings.pop(token, None)
            if held is not None:
                self._again(held, error, self._backoff(held.count))

    def give_up(self, token: int, error: str) -> None:
        """No later delivery would end better: the message goes to the dead letters."""
        with self._changed:
            self._reclaim()
            held = self._holdings.pop(token, None)
            if held is not None:
                self._bury(held, error)

    def wake(self) -> None:
        """Let waiting members look whether they are to stop."""
        with self._changed:
            self._changed.notify_all()

    def dead_letters(self) -> Sequence[DeadLetter]:
        """What was given up."""
        with self._changed:
            self._reclaim()
            return list(self._dead.values())

    def revive(self, event_id: str) -> bool:
        """Deliver a dead letter again from count 1; False where there is none of that id."""
        with self._changed:
            found = self._dead.pop(event_id, None)
            if found is None:
                return False
            self._queue(found.message, 0, time.monotonic())
            return True

    def deliver_again(self, message: Message) -> None:
        """Deliver a message from count 1, whether it is among the dead letters or was before this life."""
        with self._changed:
            self._dead.pop(message.event_id, None)
            self._queue(message, 0, time.monotonic())

    def _queue(self, message: Message, count: int, ready_at: float) -> None:
        heapq.heappush(self._waiting, _Waiting(ready_at, next(self._order), message, count))
        self._changed.notify()

    def _hold(self, waiting: _Waiting, moment: float) -> tuple[int, Delivery]:
        token = next(self._order)
        held = Held(waiting.message, waiting.count + 1, moment + self.subscription.ack_wait_s)
        self._holdings[token] = held
        self._changed.notify()  # somebody who waits must wake at the new deadline
        return token, Delivery(held.message, held.count, lambda: self._extend(token))

    def _extend(self, token: int) -> None:
        with self._changed:
            self._reclaim()
            held = self._holdings.get(token)
            if held is not None:
                held.deadline = time.monotonic() + self.subscription.ack_wait_s

    def _reclaim(self) -> None:
        moment = time.monotonic()
        for token in [token for token, held in self._holdings.items() if held.deadline <= moment]:
            self._again(self._holdings.pop(token), f"no answer within {self.subscription.ack_wait_s} s", 0.0)

    def _again(self, held: Held, error: str, pause_s: float) -> None:
        if held.count < self.subscription.max_deliver:
            self._queue(held.message, held.count, time.monotonic() + pause_s)
        else:
            self._bury(held, error)

    def _bury(self, held: Held, error: str) -> None:
        letter = DeadLetter(self.subscription.durable, held.message, error, held.count, time.time())
        self._dead[held.message.event_id] = letter
        while len(self._dead) > self._max_waiting:
            self._dead.popitem(last=False)

    def _backoff(self, count: int) -> float:
        steps = self.subscription.backoff_s
        return steps[min(count, len(steps)) - 1] if steps else 0.0

    def _pause(self, moment: float) -> float | None:
        moments = [held.deadline for held in self._holdings.values()]
        if self._waiting:
            moments.append(self._waiting[0].ready_at)
        return max(0.0, min(moments) - moment) if moments else None


def matches(pattern: str, subject: str) -> bool:
    """Whether a subject is the pattern, or below one that ends in '>'."""
    if pattern == ">":
        return True
    if pattern.endswith(".>"):
        below = pattern[:-1]
        return subject.startswith(below) and len(subject) > len(below)
    return pattern == subject
