from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learndock.errors import InvalidInput
from learndock.semantic import VALUES, SemanticSpecification, describe_columns, semantic_match


def document(**changes):
    found = {
        "Data": {"Type": "Class", "Values": ["Table"]},
        "Task": {"Type": "Class", "Values": ["Classification"]},
        "Library": {"Type": "Class", "Values": ["Scikit-learn"]},
        "Scenario": {"Type": "Tag", "Values": ["Education", "Health"]},
        "License": {"Type": "Class", "Values": ["MIT"]},
        "Name": {"Type": "String", "Values": "digits"},
        "Description": {"Type": "String", "Values": "Tells digits apart."},
        "Input": {"Dimension": 64, "Description": {"0": "pixel 0 (float)", "63": "pixel 63 (float)"}},
        "Output": {"Dimension": 10, "Description": {"0": "zero"}},
    }
    return {key: value for key, value in (found | changes).items() if value is not None}


def refused(value, *, query=False):
    with pytest.raises(InvalidInput) as caught:
        SemanticSpecification.from_json(value, query=query)
    assert caught.value.reason == "SEMANTIC_INVALID"
    return caught.value


def test_reads_the_form_that_the_peer_sends_without_model():
    found = SemanticSpecification.from_json(json.dumps(document()))
    assert found.data_type == "Table"
    assert found.scenarios == ("Education", "Health")
    assert (found.input_dimension, found.output_dimension) == (64, 10)
    assert found.input_description[63] == "pixel 63 (float)"
    assert found.model == "Others"


def test_always_emits_model_since_newer_clients_call_a_table_without_one_invalid():
    found = SemanticSpecification.from_json(document()).to_json()
    assert found["Model"] == {"Type": "Optional", "Values": ["Others"]}
    assert found["Name"] == {"Type": "String", "Values": "digits"}
    assert found["Input"]["Description"]["0"] == "pixel 0 (float)"


def test_input_and_output_encoded_twice_are_accepted():
    twice = document(Input=json.dumps(document()["Input"]), Output=json.dumps(document()["Output"]))
    assert SemanticSpecification.from_json(twice) == SemanticSpecification.from_json(document())


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"Data": {"Values": ["table"]}}, "Data", "Did you mean 'Table'"),
        ({"Data": {"Values": []}}, "Data", "missing"),
        ({"Data": {"Values": ["Table", "Image"]}}, "Data", "one value"),
        ({"Task": None}, "Task", "missing"),
        ({"Scenario": {"Values": ["Cooking"]}}, "Scenario", "Cooking"),
        ({"Scenario": {"Values": []}}, "Scenario", "at least one"),
        ({"License": {"Values": "BSD"}}, "License", "BSD"),
        ({"Library": {"Values": {"a": 1}}}, "Library", "list"),
        ({"Model": {"Values": ["Big"]}}, "Model", "Big"),
        ({"Name": {"Values": ""}}, "Name", "missing"),
        ({"Name": {"Values": "x" * 201}}, "Name", "201"),
        ({"Name": "digits"}, "Name", "JSON"),
        ({"Description": {"Values": 7}}, "Description", "number"),
        ({"Description": {"Values": "x" * 20_001}}, "Description", "20001"),
        ({"Input": None}, "Input.Dimension", "table"),
        ({"Input": {"Dimension": "64"}}, "Input.Dimension", "string"),
        ({"Input": {"Dimension": True}}, "Input.Dimension", "boolean"),
        ({"Input": {"Dimension": 0}}, "Input.Dimension", "outside"),
        ({"Input": {"Dimension": 10**40}}, "Input.Dimension", "outside"),
        ({"Input": {"Dimension": 2, "Description": {"2": "c"}}}, "Input.Description", "counted from 0"),
        ({"Input": {"Dimension": 2, "Description": {"-1": "c"}}}, "Input.Description", "no column"),
        ({"Input": {"Dimension": 2, "Description": {"0": []}}}, "Input.Description", "text"),
        ({"Input": {"Dimension": 2, "Description": ["a", "b"]}}, "Input.Description", "object"),
        ({"Input": "{broken"}, "Input", "JSON"),
        ({"Output": None}, "Output.Dimension", "Classification"),
        ({"Output": {"Dimension": 1}}, "Output.Dimension", "two classes"),
    ],
)
def test_says_which_field_is_wrong_and_what_it_takes(changes, field, words):
    error = refused(document(**changes))
    assert error.details["field"] == field
    assert words in str(error)
    if field in VALUES:
        assert error.details["allowed"] == ", ".join(VALUES[field])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "nonsense",
        '{"Data": NaN}',
        '{"Name": {}, "Name": {}}',
        '{"a":' * 5000 + "1" + "}" * 5000,
        "[" * 200_000,
        "x" * (3 << 20),
        '{"Data": "[[[[[[[[[[[[' + '"}',
    ],
)
def test_hostile_text_is_refused_with_the_same_reason(text):
    refused(text)


