"""The dock's end of the wire: one request, one answer, with a deadline; claims are checked before they are believed."""

from __future__ import annotations

import os
import secrets
import select
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from learndock.runtime.wire import PREFIX, WireError, pack_frame, read_arrays, read_header, read_prefix

_CHUNK = 1 << 20


class ChannelClosed(Exception):
    """The other side is gone."""


class ChannelTimeout(Exception):
    """No whole answer came in time."""


@dataclass(frozen=True)
class Answer:
    """A worker's answer: a result with its arrays, or a fault."""

    result: Mapping[str, Any]
    arrays: Sequence[npt.NDArray[Any]]
    fault: Mapping[str, Any] | None


class Channel:
    """Writes requests to and reads answers from a process that may say anything at any time."""

    def __init__(self, requests: int, answers: int, *, answer_bytes: int) -> None:
        self._requests = requests
        self._answers = answers
        self._answer_bytes = answer_bytes
        self._open = True
        os.set_blocking(requests, False)
        os.set_blocking(answers, False)

    def ask(self, header: Mapping[str, Any], arrays: Sequence[npt.NDArray[Any]], *, timeout_s: float) -> Answer:
        """Send a request and read its answer. ChannelClosed, ChannelTimeout, WireError."""
        deadline = time.monotonic() + timeout_s
        nonce = secrets.token_hex(16)
        head, bodies = pack_frame({**header, "nonce": nonce}, arrays)
        for part in [memoryview(head), *bodies]:
            self._write(part, deadline)
        return self._answer(nonce, deadline)

    def close(self) -> None:
        """Close both descriptors. Idempotent."""
        if self._open:
            self._open = False
            os.close(self._requests)
            os.close(self._answers)

    def _answer(self, nonce: str, deadline: float) -> Answer:
        size, payload = read_prefix(bytes(self._read(PREFIX.size, deadline)), payload_limit=self._answer_bytes)
        header = read_header(bytes(self._read(size, deadline)), payload)
        if not secrets.compare_digest(str(header.get("nonce")).encode("utf-8", "replace"), nonce.encode()):
            raise WireError("the answer belongs to no question")
        arrays = read_arrays(header, self._read(payload, deadline))
        return Answer(_mapping(header.get("result", {})), arrays, _fault(header.get("fault")))

    def _write(self, data: memoryview, deadline: float) -> None:
        while data:
            self._wait(self._requests, select.POLLOUT, deadline)
            try:
                data = data[os.write(self._requests, data[:_CHUNK]) :]
            except BlockingIOError:
                continue
            except BrokenPipeError:
                raise ChannelClosed from None

    def _read(self, size: int, deadline: float) -> bytearray:
        data = bytearray(size)
        rest = memoryview(data)
        while rest:
            self._wait(self._answers, select.POLLIN, deadline)
            try:
                count = os.readv(self._answers, [rest[:_CHUNK]])
            except BlockingIOError:
                continue
            if count == 0:
                raise ChannelClosed
            rest = rest[count:]
        return data

    def _wait(self, descriptor: int, event: int, deadline: float) -> None:
        poll = select.poll()
        poll.register(descriptor, event)
        remaining = deadline - time.monotonic()
        if remaining <= 0 or not poll.poll(remaining * 1000):
            raise ChannelTimeout


def text_array(texts: Sequence[str]) -> npt.NDArray[np.uint8]:
    """Texts as the bytes of a JSON list, to travel as an array."""
    import json  # noqa: PLC0415 - only text models need it

    return np.frombuffer(json.dumps(list(texts)).encode(), dtype=np.uint8)


def _mapping(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise WireError("the result is no object")
    return value


def _fault(value: object) -> Mapping[str, Any] | None:
    if value is None:
        return None
    if (
        not isinstance(value, dict)
        or not isinstance(value.get("reason"), str)
        or not isinstance(value.get("text"), str)
    ):
        raise WireError("the fault is none of ours")
    return value
