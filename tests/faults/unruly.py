"""A bus as bad as a bus may be: it delivers everything several times, out of order, late, or long after all is over."""

from __future__ import annotations

import heapq
import itertools
import random
import threading
import time
from collections.abc import Callable, Sequence

from dock_bus import DeadLetter, Delivery, EventBus, Message, Subscription
from dock_bus.checks import check_message
from dock_db.tests.buses import OneByOne
from learndock.errors import DockError, Unavailable

_AGAIN_S = 0.05


class UnrulyBus(OneByOne):
    """An EventBus before another one, which must take an event id as often as it comes.

    Each event is published `copies` times, each copy at a moment of its own within `window_s`, drawn from `seed`. With
    `hold`, nothing is published before `let_go`. With one copy, no window and no hold it changes nothing.
    """

    def __init__(
        self, inner: EventBus, *, copies: int = 1, window_s: float = 0.0, seed: int = 0, hold: bool = False
    ) -> None:
        self._inner = inner
        self._copies = copies
        self._window_s = window_s
        self._random = random.Random(seed)
        self._numbers = itertools.count()
        self._waiting: list[tuple[float, int, Message]] = []
        self._changed = threading.Condition()
        self._holding = hold
        self._closed = False
        self._delivering = False
        self.taken = 0
        """Events that were published to it."""
        self.delivered = 0
        """Copies that went on."""
        self.swaps = 0
        """Copies that went on before one that had been there earlier."""
        self._latest = -1
        self._thread = threading.Thread(target=self._run, name="unruly-bus", daemon=True)
        self._thread.start()

    def publish(self, message: Message) -> None:
        """Take a message, and hand copies on later."""
        check_message(message)
        with self._changed:
            if self._closed:
                raise Unavailable("The bus is closed.", reason="BUS_DOWN")
            self.taken += 1
            if self._copies > 1 or self._window_s or self._holding:
                for _ in range(self._copies):
                    moment = time.monotonic() + self._random.uniform(0.0, self._window_s)
                    heapq.heappush(self._waiting, (moment, next(self._numbers), message))
                self._changed.notify_all()
                return
        self._inner.publish(message)

    def let_go(self) -> None:
        """Publish what was held, and from now on everything when its moment comes."""
        with self._changed:
            self._holding = False
            self._changed.notify_all()

    def wait_until_empty(self, seconds: float = 60.0) -> None:
        """Return when every copy has gone on."""
        with self._changed:
            assert self._changed.wait_for(lambda: not self._waiting and not self._delivering, seconds)

    def subscribe(self, subscription: Subscription, handler: Callable[[Delivery], None]) -> Callable[[], None]:
        """Consume, from the bus behind."""
        return self._inner.subscribe(subscription, handler)

    def dead_letters(self) -> Sequence[DeadLetter]:
        """What was given up."""
        return self._inner.dead_letters()

    def retry_dead_letter(self, durable: str, event_id: str) -> None:
        """Deliver it again."""
        self._inner.retry_dead_letter(durable, event_id)

    def close(self) -> None:
        """Forget what waits and close the bus behind."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()
        self._inner.close()

    def _run(self) -> None:
        while (copy := self._next()) is not None:
            self._hand_on(*copy)
            with self._changed:
                self._delivering = False
                self._changed.notify_all()

    def _next(self) -> tuple[int, Message] | None:
        with self._changed:
            while not self._closed:
                if self._holding or not self._waiting:
                    self._changed.wait()
                elif (left := self._waiting[0][0] - time.monotonic()) > 0:
                    self._changed.wait(left)
                else:
                    _, number, message = heapq.heappop(self._waiting)
                    self._delivering = True
                    return number, message
        return None

    def _hand_on(self, number: int, message: Message) -> None:
        while not self._closed:
            try:
                self._inner.publish(message)
            except DockError:  # it is full, and takes it later
                time.sleep(_AGAIN_S)
                continue
            self.delivered += 1
            self.swaps += number < self._latest
            self._latest = max(self._latest, number)
            return