def test_regression_and_other_tasks_need_what_they_need():
    task = {"Values": ["Regression"]}
    assert SemanticSpecification.from_json(document(Task=task, Output={"Dimension": 1})).output_dimension == 1
    refused(document(Task=task, Output=None))
    free = SemanticSpecification.from_json(document(Task={"Values": ["Others"]}, Output=None))
    assert free.output_dimension is None
    image = SemanticSpecification.from_json(document(Data={"Values": ["Image"]}, Input=None))
    assert image.input_dimension is None


def test_a_query_may_leave_anything_unsaid():
    empty = SemanticSpecification.from_json("{}", query=True)
    assert (empty.data_type, empty.scenarios, empty.input_dimension) == ("", (), None)
    half = SemanticSpecification.from_json({"Data": {"Values": ["Text"]}, "Task": {"Values": []}}, query=True)
    assert (half.data_type, half.task_type) == ("Text", "")
    refused({"Data": {"Values": ["Sound"]}}, query=True)


def test_control_and_direction_characters_do_not_get_through():
    found = SemanticSpecification.from_json(
        document(Name={"Values": "ev\u202eil\n\x1b[31mname"}, Description={"Values": "two\nlines\x00"})
    )
    assert found.name == "evil [31mname"
    assert found.description == "two\nlines"


words = st.sampled_from
semantics = st.builds(
    SemanticSpecification,
    data_type=words(VALUES["Data"]),
    task_type=words(VALUES["Task"]),
    library=words(VALUES["Library"]),
    scenarios=st.lists(words(VALUES["Scenario"]), min_size=1, unique=True).map(tuple),
    license=words(VALUES["License"]),
    model=words(VALUES["Model"]),
    name=st.text("abc é漢", min_size=1).map(lambda text: f"n{text}n"),
    description=st.text("abc \n").map(lambda text: f"d{text}d"),
    input_dimension=st.integers(1, 300),
    input_description=st.dictionaries(st.just(0), st.text("xyz")),
    output_dimension=st.integers(2, 300),
    output_description=st.dictionaries(st.just(1), st.text("xyz")),
)


@settings(derandomize=True, deadline=None, max_examples=50)
@given(semantics)
def test_json_brings_back_what_it_was_made_from(semantic):
    assert SemanticSpecification.from_json(json.dumps(semantic.to_json())) == semantic
    assert SemanticSpecification.from_json(semantic.to_json(), query=True) == semantic


@settings(derandomize=True, deadline=None, max_examples=80)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words(["Data", "Values", "Input"]), inner),
        max_leaves=12,
    )
)
def test_nothing_but_a_typed_refusal_comes_of_nonsense(value):
    text = json.dumps(value)
    try:
        SemanticSpecification.from_json(text, query=True)
    except InvalidInput as error:
        assert error.reason == "SEMANTIC_INVALID"


def test_columns_of_a_frame_a_list_and_an_array():
    frame = pd.DataFrame({"age": [1.5], "n": [3], "ok": [True], "who": ["me"]})
    assert describe_columns(frame) == {0: "age (float)", 1: "n (int)", 2: "ok (bool)", 3: "who (text)"}
    assert describe_columns(frame.astype({"who": "category"}))[3] == "who (category)"
    assert describe_columns(["a", 7]) == {0: "a", 1: "7"}
    assert describe_columns(np.zeros((2, 2))) == {0: "column 0 (float)", 1: "column 1 (float)"}
    assert describe_columns(np.array(["a", "b"])) == {0: "a", 1: "b"}


def learnware(**changes):
    fields = {
        "data_type": "Table",
        "task_type": "Classification",
        "library": "Scikit-learn",
        "scenarios": ("Health",),
        "license": "MIT",
        "name": "Breast tumour classifier",
        "description": "Malignant or benign, from cell nuclei.",
        "input_dimension": 30,
        "output_dimension": 2,
    }
    return SemanticSpecification(**(fields | changes))


@pytest.mark.parametrize(
    "query",
    [
        {"data_type": "Image"},
        {"task_type": "Regression"},
        {"library": "PyTorch"},
        {"license": "GPL-3.0"},
        {"scenarios": ("Traffic", "Fashion")},
        {"output_dimension": 3},
        {"input_dimension": 31},
        {"model": "PEFT Model"},
    ],
)
def test_a_tag_that_differs_rules_out(query):
    assert semantic_match(SemanticSpecification(**query), "", learnware()) is None


def test_unsaid_rules_nothing_out_and_one_scenario_in_common_is_enough():
    assert semantic_match(SemanticSpecification(), "", learnware()) == 1.0
    assert semantic_match(SemanticSpecification(scenarios=("Health", "Fashion")), "", learnware()) == 1.0


def test_words_may_be_misspelt_and_the_name_counts_more_than_the_description():
    query = SemanticSpecification()
    exact = semantic_match(query, "tumour", learnware())
    misspelt = semantic_match(query, "tumuor clasifier", learnware())
    described = semantic_match(query, "malignant", learnware())
    assert exact == 1.0
    assert misspelt is not None
    assert 0 < misspelt < exact
    assert described is not None
    assert 0 < described < exact
    assert semantic_match(query, "wine", learnware()) is None
    assert semantic_match(SemanticSpecification(name="tumour"), "", learnware()) == 1.0
