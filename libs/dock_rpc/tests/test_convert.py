"""Arrays survive the way there and back; messages that lie are refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dock_rpc.convert import (
    DTYPES,
    array_to_tensor,
    rkme_to_specification,
    specification_to_rkme,
    tensor_to_array,
)
from dockapi.learnware.v1.learnware_pb2 import Tensor
from learndock.errors import InvalidInput
from learndock.specification import specify

kinds = st.sampled_from(DTYPES).flatmap(
    lambda name: st.sampled_from([np.dtype(name), np.dtype(name).newbyteorder(">")])
)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(kinds.flatmap(lambda kind: hnp.arrays(kind, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))))
def test_numbers_come_back_bit_for_bit(array):
    back = tensor_to_array(array_to_tensor(array))
    assert back.shape == array.shape
    assert back.dtype == array.dtype.newbyteorder("=")
    assert back.dtype.isnative
    assert back.flags.writeable
    np.testing.assert_array_equal(back, array)


def test_order_in_memory_does_not_matter():
    array = np.arange(24.0).reshape(4, 6)
    for view in (array.T, array[::2, ::-1], np.asfortranarray(array)):
        np.testing.assert_array_equal(tensor_to_array(array_to_tensor(view)), view)


@pytest.mark.parametrize("texts", [["a", "", "日本"], [], [["a", "b"], ["c", "d"]], np.array(["x", "y"], object)])
def test_text_comes_back(texts):
    np.testing.assert_array_equal(
        tensor_to_array(array_to_tensor(texts)), np.asarray(texts, np.str_ if len(texts) else None)
    )


@pytest.mark.parametrize(
    "tensor",
    [
        Tensor(dtype="f8", shape=[2], data=b"\0" * 8),
        Tensor(dtype="f8", shape=[1], data=b"\0" * 9),
        Tensor(dtype="f8", shape=[-1], data=b"\0" * 8),
        Tensor(dtype="f8", shape=[2**62, 2**62], data=b""),
        Tensor(dtype="f8", shape=[1] * 9, data=b"\0" * 8),
        Tensor(dtype="O", shape=[1], data=b"\0" * 8),
        Tensor(dtype="", shape=[1], data=b"\0" * 8),
        Tensor(dtype=">f8", shape=[1], data=b"\0" * 8),
        Tensor(dtype="b1", shape=[2], data=b"\x00\x07"),
        Tensor(dtype="f8", shape=[0], strings=["a"]),
        Tensor(dtype="str", shape=[3], strings=["a"]),
        Tensor(dtype="str", shape=[1], strings=["a"], data=b"a"),
        Tensor(dtype="str", shape=[2**62], strings=["a"]),
    ],
    ids=str,
)
def test_messages_that_lie_are_refused(tensor):
    with pytest.raises(InvalidInput) as caught:
        tensor_to_array(tensor)
    assert caught.value.reason == "TENSOR_INVALID"


@pytest.mark.parametrize(
    "array", [np.zeros(1, complex), np.array([1, "a", None], object), np.zeros([1] * 9), [[1], [1, 2]]], ids=repr
)
def test_arrays_that_can_not_be_sent_are_refused(array):
    with pytest.raises(InvalidInput) as caught:
        array_to_tensor(array)
    assert caught.value.reason == "TENSOR_INVALID"


@pytest.fixture
def specification():
    return specify(np.random.default_rng(0).normal(size=(200, 3)), k=5)


def test_a_specification_comes_back_bit_for_bit(specification):
    back = rkme_to_specification(specification_to_rkme(specification))
    np.testing.assert_array_equal(back.z, specification.z)
    np.testing.assert_array_equal(back.beta, specification.beta)
    assert (back.gamma, back.num_points, back.type) == (
        specification.gamma,
        specification.num_points,
        specification.type,
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("z", np.zeros(5)),
        ("z", np.zeros((4, 3))),
        ("z", np.full((5, 3), np.nan)),
        ("z", np.zeros((5, 3), np.int64)),
        ("z", np.array([["a"] * 3] * 5)),
        ("beta", np.full(5, np.inf)),
        ("beta", np.zeros((5, 1))),
        ("beta", np.zeros(0)),
    ],
)
def test_a_specification_that_lies_is_refused(specification, field, value):
    rkme = specification_to_rkme(specification)
    getattr(rkme, field).CopyFrom(array_to_tensor(value))
    with pytest.raises(InvalidInput) as caught:
        rkme_to_specification(rkme)
    assert caught.value.reason in ("TENSOR_INVALID", "SPECIFICATION_INVALID")


@pytest.mark.parametrize(("field", "value"), [("gamma", float("nan")), ("gamma", -1.0), ("type", "os.system")])
def test_other_fields_that_lie_are_refused(specification, field, value):
    rkme = specification_to_rkme(specification)
    setattr(rkme, field, value)
    with pytest.raises(InvalidInput):
        rkme_to_specification(rkme)
