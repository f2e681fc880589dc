"""The bus on NATS JetStream: events outlive processes, and any number of them share the work."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from nats.js.errors import NotFoundError

from dock_bus.checks import check_agreement, check_subscription
from dock_bus.connection import Connection, Session
from dock_bus.letterbox import LetterBox
from dock_bus.member import Handler, Member, OnDelivery, nobody_counts
from dock_bus.port import DeadLetter, Delivery, Message, Subscription
from dock_bus.publishing import Publisher
from dock_bus.pulled import Held, PulledDurable
from dock_bus.settings import BusSettings
from dock_bus.streams import consumer_config
from dock_bus.wire import Wire, decode
from learndock.errors import DockError, NotFound, Unavailable

_log = logging.getLogger(__name__)


@dataclass(eq=False)
class _Attached:
    subscription: Subscription
    member: Member[Held]


class NatsBus:
    """EventBus over JetStream. It waits for a server that is not there, and makes streams and consumers itself.

    A persistent durable has everything that is kept, from before its first subscription too; one with `inactive_s`
    begins with what comes. A durable's members are in any number of processes. What was given up lies in a stream of
    its own: put there by whoever failed last, or, where that one was silent or died, by whoever reads the server's
    notes of deliveries used up, which it keeps itself, also while no dock runs.
    """

    def __init__(self, connection: Connection, on_delivery: OnDelivery = nobody_counts) -> None:
        self._on_delivery = on_delivery
        self._connection = connection
        self._wire = connection.wire
        self._letters = LetterBox(connection.wire)
        self._publisher = Publisher(connection)
        self._lock = threading.Lock()
        self._attached: list[_Attached] = []
        self._undertaker: Member[Held] | None = None
        self._closed = False

    @classmethod
    def connect(
        cls,
        url: str,
        settings: BusSettings | None = None,
        *,
        name: str = "",
        on_delivery: OnDelivery = nobody_counts,
    ) -> NatsBus:
        """A bus at nats://host:port, or several with commas between; `name` is shown in the server's monitoring.

        Where no server answers soon, it is waited for in the background. InvalidInput BUS_URL_INVALID,
        BUS_TLS_INVALID, BUS_CREDENTIALS_INVALID; FailedPrecondition BUS_NOT_DURABLE where that is asked for.
        """
        chosen = settings or BusSettings()
        connection = Connection(url, chosen, Wire(chosen.prefix), name=name)
        connection.start()
        return cls(connection, on_delivery)

    def publish(self, message: Message) -> None:
        """Return when the server has stored the message. Unavailable BUS_DOWN or BUS_FULL within the time limit."""
        [error] = self.publish_all([message])
        if error is not None:
            raise error

    def publish_all(self, messages: Sequence[Message]) -> Sequence[DockError | None]:
        """Publish several, a bounded number unconfirmed at a time; what became of each, within the time limit."""
        if self._closed:
            return [Connection.is_closed_error()] * len(messages)
        return self._publisher.publish_all(messages)

    def subscribe(self, subscription: Subscription, handler: Handler) -> Callable[[], None]:
        """Start consuming, as soon as the server is there; the returned function stops this member.

        FailedPrecondition DURABLE_CONFLICT where members in this process subscribed to something else; of other
        processes' members, as of an older release, the newest subscription wins.
        """
        check_subscription(subscription)
        with self._lock:
            self._check_open()
            for each in self._attached:
                if each.subscription.durable == subscription.durable:
                    check_agreement(each.subscription, subscription)
            attached = _Attached(subscription, self._member(subscription, handler))
            self._attached.append(attached)
            self._start_undertaker()
        self._prepare(subscription)
        attached.member.start()
        return lambda: self._leave(attached)

    def dead_letters(self) -> Sequence[DeadLetter]:
        """What was given up and not retried since, the oldest first."""
        self._check_open()
        return self._connection.wait(self._connection.attempt(self._letters.all))

    def dead_letter_counts(self) -> Mapping[str, int]:
        """How many letters of each durable there are; none is read for it."""
        self._check_open()
        return self._connection.wait(self._connection.attempt(self._letters.counts))

    def retry_dead_letter(self, durable: str, event_id: str) -> None:
        """Deliver a dead letter again, to this durable alone and from count 1. NotFound (DEAD_LETTER_NOT_FOUND)."""
        self._check_open()
        found = self._connection.wait(
            self._connection.attempt(lambda session: self._letters.deliver_again(session, durable, event_id))
        )
        if found is None:
            raise NotFound(
                f"{durable} has no dead letter {event_id}.",
                reason="DEAD_LETTER_NOT_FOUND",
                hint="Look which there are; it may have been retried already.",
            )

    def close(self) -> None:
        """Stop every consumer, wait for handlers, and disconnect. Publishing is refused from now on."""
        with self._lock:
            self._closed = True
            attached, undertaker = list(self._attached), self._undertaker
        members = [each.member for each in attached] + ([undertaker] if undertaker else [])
        for member in members:
            member.ask_to_stop()
        for member in members:
            member.stop()
        self._connection.close()

    def _member(self, subscription: Subscription, handler: Handler) -> Member[Held]:
        async def bury(session: Session, held: Held, error: str) -> None:
            letter = DeadLetter(subscription.durable, held.message, error, held.count, time.time())
            await self._letters.put(session, letter, held.sequence)

        config = consumer_config(self._wire, subscription)
        source = PulledDurable(self._connection, self._wire.events, config, subscription, bury)
        return Member(source, subscription, handler, self._on_delivery)

    def _prepare(self, subscription: Subscription) -> None:
        """Have the consumer before this returns where the server is there: it must not miss what is published next."""
        config = consumer_config(self._wire, subscription)
        if not self._connection.is_up:
            _log.warning("%s waits for the bus", subscription.durable)
            return
        try:
            self._connection.wait(
                self._connection.attempt(lambda session: self._connection.ensure(session, self._wire.events, config))
            )
        except Unavailable as error:
            _log.warning("%s waits: %s", subscription.durable, error.message)

    def _leave(self, attached: _Attached) -> None:
        attached.member.stop()
        with self._lock:
            if attached in self._attached:
                self._attached.remove(attached)

    def _start_undertaker(self) -> None:
        """Begin to read the server's notes; every bus that consumes shares this work."""
        if self._undertaker is not None:
            return
        notes = Subscription("undertaker", ["dock.>"], max_deliver=1_000_000, backoff_s=(1.0, 5.0, 30.0))
        config = consumer_config(self._wire, notes).evolve(filter_subjects=[self._wire.advisory_subject])

        async def never(_session: Session, _held: Held, _error: str) -> None:
            """There is no last delivery of a note."""

        source = PulledDurable(self._connection, self._wire.advisories, config, notes, never)
        self._undertaker = Member(source, notes, self._on_note)
        self._undertaker.start()

    def _on_note(self, delivery: Delivery) -> None:
        note = json.loads(delivery.message.data)
        durable, sequence, count = decode(note["consumer"]), int(note["stream_seq"]), int(note["deliveries"])

        async def bury(session: Session) -> bool:
            try:
                raw = await session.js.get_msg(self._wire.events, sequence)
            except NotFoundError:
                return False  # wiped, or too old
            message = self._wire.message(raw.subject or "", raw.headers, raw.data or b"", sequence)
            error = f"no answer in time at the last of {count} deliveries"
            letter = DeadLetter(durable, message, error, count, time.time())
            return await self._letters.put_unless_known(session, letter, sequence)

        if self._connection.wait(self._connection.attempt(bury)):
            _log.warning("%s gave event %d of %s up without an answer", durable, sequence, self._wire.events)

    def _check_open(self) -> None:
        if self._closed:
            raise Connection.is_closed_error()


def is_nats(url: str) -> bool:
    """Whether a bus's URL is for this adapter."""
    return urlsplit(url.split(",", maxsplit=1)[0].strip()).scheme in ("nats", "tls", "ws", "wss")
