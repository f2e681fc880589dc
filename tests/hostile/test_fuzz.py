"""Every parser that meets bytes from outside, fed with what nobody wrote: a typed refusal, or a sound value.

Each starts from something valid and damages it, so that most of what it makes gets deep into the parser. Cases that
once found something are kept as examples.
"""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dock_rpc.convert import rkme_to_specification, tensor_to_array
from dockapi.learnware.v1 import learnware_pb2
from learndock.errors import DockError, InvalidInput
from learndock.package import PackageLimits, read_package
from learndock.package.document import load_yaml
from learndock.package.requirements import read_requirements
from learndock.provenance import SignedRecord, VerdictRecord
from learndock.semantic import SemanticSpecification
from learndock.specification import TableSpecification
from tests.hostile.zips import ordinary
from tests.packages.models import package_files, table_semantic, table_specification

pytestmark = pytest.mark.security
LIMITS = PackageLimits()
fuzz = settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(10**400), 10**400),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["", "NaN", "-Infinity", "../x", "--flag", "$(id)", "\u202e", "\x00", "1e999"]),
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [at]
    items = value.items() if isinstance(value, dict) else enumerate(value[:3]) if isinstance(value, list) else ()
    for key, inner in items:
        found += places(inner, (*at, key))
    return found


def replaced(value: Any, at: tuple[Any, ...], new: Any) -> Any:
    if not at:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[at[0]] = replaced(value[at[0]], at[1:], new)
    return copy


def damaged(valid: Any) -> st.SearchStrategy[Any]:
    """The value with something else at one or two places."""
    where = st.sampled_from(places(valid))
    once = st.builds(lambda at, new: replaced(valid, at, new), where, values)
    more = st.dictionaries(st.text(max_size=6), values, max_size=2)
    return once | st.builds(lambda extra: {**valid, **extra}, more)


def torn(valid: bytes) -> st.SearchStrategy[bytes]:
    """The bytes with some changed, left out, or put in."""
    change = st.tuples(st.integers(0, len(valid)), st.integers(0, 30), st.binary(max_size=30))

    def tear(changes: list[tuple[int, int, bytes]]) -> bytes:
        data = valid
        for at, without, put in changes:
            data = data[:at] + put + data[at + without :]
        return data

    return st.lists(change, min_size=1, max_size=4).map(tear)


SPECIFICATION = table_specification(points=4)


@fuzz
@given(damaged(SPECIFICATION))
@example({**SPECIFICATION, "num_points": float("inf")})
@example({**SPECIFICATION, "num_points": float("nan")})
@example({**SPECIFICATION, "beta": [[0.25], [0.25], [0.25], [0.25]]})
def test_specifications(document):
    try:
        found = TableSpecification.from_json(document if isinstance(document, dict) else json.dumps(document))
    except InvalidInput as error:
        assert error.reason == "SPECIFICATION_INVALID"
        return
    assert np.isfinite(found.z).all()
    assert abs(found.beta.sum() - 1) <= 1e-3
    assert found.gamma > 0
    assert 0 <= found.self_norm < np.inf


@fuzz
@given(torn(json.dumps(SPECIFICATION).encode()))
def test_specifications_as_text(data):
    try:
        TableSpecification.from_json(data)
    except InvalidInput as error:
        assert error.reason == "SPECIFICATION_INVALID"


@fuzz
@given(damaged(table_semantic()))
def test_semantic_specifications(document):
    try:
        found = SemanticSpecification.from_json(document if isinstance(document, dict) else json.dumps(document))
    except InvalidInput as error:
        assert error.reason == "SEMANTIC_INVALID"
        return
    assert SemanticSpecification.from_json(found.to_json()) == found
    assert found.name.isprintable()


@fuzz
@given(damaged(table_semantic()) | values)
def test_queries(document):
    try:
        SemanticSpecification.from_json(document if isinstance(document, dict) else json.dumps(document), query=True)
    except InvalidInput as error:
        assert error.reason == "SEMANTIC_INVALID"


@fuzz
@given(torn(package_files()["learnware.yaml"]))
def test_yaml(data):
    try:
        load_yaml(data, "learnware.yaml", LIMITS)
    except InvalidInput as error:
        assert error.reason in {"YAML_INVALID", "YAML_ALIAS", "YAML_TAG", "TEXT_ENCODING"}


@fuzz
@given(torn(package_files()["learnware.yaml"]), torn(b"numpy==1.26.4\nscipy>=1 ; python_version > '3'\n"))
def test_whole_packages(manifest, requirements):
    files = package_files() | {"learnware.yaml": manifest, "requirements.txt": requirements}
    try:
        package = read_package(io.BytesIO(ordinary(files)))
    except InvalidInput:
        return
    for line in package.environment.requirements:
        assert not line.startswith("-")
        assert "://" not in line
        assert "@" not in line


@fuzz
@given(st.lists(st.text(max_size=60) | st.sampled_from(["-r x", "a @ b", "numpy", "x==1;y"]), max_size=6))
def test_requirements(lines):
    try:
        found = read_requirements("\n".join(lines), "requirements.txt", LIMITS)
    except InvalidInput as error:
        assert error.reason == "REQUIREMENT_REFUSED"
        return
    assert all(name[0].isalnum() and name.isascii() for name in found.requirements)


tensors = st.builds(
    learnware_pb2.Tensor,
    dtype=st.sampled_from(["f8", "f4", "i8", "u1", "b1", "U", "O", "", "V8", "f16", "c16", "\u0444"]),
    shape=st.lists(st.sampled_from([-1, 0, 1, 2, 3, 2**31, 2**62, -(2**63)]), max_size=5),
    data=st.binary(max_size=64),
    strings=st.lists(st.text(max_size=5), max_size=4),
)


@fuzz
@given(tensors)
def test_tensors(tensor):
    try:
        found = tensor_to_array(tensor)
    except InvalidInput as error:
        assert error.reason == "TENSOR_INVALID"
        return
    assert found.dtype.kind in "fiubU"
    assert list(found.shape) == list(tensor.shape)


@fuzz
@given(
    st.builds(
        learnware_pb2.Rkme,
        type=st.sampled_from(["", "RKMETableSpecification", "X"]),
        z=tensors,
        beta=tensors,
        gamma=st.floats(),
        num_points=st.integers(-(2**63), 2**63 - 1),
        json=st.sampled_from(["", "{}", "[", '{"z": [[1]], "beta": [1]}']),
    )
)
def test_specifications_on_the_wire(message):
    try:
        found = rkme_to_specification(message)
    except DockError as error:
        assert error.reason in {"TENSOR_INVALID", "SPECIFICATION_INVALID", "SPECIFICATION_TYPE_UNKNOWN"}
        return
    assert np.isfinite(found.self_norm)


RECORD = {"record": "{}", "key": "A" * 43 + "=", "signature": "A" * 86 + "=="}


@fuzz
@given(torn(json.dumps(RECORD).encode()) | damaged(RECORD).map(lambda each: json.dumps(each).encode()))
def test_signed_records(data):
    try:
        record = SignedRecord.from_json(data.decode(errors="replace"))
        record.require_signature()
        VerdictRecord.from_text(record.text)
    except DockError as error:
        assert error.reason in {"RECORD_INVALID", "SIGNATURE_INVALID"}
    else:
        raise AssertionError("nobody signed that")
