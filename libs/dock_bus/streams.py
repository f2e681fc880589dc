"""The streams and consumers on the server: made where they are missing, brought in line where they are not."""

from __future__ import annotations

import asyncio
import logging

from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)
from nats.js.errors import BadRequestError, NotFoundError, ServerError

from dock_bus.checks import MAX_MESSAGE_BYTES
from dock_bus.port import Subscription
from dock_bus.settings import BusSettings
from dock_bus.wire import Wire, encode

_log = logging.getLogger(__name__)
_DUPLICATES_S = 120.0
_MAX_ACK_PENDING = 10_000
_NAMES_BYTES = 4096
_STORE_BUSY = 10049
"""JetStream's code while it still takes away the files of a stream of that name that was deleted."""
_TRIES, _PAUSE_S = 5, 0.1


def stream_configs(wire: Wire, settings: BusSettings) -> list[StreamConfig]:
    """The streams of a dock: events, dead letters, and the server's notes of what it gave up."""
    events = StreamConfig(
        name=wire.events,
        description="Events of a dock",
        subjects=[wire.subject("dock.>"), wire.subject("dock_retry.>")],
        retention=RetentionPolicy.LIMITS,
        discard=DiscardPolicy.OLD,
        storage=StorageType.FILE,
        max_age=settings.max_age_s,
        max_bytes=settings.max_bytes,
        max_msg_size=MAX_MESSAGE_BYTES + _NAMES_BYTES,  # a dead letter of it still fits into NATS's 1 MiB
        duplicate_window=_DUPLICATES_S,
        num_replicas=settings.replicas,
    )
    letters = events.evolve(
        name=wire.letters,
        description="Events that a dock gave up",
        subjects=[wire.subject("dock_dead.>")],
        max_age=10 * settings.max_age_s,
        max_msgs_per_subject=1,
        max_msg_size=-1,
    )
    advisories = events.evolve(
        name=wire.advisories,
        description="Deliveries that the server has given up, until a dock has read of them",
        subjects=[wire.advisory_subject],
        retention=RetentionPolicy.WORK_QUEUE,
        max_bytes=min(settings.max_bytes, 16 << 20),
    )
    return [events, letters, advisories]


async def ensure_streams(js: JetStreamContext, configs: list[StreamConfig]) -> None:
    """Make what is missing, change what is otherwise."""
    for config in configs:
        try:
            await _add(js, config)
        except BadRequestError as error:
            if error.err_code != 10058:  # it is there, configured in another way
                raise
            await js.update_stream(config)
            _log.info("the stream %s was brought in line with the settings", config.name)


async def _add(js: JetStreamContext, config: StreamConfig) -> None:
    for _ in range(_TRIES - 1):
        try:
            await js.add_stream(config)
        except ServerError as error:
            if error.err_code != _STORE_BUSY:
                raise
            await asyncio.sleep(_PAUSE_S)
        else:
            return
    await js.add_stream(config)


def consumer_config(wire: Wire, subscription: Subscription) -> ConsumerConfig:
    """The consumer of a durable."""
    name = encode(subscription.durable)
    return ConsumerConfig(
        name=name,
        durable_name=name,
        deliver_policy=DeliverPolicy.NEW if subscription.inactive_s else DeliverPolicy.ALL,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=subscription.ack_wait_s,
        max_deliver=subscription.max_deliver,
        filter_subjects=wire.filters(subscription.durable, subscription.subjects),
        max_ack_pending=_MAX_ACK_PENDING,
        inactive_threshold=subscription.inactive_s or None,
    )


async def ensure_consumer(js: JetStreamContext, stream: str, config: ConsumerConfig) -> bool:
    """Make it where it is missing, or change what may be changed; True where it was made."""
    name = str(config.durable_name)
    try:
        present = (await js.consumer_info(stream, name)).config
    except NotFoundError:
        await js.add_consumer(stream, config)
        return True
    kept = config.evolve(deliver_policy=present.deliver_policy, opt_start_seq=present.opt_start_seq)
    await js.add_consumer(stream, kept)
    return False
