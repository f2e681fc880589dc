"""The bus inside one process: threads and memory, with JetStream's manners."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence

from dock_bus.checks import check_agreement, check_message, check_subscription
from dock_bus.durable import Durable
from dock_bus.member import Handler, Member, OnDelivery, nobody_counts
from dock_bus.port import DeadLetter, Message, Subscription
from learndock.errors import DockError, NotFound, Unavailable

_log = logging.getLogger(__name__)
_MAX_REMEMBERED = 100_000


class InProcessBus:
    """EventBus in memory: it forgets everything with the process, and the outbox and reconciler make up for that.

    A durable name receives from its first subscription on, also while no member is attached; then the oldest
    messages make room beyond `max_waiting`. With members, a full durable refuses publishing: Unavailable BUS_FULL.
    An event id seen within `window_s` is taken and not delivered again.
    """

    def __init__(
        self, *, window_s: float = 120.0, max_waiting: int = 10_000, on_delivery: OnDelivery = nobody_counts
    ) -> None:
        self._on_delivery = on_delivery
        self._window_s = window_s
        self._max_waiting = max_waiting
        self._lock = threading.Lock()
        self._durables: dict[str, Durable] = {}
        self._members: list[tuple[Durable, Member[int]]] = []
        self._seen: OrderedDict[str, float] = OrderedDict()
        self._closed = False

    def publish(self, message: Message) -> None:
        """Hand a message to every durable that wants it, or to none: Unavailable BUS_FULL or BUS_DOWN."""
        check_message(message)
        with self._lock:
            self._check_open()
            self._forget_abandoned()
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

    def publish_all(self, messages: Sequence[Message]) -> Sequence[DockError | None]:
        """Publish several in their order; what became of each. After one that was refused none is taken."""
        outcomes: list[DockError | None] = []
        refused: DockError | None = None
        for message in messages:
            outcomes.append(refused or self._outcome(message))
            if isinstance(outcomes[-1], Unavailable):
                refused = outcomes[-1]
        return outcomes

    def subscribe(self, subscription: Subscription, handler: Handler) -> Callable[[], None]:
        """Start consuming; the returned function stops this member, waiting for its running handlers.

        FailedPrecondition DURABLE_CONFLICT where other members of the durable subscribed to something else.
        """
        check_subscription(subscription)
        with self._lock:
            self._check_open()
            self._forget_abandoned()
            durable = self._join(subscription)
            member = Member(durable, subscription, handler, self._on_delivery)
            self._members.append((durable, member))
            member.start()
        return lambda: self._leave(durable, member)

    def dead_letters(self) -> Sequence[DeadLetter]:
        """What was given up and not retried since, the oldest first."""
        with self._lock:
            durables = list(self._durables.values())
        return sorted((letter for durable in durables for letter in durable.dead_letters()), key=lambda each: each.at)

    def retry_dead_letter(self, durable: str, event_id: str) -> None:
        """Deliver a dead letter again, to this durable alone and from count 1. NotFound (DEAD_LETTER_NOT_FOUND)."""
        with self._lock:
            self._check_open()
            found = self._durables.get(durable)
        if found is None or not found.revive(event_id):
            raise NotFound(
                f"{durable} has no dead letter {event_id}.",
                reason="DEAD_LETTER_NOT_FOUND",
                hint="Look which there are; it may have been retried already.",
            )

    def deliver_again(self, letter: DeadLetter) -> bool:
        """Deliver a letter that was kept elsewhere, perhaps of an earlier life; False where nobody has its durable."""
        with self._lock:
            self._check_open()
            found = self._durables.get(letter.durable)
        if found is None:
            return False
        found.deliver_again(letter.message)
        return True

    def close(self) -> None:
        """Stop every consumer and wait for handlers. Publishing is refused from now on."""
        with self._lock:
            self._closed = True
            members = list(self._members)
        for _, member in members:
            member.ask_to_stop()
        for durable, member in members:
            self._leave(durable, member)

    def _outcome(self, message: Message) -> DockError | None:
        try:
            self.publish(message)
        except DockError as error:
            return error
        return None

    def _join(self, subscription: Subscription) -> Durable:
        durable = self._durables.get(subscription.durable)
        if durable is None:
            durable = Durable(subscription, max_waiting=self._max_waiting)
            self._durables[subscription.durable] = durable
        elif durable.members:
            check_agreement(durable.subscription, subscription)
        durable.subscription = subscription
        durable.members += 1
        return durable

    def _leave(self, durable: Durable, member: Member[int]) -> None:
        member.stop()
        with self._lock:
            if (durable, member) in self._members:
                self._members.remove((durable, member))
                durable.members -= 1
                durable.left_at = time.monotonic()

    def _forget_abandoned(self) -> None:
        moment = time.monotonic()
        for name in [name for name, durable in self._durables.items() if durable.is_abandoned(moment)]:
            del self._durables[name]

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
