"""What every bus refuses before it takes it: a message that cannot travel, a subscription that cannot be served."""

from __future__ import annotations

import re
from dataclasses import replace

from dock_bus.port import Message, Subscription
from learndock.errors import FailedPrecondition, InvalidInput

MAX_MESSAGE_BYTES = (1 << 20) - (32 << 10)
"""Data, headers and names of a message. NATS carries 1 MiB; the rest is for what a dead letter says besides."""
_SUBJECT = re.compile(r"dock(\.[\x21-\x29\x2b-\x2d\x2f-\x3d\x3f-\x7e]+)+")
_PATTERN = re.compile(r">|dock(\.[\x21-\x29\x2b-\x2d\x2f-\x3d\x3f-\x7e]+)*\.?>?")
_LONGEST_NAME = 256
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_VALUE = re.compile(r"(?! )[\x20-\x7e]*(?<! )")


def check_message(message: Message) -> None:
    """InvalidInput MESSAGE_INVALID or MESSAGE_TOO_LARGE."""
    wrong = (
        (not is_subject(message.subject) and "its subject")
        or (not is_event_id(message.event_id) and "its event id")
        or (any(not is_header(*header) for header in message.headers.items()) and "its headers")
    )
    if wrong:
        raise InvalidInput(
            f"A message cannot be published: {wrong} must be plain ASCII of one line, and not long.",
            reason="MESSAGE_INVALID",
            hint="Subjects are dock. and words with dots between them; headers Nats-… and Dock-… are the bus's own.",
        )
    headers = sum(len(key) + len(value) + 4 for key, value in message.headers.items())
    size = len(message.data) + headers + 2 * len(message.subject) + 2 * len(message.event_id)
    if size > MAX_MESSAGE_BYTES:
        raise InvalidInput(
            f"A message of {size} bytes is too large; {MAX_MESSAGE_BYTES} may be published.",
            reason="MESSAGE_TOO_LARGE",
            hint="Events carry ids and digests; put the content into the blob store.",
        )


def check_subscription(subscription: Subscription) -> None:
    """InvalidInput SUBSCRIPTION_INVALID."""
    fine = subscription.durable and subscription.subjects and subscription.max_deliver > 0
    fine = fine and all(_PATTERN.fullmatch(subject) for subject in subscription.subjects)
    if not fine or subscription.max_in_flight < 1 or subscription.ack_wait_s <= 0 or subscription.inactive_s < 0:
        raise InvalidInput(
            f"The subscription {subscription} cannot be served.",
            reason="SUBSCRIPTION_INVALID",
            hint="It needs a durable name, subjects, and positive numbers.",
        )


def check_agreement(present: Subscription, wanted: Subscription) -> None:
    """Members of one durable share their subscription. FailedPrecondition DURABLE_CONFLICT."""
    if _shared(present) != _shared(wanted):
        raise FailedPrecondition(
            f"Members of {wanted.durable} subscribed in another way.",
            reason="DURABLE_CONFLICT",
            hint="Members of one durable share their subscription; take another name for another one.",
        )


def _shared(subscription: Subscription) -> Subscription:
    return replace(
        subscription, subjects=tuple(subscription.subjects), backoff_s=tuple(subscription.backoff_s), max_in_flight=1
    )


def is_subject(text: object) -> bool:
    """Whether a message may be published under it."""
    return isinstance(text, str) and len(text) <= _LONGEST_NAME and bool(_SUBJECT.fullmatch(text))


def is_event_id(text: object) -> bool:
    """Whether it may name an event."""
    return isinstance(text, str) and 0 < len(text) <= _LONGEST_NAME and bool(_VALUE.fullmatch(text))


def is_header(key: str, value: object) -> bool:
    """Whether a message may have this header."""
    own = key.lower().startswith(("nats-", "dock-"))
    return not own and bool(_KEY.fullmatch(key)) and isinstance(value, str) and bool(_VALUE.fullmatch(value))
