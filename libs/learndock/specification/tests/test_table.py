"""The file both ways, and everything that is refused."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from learndock.errors import InvalidInput, NotFound
from learndock.specification import TableSpecification

SETTINGS = settings(derandomize=True, deadline=None, max_examples=25)


def document(**changes):
    base = {
        "z": [[0.0, 1.0], [2.0, 3.0]],
        "beta": [0.25, 0.75],
        "gamma": 0.1,
        "num_points": 40,
        "type": "RKMETableSpecification",
    }
    return {key: value for key, value in (base | changes).items() if value is not ...}


def refused(value):
    with pytest.raises(InvalidInput) as caught:
        TableSpecification.from_json(value)
    assert caught.value.reason == "SPECIFICATION_INVALID"
    assert caught.value.hint
    return caught.value


@SETTINGS
@given(arrays(np.float64, (4, 3), elements=st.floats(-1e6, 1e6)), st.floats(1e-3, 10))
def test_what_is_saved_is_loaded_to_the_last_digit(z, gamma):
    before = TableSpecification(z, np.full(4, 0.25), gamma, 17)
    after = TableSpecification.from_json(json.dumps(before.to_json()))
    assert np.array_equal(before.z, after.z)
    assert np.array_equal(before.beta, after.beta)
    assert (after.gamma, after.num_points) == (gamma, 17)


def test_a_file_goes_out_and_comes_back(tmp_path):
    TableSpecification.from_json(document()).save(tmp_path / "stat.json")
    assert TableSpecification.load(tmp_path / "stat.json").z.tolist() == document()["z"]
    assert json.loads((tmp_path / "stat.json").read_text())["type"] == "RKMETableSpecification"


def test_a_file_that_is_not_there_is_said_so(tmp_path):
    with pytest.raises(NotFound) as caught:
        TableSpecification.load(tmp_path / "stat.json")
    assert caught.value.reason == "FILE_NOT_FOUND"


def test_files_of_older_tools_load():
    found = TableSpecification.from_json(document(type=..., num_points=..., cuda_idx=-1, device="cpu"))
    assert (found.type, found.num_points, found.gamma) == ("RKMETableSpecification", 0, 0.1)
    assert TableSpecification.from_json(document(type="RKMEStatSpecification")).type == "RKMETableSpecification"
    assert TableSpecification.from_json(document(beta=[[0.5], [0.5]])).beta.tolist() == [0.5, 0.5]
    assert TableSpecification.from_json(b"\xef\xbb\xbf" + json.dumps(document()).encode()).dimension == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"z": ...},
        {"beta": ...},
        {"z": []},
        {"z": [[]]},
        {"z": [1.0, 2.0]},
        {"z": [[[1.0]], [[2.0]]]},
        {"z": [[1.0, 2.0], [3.0]]},
        {"z": [["1", "2"], ["3", "4"]]},
        {"z": [[1e13, 0.0], [0.0, 0.0]]},
        {"z": [[float("nan"), 0.0], [0.0, 0.0]]},
        {"z": {"0": 1}},
        {"z": None},
        {"beta": [0.0, 0.0]},
        {"beta": [0.05, 0.05]},
        {"beta": [-0.5, 1.5]},
        {"beta": [1.0]},
        {"beta": [True, False]},
        {"gamma": 0},
        {"gamma": -1.0},
        {"gamma": 10**400},
        {"gamma": "0.1"},
        {"gamma": True},
        {"gamma": float("inf")},
        {"num_points": 1},
        {"num_points": -4},
        {"num_points": 2.5},
        {"num_points": "40"},
        {"type": "RKMEImageSpecification"},
        {"type": 7},
        {"type": ["RKMETableSpecification"]},
    ],
)
def test_what_breaks_a_rule_is_refused(changes):
    refused(document(**changes))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[1, 2]",
        "{",
        "null",
        b"\xff\xfe",
        '{"z": [[NaN, 1]], "beta": [1]}',
        '{"z": [[Infinity, 1]], "beta": [1]}',
        '{"z": [[1e999, 1]], "beta": [1]}',
        '{"z": [[' + "9" * 5000 + ', 1]], "beta": [1]}',
        '{"z": ' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"z": [[1, 2]], "beta": [1], "more": [[[[[[[1]]]]]]]}',
    ],
)
def test_text_that_is_no_honest_json_is_refused(text):
    refused(text)


def test_too_many_points_are_refused():
    refused({"z": np.zeros((10_001, 1)), "beta": np.full(10_001, 1 / 10_001)})
    refused({"z": np.zeros((100, 13_108)), "beta": np.full(100, 0.01)})


def test_it_cannot_be_changed_afterwards():
    z = np.zeros((2, 2))
    found = TableSpecification(z, np.array([0.5, 0.5]))
    z[0, 0] = 9
    assert found.z[0, 0] == 0
    with pytest.raises(ValueError, match="read-only"):
        found.z[0, 0] = 1


def test_norm_and_effective_size_are_computed_here():
    found = TableSpecification.from_json(document(self_norm=0.0))
    cross = np.exp(-0.1 * 8)
    assert found.self_norm == pytest.approx(0.25**2 + 0.75**2 + 2 * 0.25 * 0.75 * cross)
    assert found.effective_size == pytest.approx(1 / (0.25**2 + 0.75**2))


def test_it_shows_itself_shortly():
    found = TableSpecification.from_json(document())
    assert repr(found) == "TableSpecification(2 points of width 2 from 40 rows, gamma=0.1)"
    assert "<table>" in found._repr_html_()


@pytest.mark.parametrize("part", ["[],", "{},", "1,"])
def test_text_that_would_grow_a_hundredfold_is_refused_before_it_is_parsed(part):
    text = json.dumps(document())[:-1] + ', "more": [' + part * 1_400_000 + "0]}"
    with pytest.raises(InvalidInput, match="lists or"):
        TableSpecification.from_json(text)
