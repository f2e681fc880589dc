"""`dock experiment`: a folder of tables in, a table of losses out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from learndock.experiment.tests.stores import stores, write


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "stores", stores()[:3])


def test_a_table_a_page_and_a_picture(type_in, folder):
    words = ("--target", "sales", "--labels", "5,50", "--seeds", 1, "--out", "page.md", "--plot", "losses.svg")
    result = type_in("experiment", folder, *words)
    assert result.exit_code == 0, result.output
    assert "stores: root mean squared error, by labelled rows, 3 tasks" in result.stdout
    assert "job selector" in result.stdout
    assert "Wrote page.md." in result.stderr
    assert "| top-1 |" in Path("page.md").read_text()
    assert "<svg" in Path("losses.svg").read_text()


def test_json_is_all_that_is_printed(type_in, folder):
    result = type_in("experiment", folder, "--target", "sales", "--labels", "5", "--seeds", 1, "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert (document["name"], document["kind"], document["labels"]) == ("stores", "regression", [5])
    assert {each["task"] for each in document["figures"]} == {"north-1", "north-2", "south-1"}


def test_left_out_numbers_of_labels_are_said(type_in, folder):
    result = type_in("experiment", folder, "--target", "sales", "--labels", "5,5000", "--seeds", 1)
    assert "Left out: 5000 labels" in result.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--target", "sale"), "[COLUMN_UNKNOWN]"),
        (("--target", "sales", "--labels", "10,x"), "is not like 10,50,200"),
        (("--target", "sales", "--labels", "50,10"), "[EXPERIMENT_LABELS]"),
        (("--target", "sales", "--out", "page.txt"), "ends in none of .md, .json"),
        (("--target", "sales", "--plot", "nowhere/losses.png"), "there is no such folder"),
        (("--target", "sales", "--metric", "error"), "[METRIC_UNKNOWN]"),
        ((), "Missing option '--target'"),
    ],
)
def test_wrong_use_ends_with_two_and_says_what(type_in, folder, words, said):
    result = type_in("experiment", folder, *words)
    assert result.exit_code == 2
    assert said in result.stderr


def test_one_owner_alone(type_in, tmp_path):
    result = type_in("experiment", write(tmp_path / "alone", stores()[:1]), "--target", "sales")
    assert result.exit_code == 2
    assert "[OWNERS_TOO_FEW]" in result.stderr
    assert "Next" in result.stderr
