"""The bus inside one process: threads and memory, with JetStream's manners."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace

from dock_bus.durable import Durable
from dock_bus.port import Delivery, Message, Subscription
from dock_failpoint import failpoint
from learndock.errors import FailedPrecondition, InvalidInput, NotFound, Unavailable

_log = logging.getLogger(__name__)
_MAX_REMEMBERED = 100_000
Handler = Callable[[Delivery], None]


class InProcessBus:
    """EventBus in memory: it forgets everything with the process, and the outbox and reconciler make up for that.

    A durable name receives from its first subscription on, also while no member is attached; then the oldest
    messages make room beyond `max_waiting`. With members, a full durable refuses publishing: Unavailable BUS_FULL.
    An event id seen within `window_s` is taken and not delivered again.
    """

    def __init__(self, *, window_s: float = 120.0, max_waiting: int = 10_000) -> None:
        self._window_s = window_s
        self._max_waiting = max_waiting
        self._lock = threading.Lock()
        self._durables: dict[str, Durable] = {}
        self._members: list[_Member] = []
        self._seen: OrderedDict[str, float] = OrderedDict()
        self._closed = False

    def publish(self, message: Message) -> None:
        """Hand a message to every durable that wants it, or to none: Unavailable BUS_FULL or BUS_DOWN."""
        with self._lock:
            self._check_open()
            if self._is_known(message.event_id):
                return
            wanting = [durable for durable in self._durables.values() if durable.wants(message.subject)]
            if any(durable.is_full() for durable in wanting):
                raise Unavailable(
                    "A consumer of the bus is too far behind.",
                    reason="BUS_FULL",
                    hint="Try again later.",
                    retry_after_s=1.0,
                )
            for durable in wanting:
                self._add(durable, message)
            self._seen[message.event_id] = time.monotonic()

    def subscribe(self, subscription: Subscription, handler: Handler) -> Callable[[], None]:
        """Start consuming; the returned function stops this member, waiting for its running handlers.

        FailedPrecondition DURABLE_CONFLICT where other members of the durable subscribed to something else.
        """
        _check(subscription)
        with self._lock:
            self._check_open()
            member = _Member(self._join(subscription), subscription, handler)
            self._members.append(member)
            member.start()
        return lambda: self._leave(member)

    def dead_letters(self) -> Sequence[tuple[str, Message, str]]:
        """(durable, message, last error) of what was given up."""
        with self._lock:
            durables = list(self._durables.items())
        return [(name, *letter) for name, durable in durables for letter in durable.dead_letters()]

    def retry_dead_letter(self, durable: str, event_id: str) -> None:
        """Deliver a dead letter again from count 1. NotFound (DEAD_LETTER_NOT_FOUND)."""
        with self._lock:
            self._check_open()
            found = self._durables.get(durable)
        if found is None or not found.revive(event_id):
            raise NotFound(
                f"{durable} has no dead letter {event_id}.",
                reason="DEAD_LETTER_NOT_FOUND",
                hint="Look which there are; it may have been retried already.",
            )

    def close(self) -> None:
        """Stop every consumer and wait for handlers. Publishing is refused from now on."""
        with self._lock:
            self._closed = True
            members = list(self._members)
        for member in members:
            member.ask_to_stop()
        for member in members:
            self._leave(member)

    def _join(self, subscription: Subscription) -> Durable:
        durable = self._durables.get(subscription.durable)
        if durable is None:
            durable = Durable(subscription, max_waiting=self._max_waiting)
            self._durables[subscription.durable] = durable
        elif durable.members and _shared(durable.subscription) != _shared(subscription):
            raise FailedPrecondition(
                f"Members of {subscription.durable} subscribed in another way.",
                reason="DURABLE_CONFLICT",
                hint="Members of one durable share their subscription; take another name for another one.",
            )
        durable.subscription = subscription
        durable.members += 1
        return durable

    def _leave(self, member: _Member) -> None:
        member.stop()
        with self._lock:
            if member in self._members:
                self._members.remove(member)
                member.durable.members -= 1

    def _add(self, durable: Durable, message: Message) -> None:
        dropped = durable.add(message)
        if dropped is not None:
            _log.warning("%s has no member and forgot %s", durable.subscription.durable, dropped.event_id)

    def _is_known(self, event_id: str) -> bool:
        horizon = time.monotonic() - self._window_s
        while self._seen and (len(self._seen) > _MAX_REMEMBERED or next(iter(self._seen.values())) < horizon):
            self._seen.popitem(last=False)
        return event_id in self._seen

    def _check_open(self) -> None:
        if self._closed:
            raise Unavailable("The bus is closed.", reason="BUS_DOWN", hint="The dock is stopping; start it again.")


class _Member:
    """One subscriber: as many threads as it may have handlers running."""

    def __init__(self, durable: Durable, subscription: Subscription, handler: Handler) -> None:
        self.durable = durable
        self._handler = handler
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, name=f"bus-{subscription.durable}-{number}", daemon=True)
            for number in range(subscription.max_in_flight)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def ask_to_stop(self) -> None:
        self._stopping.set()
        self.durable.wake()

    def stop(self) -> None:
        self.ask_to_stop()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join()

    def _run(self) -> None:
        while True:
            taken = self.durable.take(self._stopping.is_set)
            if taken is None:
                return
            self._handle(*taken)

    def _handle(self, token: int, delivery: Delivery) -> None:
        try:
            self._handler(delivery)
            failpoint("bus.ack.before")
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is a nak
            what = f"{type(error).__name__}: {error}"
            _log.warning("%s failed at delivery %d: %s", self.durable.subscription.durable, delivery.count, what)
            self.durable.nak(token, what)
        else:
            if not self.durable.ack(token):
                _log.warning("%s answered too late: delivered again", self.durable.subscription.durable)
            failpoint("bus.ack.after")


def _shared(subscription: Subscription) -> Subscription:
    """The part that members of one durable must agree on."""
    return replace(
        subscription, subjects=tuple(subscription.subjects), backoff_s=tuple(subscription.backoff_s), max_in_flight=1
    )


def _check(subscription: Subscription) -> None:
    fine = subscription.durable and subscription.subjects and subscription.max_deliver > 0
    if not fine or subscription.max_in_flight < 1 or subscription.ack_wait_s <= 0:
        raise InvalidInput(
            f"The subscription {subscription} cannot be served.",
            reason="SUBSCRIPTION_INVALID",
            hint="It needs a durable name, subjects, and positive numbers.",
        )
