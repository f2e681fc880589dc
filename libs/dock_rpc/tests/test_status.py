from __future__ import annotations

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from dock_rpc.status import DETAILS_KEY, error_from_call, error_to_status
from learndock.errors import InvalidInput, Overloaded, Unavailable


class Call:
    """What a failed call is to its caller."""

    def __init__(self, code, details, trailers):
        self._given = code, details, trailers

    def code(self):
        return self._given[0]

    def details(self):
        return self._given[1]

    def trailing_metadata(self):
        return self._given[2]


ERROR = Overloaded("Too much.", reason="BUSY", hint="Wait.", details={"queue": 7}, retry_after_s=1.5)


def googles(error):
    ((_, value),) = error_to_status(error).trailing_metadata
    return status_pb2.Status.FromString(value)


def test_googles_own_messages_read_ours():
    status = googles(ERROR)
    info, hint = error_details_pb2.ErrorInfo(), error_details_pb2.LocalizedMessage()
    retry = error_details_pb2.RetryInfo()
    assert [detail.Unpack(into) for detail, into in zip(status.details, (info, hint, retry), strict=True)] == [True] * 3
    assert (status.code, status.message) == (grpc.StatusCode.RESOURCE_EXHAUSTED.value[0], "Too much.")
    assert (info.reason, info.domain, dict(info.metadata)) == ("BUSY", "learndock", {"queue": "7"})
    assert (hint.locale, hint.message) == ("en", "Wait.")
    assert retry.retry_delay.ToMilliseconds() == 1500


def test_ours_read_googles():
    status = status_pb2.Status(code=3, message="No.")
    status.details.add().Pack(error_details_pb2.DebugInfo(detail="of no interest"))
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason="WRONG", domain="learndock", metadata={"a": "b"}))
    status.details.add().Pack(error_details_pb2.LocalizedMessage(locale="en", message="Mend it."))
    trailers = ((DETAILS_KEY, status.SerializeToString()),)
    error = error_from_call(Call(grpc.StatusCode.INVALID_ARGUMENT, "No.", trailers), "here:1")
    assert isinstance(error, InvalidInput)
    assert (error.reason, error.message, error.hint) == ("WRONG", "No.", "Mend it.")
    assert error.details == {"a": "b"}
    assert error.retry_after_s is None


def test_there_and_back():
    status = error_to_status(ERROR)
    error = error_from_call(Call(status.code, status.details, status.trailing_metadata), "here:1")
    assert type(error) is Overloaded
    assert (error.reason, error.hint, error.retry_after_s) == ("BUSY", "Wait.", 1.5)


@pytest.mark.parametrize("part", ["status", "detail"])
def test_a_broken_trailer_falls_back_to_the_code(part):
    status = googles(ERROR)
    if part == "detail":
        status.details[0].value = b"\xff\xff"
    value = b"\xff\xff" if part == "status" else status.SerializeToString()
    error = error_from_call(Call(grpc.StatusCode.UNAVAILABLE, "gone", ((DETAILS_KEY, value),)), "here:1")
    assert isinstance(error, Unavailable)
    assert error.reason == "DOCK_UNREACHABLE"
