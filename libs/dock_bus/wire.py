"""Names, subjects and headers: how messages and dead letters look on NATS."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dock_bus.checks import is_event_id, is_header, is_subject
from dock_bus.durable import matches
from dock_bus.port import DeadLetter, Message

_EVENT_ID = "Nats-Msg-Id"
_MOST_OF_AN_ERROR = 4096


@dataclass(frozen=True)
class Wire:
    """The names that one dock uses on a server; `prefix` keeps docks that share it apart."""

    prefix: str = ""

    @property
    def events(self) -> str:
        """The stream of events."""
        return self._stream("DOCK")

    @property
    def letters(self) -> str:
        """The stream of dead letters: the newest one for each durable and event."""
        return self._stream("DOCK_DEAD_LETTERS")

    @property
    def advisories(self) -> str:
        """The stream in which the server itself notes which deliveries it has given up."""
        return self._stream("DOCK_ADVISORIES")

    @property
    def probe(self) -> str:
        """A stream that is there for a moment, to see whether the server stores anything."""
        return self._stream("DOCK_PROBE")

    @property
    def probe_subject(self) -> str:
        """Where that stream's message goes."""
        return self.subject("dock_probe")

    @property
    def advisory_subject(self) -> str:
        """Where the server says that a consumer of the events has used up a message's deliveries."""
        return f"$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.{self.events}.>"

    def subject(self, subject: str) -> str:
        """A subject, or a pattern of them, on the server."""
        return f"{self.prefix}.{subject}" if self.prefix else subject

    def retry_subject(self, durable: str) -> str:
        """Where a dead letter goes that is delivered again, to one durable alone."""
        return self.subject(f"dock_retry.{encode(durable)}")

    def letter_subject(self, durable: str, event_id: str) -> str:
        """Where the dead letter of an event is kept."""
        return self.subject(f"dock_dead.{encode(durable)}.{encode(event_id)}")

    def durable_of(self, subject: str) -> str:
        """The durable that a dead letter's subject names."""
        return decode(subject.rsplit(".", 2)[-2])

    def filters(self, durable: str, patterns: Sequence[str]) -> list[str]:
        """What a durable's consumer selects; none of them overlap."""
        whole = ["dock.>" if pattern == ">" else pattern for pattern in dict.fromkeys(patterns)]
        kept = [each for each in whole if not any(other != each and matches(other, each) for other in whole)]
        return [*(self.subject(each) for each in kept), self.retry_subject(durable)]

    def headers(self, message: Message) -> dict[str, str]:
        """A message's headers as they are published."""
        return {**message.headers, _EVENT_ID: message.event_id}

    def message(self, subject: str, headers: Mapping[str, str] | None, data: bytes, sequence: int) -> Message:
        """A message as its handler sees it. Of one that somebody else published, what cannot travel is left out."""
        given: dict[str, object] = dict(headers or {})
        plain = subject[len(self.prefix) + 1 :] if self.prefix else subject
        named = given.get("Dock-Event-Id", given.get(_EVENT_ID))
        event_id = str(named) if is_event_id(named) else f"{self.events}-{sequence}"
        told = given.get("Dock-Subject")
        own = {key: str(value) for key, value in given.items() if is_header(key, value)}
        return Message(str(told) if is_subject(told) else plain, event_id, data, own)

    def letter_headers(self, letter: DeadLetter, sequence: int) -> dict[str, str]:
        """A dead letter's headers; `sequence` is the event's in its stream."""
        return {
            **self.retry_headers(letter.message),
            "Dock-Durable": encode(letter.durable),
            "Dock-Error": json.dumps(letter.error[:_MOST_OF_AN_ERROR])[: 2 * _MOST_OF_AN_ERROR],
            "Dock-Count": str(letter.count),
            "Dock-At": repr(letter.at),
            "Dock-Sequence": str(sequence),
        }

    def retry_headers(self, message: Message) -> dict[str, str]:
        """Headers of a message that does not go by its own subject."""
        return {**message.headers, "Dock-Event-Id": message.event_id, "Dock-Subject": message.subject}

    def letter(self, headers: Mapping[str, str] | None, data: bytes) -> DeadLetter:
        """The dead letter that was stored with `letter_headers`. ValueError for anything else."""
        given = dict(headers or {})
        try:
            said = json.loads(given["Dock-Error"])
        except ValueError:
            said = given["Dock-Error"]
        except KeyError:
            raise ValueError("not a dead letter") from None
        message = self.message("", given, data, 0)
        return DeadLetter(
            decode(given["Dock-Durable"]), message, str(said), int(given["Dock-Count"]), float(given["Dock-At"])
        )

    def _stream(self, name: str) -> str:
        return f"{name}_{self.prefix}" if self.prefix else name


def encode(text: str) -> str:
    """A name as one token of a subject and as a consumer's name."""
    return re.sub(rb"[^A-Za-z0-9_-]", lambda found: b"=%02X" % found.group()[0], text.encode()).decode()


def decode(token: str) -> str:
    """The name that was encoded."""
    return re.sub(rb"=([0-9A-F]{2})", lambda found: bytes.fromhex(found.group(1).decode()), token.encode()).decode()
