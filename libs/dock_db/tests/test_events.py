"""What services take for an event, and what ends among the dead letters."""

from __future__ import annotations

import pytest

from dock_bus import Delivery, Message, UnreadableError
from dock_db.events import MAX_EVENT_BYTES, heard, read_event
from dock_db.outbox import Outbox
from dock_db.tests.making import insert
from dockapi.events.v1 import events_pb2

WHOLE = events_pb2.LearnwareEvent(event_id="e", tenant="default", learnware_id="00000001", version=1)


def test_an_event_of_the_outbox_wakes(database):
    with database.transaction() as session:
        row = insert(session)
        [told] = Outbox().pending(session)
    woken: list[bool] = []
    heard(lambda: woken.append(True))(Delivery(Message(told.subject, told.event_id, told.payload), 1, lambda: None))
    assert woken == [True]
    assert read_event(told.payload).learnware_id == row.learnware_id


def test_an_event_of_a_later_release_is_one():
    later = WHOLE.SerializeToString() + b"\x28\xe7\x07\xfa\x3f\x05later"  # state 999, and a field 1023
    assert read_event(later).learnware_id == "00000001"


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\xff\xfe junk", b'{"schema_version": 99}', b"[" * 10_000, b"x" * 900_000,
        events_pb2.LearnwareEvent(event_id="e", version=1).SerializeToString(),
        events_pb2.LearnwareEvent(event_id="e", learnware_id="a").SerializeToString(),
        WHOLE.SerializeToString() + b"\xfa\x3f\x80\x80\x04" + bytes(MAX_EVENT_BYTES),
    ],
)  # fmt: skip
def test_anything_else_wakes_nobody(data):
    woken: list[bool] = []
    with pytest.raises(UnreadableError):
        heard(lambda: woken.append(True))(Delivery(Message("dock.learnware.received", "e", data), 1, lambda: None))
    assert woken == []
