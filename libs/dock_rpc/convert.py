"""Arrays and specifications as messages, and back. What comes in from a message is believed only after checks."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from dockapi.learnware.v1 import learnware_pb2
from learndock.errors import InvalidInput

if TYPE_CHECKING:
    from learndock.specification import Specification

DTYPES = ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1")
MAX_DIMENSIONS = 8
STRINGS = "str"


def tensor_to_array(tensor: learnware_pb2.Tensor) -> npt.NDArray[Any]:
    """A new, writable array; strings become an array of str. InvalidInput TENSOR_INVALID."""
    shape = tuple(tensor.shape)
    if len(shape) > MAX_DIMENSIONS or any(size < 0 for size in shape):
        raise _invalid(f"The shape {list(shape[:16])} is none of at most {MAX_DIMENSIONS} sizes >= 0")
    count = math.prod(shape)
    if tensor.dtype == STRINGS:
        return _strings(tensor, shape, count)
    if tensor.dtype not in DTYPES:
        raise _invalid(f"{tensor.dtype[:20]!r} is none of the dtypes {', '.join(DTYPES)} and {STRINGS}")
    dtype = np.dtype(tensor.dtype).newbyteorder("<")
    if tensor.strings or len(tensor.data) != count * dtype.itemsize:
        raise _invalid(
            f"{len(tensor.data)} bytes are not what {tensor.dtype} of shape {list(shape)} needs "
            f"({count * dtype.itemsize})"
        )
    if tensor.dtype == "b1" and tensor.data.translate(None, b"\x00\x01"):
        raise _invalid("A bool holds a byte other than 0 and 1")
    return np.frombuffer(tensor.data, dtype).reshape(shape).astype(dtype.newbyteorder("="))


def array_to_tensor(array: npt.ArrayLike) -> learnware_pb2.Tensor:
    """Any array of numbers, bools or str, made contiguous and little-endian. InvalidInput TENSOR_INVALID."""
    values = _as_array(array)
    if values.ndim > MAX_DIMENSIONS:
        raise _invalid(f"An array has {values.ndim} dimensions; {MAX_DIMENSIONS} can be sent")
    if values.dtype.kind == "U":
        return learnware_pb2.Tensor(dtype=STRINGS, shape=values.shape, strings=values.ravel().tolist())
    name = f"{values.dtype.kind}{values.dtype.itemsize}"
    if name not in DTYPES:
        raise _invalid(f"An array of {values.dtype} can't be sent")
    data = np.ascontiguousarray(values, values.dtype.newbyteorder("<")).tobytes()
    return learnware_pb2.Tensor(dtype=name, shape=values.shape, data=data)


def rkme_to_specification(rkme: learnware_pb2.Rkme) -> Specification:
    """The specification in a message. InvalidInput TENSOR_INVALID, or SPECIFICATION_INVALID from its own checks.

    FailedPrecondition SPECIFICATION_TYPE_UNKNOWN where it comes of a plug-in that is not installed here.
    """
    from learndock.specification import TableSpecification, read_specification  # noqa: PLC0415 - keeps this light

    if rkme.json:
        return read_specification(rkme.type, rkme.json)
    return TableSpecification(
        z=_floats(rkme.z, 2),
        beta=_floats(rkme.beta, 1),
        gamma=rkme.gamma,
        num_points=rkme.num_points,
        type=rkme.type or "RKMETableSpecification",
    )


def specification_to_rkme(specification: Specification) -> learnware_pb2.Rkme:
    """The message of a specification; nothing is rounded."""
    from learndock.specification import TableSpecification  # noqa: PLC0415 - as above

    if not isinstance(specification, TableSpecification):
        return learnware_pb2.Rkme(type=specification.type, json=json.dumps(specification.to_json()))
    return learnware_pb2.Rkme(
        type=specification.type,
        z=array_to_tensor(np.asarray(specification.z, np.float64)),
        beta=array_to_tensor(np.asarray(specification.beta, np.float64)),
        gamma=specification.gamma,
        num_points=specification.num_points,
    )


def _floats(tensor: learnware_pb2.Tensor, dimensions: int) -> npt.NDArray[np.float64]:
    values = tensor_to_array(tensor)
    if values.dtype.kind != "f" or values.ndim != dimensions:
        raise _invalid(f"{values.dtype} with {values.ndim} dimensions stands where floats with {dimensions} are due")
    return values.astype(np.float64)


def _strings(tensor: learnware_pb2.Tensor, shape: tuple[int, ...], count: int) -> npt.NDArray[Any]:
    if tensor.data or len(tensor.strings) != count:
        raise _invalid(f"{len(tensor.strings)} strings do not fill the shape {list(shape)}")
    return np.array(list(tensor.strings), dtype=np.str_).reshape(shape)


def _as_array(array: npt.ArrayLike) -> npt.NDArray[Any]:
    try:
        values = np.asarray(array)
    except ValueError as error:
        raise _invalid(f"What was given is no array ({error})") from error
    if values.dtype.kind == "O":
        if not all(isinstance(each, str) for each in values.ravel()):
            raise _invalid("An array of mixed Python objects can't be sent")
        return values.astype(np.str_)
    return values


def _invalid(text: str) -> InvalidInput:
    return InvalidInput(
        f"{text}.", reason="TENSOR_INVALID", hint="Send a dense array of numbers, bools or text whose shape fits."
    )
