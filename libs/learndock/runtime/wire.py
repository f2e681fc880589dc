"""The wire between the dock and a worker: frames of a small JSON header and raw arrays. Nothing is ever unpickled.

A frame is MAGIC, the header's length (4 bytes), the payload's length (8 bytes), both big-endian, the header as JSON
and the payload: the arrays of `header["arrays"]`, one after the other, each in C order and little-endian.
Both sides check a frame's claims against each other before they set memory aside. Python 3.8 and numpy suffice.
"""

from __future__ import annotations

import json
import struct
from typing import Any, Dict, List, Sequence, Tuple

import numpy as np

MAGIC = b"LDW1"
PREFIX = struct.Struct(">4sIQ")
HEADER_BYTES = 64 * 1024
"""Most bytes of a header."""
DIMENSIONS = 8
"""Most axes of an array."""
DTYPES = ("|b1", "|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f2", "<f4", "<f8")
"""The types that may cross."""


class WireError(Exception):
    """What came over the wire is no frame of ours."""


class FrameTooLarge(WireError):
    """A frame announces more than is taken."""


def pack_frame(header: Dict[str, Any], arrays: Sequence["np.ndarray[Any, Any]"] = ()) -> Tuple[bytes, List[memoryview]]:
    """Prefix with header, and the arrays' bytes, in this order. WireError on a type that may not cross."""
    plain = [_plain(array) for array in arrays]
    described = [{"dtype": array.dtype.str, "shape": list(array.shape)} for array in plain]
    text = json.dumps({**header, "arrays": described}).encode()
    if len(text) > HEADER_BYTES:
        raise WireError("the header has %d bytes, more than %d" % (len(text), HEADER_BYTES))
    bodies = [array.reshape(-1).view(np.uint8).data for array in plain if array.size]
    payload = sum(len(body) for body in bodies)
    return PREFIX.pack(MAGIC, len(text), payload) + text, bodies


def read_prefix(prefix: bytes, *, payload_limit: int) -> Tuple[int, int]:
    """Lengths of header and payload. WireError where they are none of ours or over a limit."""
    magic, header, payload = PREFIX.unpack(prefix)
    if magic != MAGIC:
        raise WireError("the bytes do not start a frame")
    if header > HEADER_BYTES:
        raise WireError("a header of %d bytes is announced, more than %d" % (header, HEADER_BYTES))
    if payload > payload_limit:
        raise FrameTooLarge("a payload of %d bytes is announced, more than %d" % (payload, payload_limit))
    return header, payload


def read_header(text: bytes, payload: int) -> Dict[str, Any]:
    """The header, with its arrays' claims checked against the payload's length. WireError otherwise."""
    try:
        header = json.loads(text.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise WireError("the header is no JSON: %s" % type(error).__name__) from None
    if not isinstance(header, dict) or not isinstance(header.get("arrays"), list):
        raise WireError("the header lacks its list of arrays")
    if sum(_claimed_bytes(claim) for claim in header["arrays"]) != payload:
        raise WireError("the arrays' shapes do not add up to the payload")
    return header


def read_arrays(header: Dict[str, Any], payload: bytearray) -> List["np.ndarray[Any, Any]"]:
    """The arrays of a frame whose header `read_header` has checked; they share the payload's memory."""
    arrays: List["np.ndarray[Any, Any]"] = []
    offset = 0
    for claim in header["arrays"]:
        try:
            array = np.ndarray(claim["shape"], np.dtype(claim["dtype"]), payload, offset)
        except ValueError:  # numpy multiplies the other lengths of an empty array too
            raise WireError("an array has a shape too large to be one") from None
        arrays.append(array)
        offset += array.nbytes
    return arrays


def _plain(array: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    plain: "np.ndarray[Any, Any]" = np.ascontiguousarray(array).reshape(np.shape(array))
    plain = np.asarray(plain, plain.dtype.newbyteorder("<"))
    if plain.dtype.str not in DTYPES:
        raise WireError("arrays of type %s may not cross" % plain.dtype)
    return plain


def _claimed_bytes(claim: object) -> int:
    if not isinstance(claim, dict) or claim.get("dtype") not in DTYPES:
        raise WireError("an array has a type that may not cross")
    shape = claim.get("shape")
    if not isinstance(shape, list) or len(shape) > DIMENSIONS:
        raise WireError("an array has no proper shape")
    if not all(type(length) is int and 0 <= length < 1 << 48 for length in shape):
        raise WireError("an array has no proper shape")
    return _count(shape) * np.dtype(claim["dtype"]).itemsize


def _count(shape: Sequence[int]) -> int:
    count = 1
    for length in shape:
        count *= length
    return count
