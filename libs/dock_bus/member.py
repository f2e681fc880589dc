"""One subscriber of a durable: its threads, and what a handler's end means."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from dock_bus.port import Delivery, Subscription, UnreadableError
from dock_failpoint import failpoint

_log = logging.getLogger(__name__)
Handler = Callable[[Delivery], None]
OnDelivery = Callable[[str, str], None]
"""Called with the durable and how a delivery ended: done, dup, fenced, retry or dlq."""
T = TypeVar("T")


class Source(Protocol[T]):
    """Where a member takes deliveries from; each has a token by which it is answered. Any thread may call."""

    def take(self, stopped: Callable[[], bool]) -> tuple[T, Delivery] | None:
        """Wait for the next delivery; None once `stopped`."""
        ...

    def ack(self, token: T) -> bool:
        """The handler is done. False where the answer does not count, and the message comes again."""
        ...

    def nak(self, token: T, error: str) -> None:
        """The handler failed: the message comes again after its backoff, or is given up."""
        ...

    def give_up(self, token: T, error: str) -> None:
        """No later delivery would end better: the message goes to the dead letters."""
        ...

    def wake(self) -> None:
        """Let waiting threads look whether they are to stop."""
        ...


def nobody_counts(_durable: str, _outcome: str) -> None:
    """For members whose deliveries are no figures of the dock."""


class Member(Generic[T]):
    """As many threads as may have handlers running; each takes, handles and answers one message at a time."""

    def __init__(
        self,
        source: Source[T],
        subscription: Subscription,
        handler: Handler,
        on_delivery: OnDelivery = nobody_counts,
    ) -> None:
        self._on_delivery = on_delivery
        self._durable = subscription.durable
        self._last = subscription.max_deliver
        self._source = source
        self._handler = handler
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, name=f"bus-{subscription.durable}-{number}", daemon=True)
            for number in range(subscription.max_in_flight)
        ]

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def ask_to_stop(self) -> None:
        """Take nothing more."""
        self._stopping.set()
        self._source.wake()

    def stop(self) -> None:
        """Take nothing more, and wait for running handlers; a handler may call this and does not wait for itself."""
        self.ask_to_stop()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join()

    def _run(self) -> None:
        while True:
            try:
                taken = self._source.take(self._stopping.is_set)
                if taken is None:
                    return
                self._handle(*taken)
            except Exception:  # noqa: BLE001 - the thread must live on; what it held comes again
                _log.exception("a member of %s failed; it goes on", self._durable)
                self._stopping.wait(1.0)

    def _handle(self, token: T, delivery: Delivery) -> None:
        try:
            self._handler(delivery)
            failpoint("bus.ack.before")
        except UnreadableError as error:
            _log.warning("%s gave up what nobody can read, at delivery %d: %s", self._durable, delivery.count, error)
            self._source.give_up(token, f"unreadable: {error}")
            self._on_delivery(self._durable, "dlq")
        except Exception as error:  # noqa: BLE001 - whatever else a handler raises is a nak
            what = f"{type(error).__name__}: {error}"
            _log.warning("%s failed at delivery %d: %s", self._durable, delivery.count, what)
            self._source.nak(token, what)
            self._on_delivery(self._durable, "dlq" if delivery.count >= self._last else "retry")
        else:
            counted = self._source.ack(token)
            if not counted:
                _log.warning("%s answered in vain: the message comes again", self._durable)
            self._on_delivery(self._durable, "fenced" if not counted else "done" if delivery.count == 1 else "dup")
            failpoint("bus.ack.after")
