from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from learndock.runtime.wire import (
    DTYPES,
    HEADER_BYTES,
    MAGIC,
    PREFIX,
    FrameTooLarge,
    WireError,
    pack_frame,
    read_arrays,
    read_header,
    read_prefix,
)

arrays = st.sampled_from(DTYPES).flatmap(
    lambda dtype: hnp.arrays(np.dtype(dtype), hnp.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=4))
)


def unpack(frame, payload_limit=1 << 20):
    header, payload = read_prefix(frame[: PREFIX.size], payload_limit=payload_limit)
    described = read_header(frame[PREFIX.size : PREFIX.size + header], payload)
    body = bytearray(frame[PREFIX.size + header :])
    assert len(body) == payload
    return described, read_arrays(described, body)


def frame_of(header, payload=b"", claimed=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return PREFIX.pack(MAGIC, len(text), len(payload) if claimed is None else claimed) + text + payload


@given(st.lists(arrays, max_size=4), st.dictionaries(st.sampled_from(["op", "nonce"]), st.text(max_size=20)))
@settings(derandomize=True, deadline=None, max_examples=60)
def test_a_frame_comes_out_as_it_went_in(given_arrays, header):
    head, bodies = pack_frame(header, given_arrays)
    described, back = unpack(head + b"".join(bodies))
    assert {key: described[key] for key in header} == header
    assert len(back) == len(given_arrays)
    for before, after in zip(given_arrays, back, strict=True):
        assert after.dtype == before.dtype
        assert after.shape == before.shape
        assert after.tobytes() == before.tobytes()


@given(st.binary(max_size=200), st.integers(0, 1 << 64))
@settings(derandomize=True, deadline=None, max_examples=200)
def test_any_bytes_are_a_header_or_a_wire_error(text, payload):
    try:
        described = read_header(text, payload)
    except WireError:
        return
    assert isinstance(described["arrays"], list)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["dtype", "shape", "x"]), inner),
    max_leaves=8,
)


@given(st.lists(json_values, max_size=3), st.integers(0, 64))
@settings(derandomize=True, deadline=None, max_examples=200)
def test_any_claims_are_checked_before_memory_is_set_aside(claims, payload):
    try:
        described = read_header(json.dumps({"arrays": claims}).encode(), payload)
    except WireError:
        return
    assert sum(array.nbytes for array in read_arrays(described, bytearray(payload))) == payload


@pytest.mark.parametrize(
    "claim",
    [
        {"dtype": "|O", "shape": [1]},
        {"dtype": "O", "shape": []},
        {"dtype": "<U4", "shape": [1]},
        {"dtype": ["<f8"], "shape": [1]},
        {"dtype": "<f8", "shape": [-1]},
        {"dtype": "<f8", "shape": [True]},
        {"dtype": "<f8", "shape": [1.0]},
        {"dtype": "<f8", "shape": [1] * 9},
        {"dtype": "<f8", "shape": [2]},
        {"dtype": "<f8", "shape": [1 << 60]},
        {"dtype": "<f8", "shape": "1"},
        {"dtype": "<f8"},
        [],
        None,
    ],
)
def test_claims_that_do_not_hold_are_refused(claim):
    with pytest.raises(WireError):
        unpack(frame_of({"arrays": [claim]}, bytes(8)))


def test_an_empty_array_with_lengths_past_all_bounds_is_refused():
    with pytest.raises(WireError):
        unpack(frame_of({"arrays": [{"dtype": "<f8", "shape": [0] + [1 << 47] * 7}]}))


@pytest.mark.parametrize(
    "frame",
    [
        PREFIX.pack(b"NOPE", 2, 0) + b"{}",
        PREFIX.pack(MAGIC, HEADER_BYTES + 1, 0),
        frame_of(b"\xff\xfe"),
        frame_of(b"[" * 50_000),
        frame_of([]),
        frame_of({}),
        frame_of({"arrays": {}}),
    ],
)
def test_what_is_no_frame_is_refused(frame):
    with pytest.raises(WireError):
        unpack(frame)


def test_an_announced_payload_over_the_limit_is_refused_unread():
    with pytest.raises(FrameTooLarge):
        unpack(frame_of({"arrays": []}, claimed=(1 << 20) + 1))


@pytest.mark.parametrize("array", [np.array([object()]), np.array(["a"]), np.array([1j]), np.array([1], "M8[s]")])
def test_types_that_may_not_cross_are_refused(array):
    with pytest.raises(WireError):
        pack_frame({}, [array])


def test_views_and_other_byte_orders_cross_as_what_they_mean():
    base = np.arange(24.0).reshape(4, 6)
    for array in (base[::2, ::-1], base.T, base.astype(">f8"), np.asfortranarray(base)):
        head, bodies = pack_frame({}, [array])
        np.testing.assert_array_equal(unpack(head + b"".join(bodies))[1][0], array)
