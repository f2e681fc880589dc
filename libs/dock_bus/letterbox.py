"""Dead letters on NATS: a stream with the newest letter of each durable and event."""

from __future__ import annotations

import logging
from collections import Counter

from nats.js.api import RawStreamMsg
from nats.js.errors import APIError, NotFoundError

from dock_bus.connection import Session
from dock_bus.port import DeadLetter, Message
from dock_bus.wire import Wire

_log = logging.getLogger(__name__)


class LetterBox:
    """Puts, reads and takes dead letters; its coroutines run on the connection's loop and raise nats-py's errors."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def put(self, session: Session, letter: DeadLetter, sequence: int) -> None:
        """Keep a letter in the place of an older one; `sequence` is the event's in its stream."""
        subject = self._wire.letter_subject(letter.durable, letter.message.event_id)
        headers = self._wire.letter_headers(letter, sequence)
        await session.js.publish(subject, letter.message.data, headers=headers)

    async def put_unless_known(self, session: Session, letter: DeadLetter, sequence: int) -> bool:
        """As `put`, where there is no letter of this very event in its stream: that one knows more."""
        found = await self._raw(session, letter.durable, letter.message.event_id)
        if found is not None and (found.headers or {}).get("Dock-Sequence") == str(sequence):
            return False
        await self.put(session, letter, sequence)
        return True

    async def all(self, session: Session) -> list[DeadLetter]:
        """Every letter, the oldest first."""
        found: list[DeadLetter] = []
        sequence, pattern = 1, self._wire.subject("dock_dead.>")
        while True:
            try:
                raw = await session.js.get_msg(self._wire.letters, sequence, pattern, next=True)
            except NotFoundError:
                return found
            sequence = int(raw.seq or 0) + 1
            try:
                found.append(self._wire.letter(raw.headers, raw.data or b""))
            except ValueError:
                _log.warning("%s holds something that is no dead letter, at %s", self._wire.letters, raw.seq)

    async def counts(self, session: Session) -> dict[str, int]:
        """How many letters each durable has."""
        info = await session.js.stream_info(self._wire.letters, subjects_filter=self._wire.subject("dock_dead.>"))
        found: Counter[str] = Counter()
        for subject, count in (info.state.subjects or {}).items():
            found[self._wire.durable_of(subject)] += count
        return dict(found)

    async def deliver_again(self, session: Session, durable: str, event_id: str) -> Message | None:
        """Send a letter's message to its durable anew and take the letter away; None where there is none.

        Doing it twice, as after a crash between the two, sends it once within the server's window for duplicates.
        """
        raw = await self._raw(session, durable, event_id)
        if raw is None:
            return None
        message = self._wire.letter(raw.headers, raw.data or b"").message
        once = {"Nats-Msg-Id": f"retry-{raw.subject}-{raw.seq}"}
        headers = self._wire.retry_headers(message) | once
        await session.js.publish(self._wire.retry_subject(durable), message.data, headers=headers)
        try:
            await session.js.delete_msg(self._wire.letters, int(raw.seq or 0))
        except APIError as error:  # somebody else has taken it, or a newer letter stands in its place
            _log.debug("the letter %s was gone: %s", raw.subject, error)
        return message

    async def _raw(self, session: Session, durable: str, event_id: str) -> RawStreamMsg | None:
        try:
            return await session.js.get_last_msg(self._wire.letters, self._wire.letter_subject(durable, event_id))
        except NotFoundError:
            return None
