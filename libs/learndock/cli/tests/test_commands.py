"""The other commands, against a real dock: what is printed where, and the exit codes."""

from __future__ import annotations

import json

import numpy as np
import pytest

from learndock.cli.asking import build_query
from learndock.cli.commands.predict import write_answer
from learndock.errors import InvalidInput


def test_spec_writes_a_specification_or_prints_it(type_in, flowers, tmp_path):
    done = type_in("spec", flowers, "--target", "kind", "--k", 5, "--out", "s.json")
    assert done.exit_code == 0, done.output
    assert done.stdout == ""
    written = json.loads((tmp_path / "s.json").read_text())
    assert np.shape(written["z"]) == (5, 2)
    printed = json.loads(type_in("spec", flowers, "--target", "kind", "--k", 5, "--json").stdout)
    assert printed["z"] == written["z"]
    assert not (tmp_path / "stat.json").exists()


def test_tags_make_a_query():
    query = build_query(["health", "Business", "licence=mit", "Scikit-learn"], task="Regression", outputs=2)
    assert query.scenarios == ("Health", "Business")
    assert (query.license, query.library, query.task_type, query.output_dimension) == (
        "MIT",
        "Scikit-learn",
        "Regression",
        2,
    )


@pytest.mark.parametrize(
    ("tags", "reason", "said"),
    [
        (["helth"], "TAG_UNKNOWN", "Health"),
        (["colour=red"], "TAG_UNKNOWN", "Scenario"),
        (["License=MITT"], "TAG_UNKNOWN", "MIT"),
        (["Others"], "TAG_UNCLEAR", "Scenario=Others"),
        (["MIT", "Apache-2.0"], "TAG_UNCLEAR", "one"),
    ],
)
def test_unknown_and_unclear_tags_are_refused(tags, reason, said):
    with pytest.raises(InvalidInput) as refused:
        build_query(tags)
    assert refused.value.reason == reason
    assert said in refused.value.hint


def test_predictions_are_written_as_csv_and_npy(tmp_path, capsys):
    write_answer(np.array([0, 1]), None, {0: "small, round", 1: "big"})
    assert capsys.readouterr().out == 'prediction,class\n0,"small, round"\n1,big\n'
    write_answer(np.array([[0.5, 1.0]]), tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text() == "output 0,output 1\n0.5,1.0\n"
    write_answer(np.array([1, 2]), tmp_path / "a.npy")
    assert np.load(tmp_path / "a.npy").tolist() == [1, 2]


def test_rm_wants_to_know_what(type_in):
    assert type_in("rm").exit_code == 2


@pytest.mark.parametrize("words", [["--data", "flowers.csv", "--out", "x.txt"], []])
def test_predict_refuses_what_it_cannot_write_or_read(type_in, flowers, words):
    assert type_in("predict", "00000001", *words).exit_code == 2


def test_search_takes_data_or_a_specification_not_both(type_in, flowers):
    done = type_in("search", "--data", flowers, "--spec", flowers)
    assert done.exit_code == 2


@pytest.mark.sandbox
def test_check_says_yes_and_no(type_in, package):
    good = type_in("check", package, "--json")
    assert good.exit_code == 0, good.output
    assert json.loads(good.stdout)[0]["accepted"] is True
    (package / "__init__.py").write_text("import no_such_module\n")
    bad = type_in("check", package)
    assert bad.exit_code == 1
    assert "no_such_module" in bad.output
    assert "Next: dock push" not in bad.output


@pytest.mark.sandbox
def test_check_refuses_what_is_no_package(type_in, tmp_path):
    (tmp_path / "notes.zip").write_text("notes")
    done = type_in("check", "notes.zip")
    assert done.exit_code == 1
    assert "ZIP_NOT_A_ZIP" in done.stderr


@pytest.mark.e2e
@pytest.mark.sandbox
def test_one_way_through_by_typing(type_in, address, package, flowers, tmp_path, monkeypatch):
    monkeypatch.setenv("DOCK_URL", address)
    pushed = type_in("push", package, "--watch")
    assert pushed.exit_code == 0, pushed.output
    assert "INDEXED" in pushed.stdout
    (record,) = json.loads(type_in("list", "--json").stdout)
    learnware_id = record["learnware_id"]

    shown = type_in("show", learnware_id)
    assert "length (float)" in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 80

    found = json.loads(type_in("search", "--data", flowers, "--target", "kind", "--json").stdout)
    assert found["hits"][0]["learnware_id"] == learnware_id
    assert found["hits"][0]["fits"] == found["verdict"]["word"] == "fits"
    table = type_in("search", "--data", flowers, "--target", "kind")
    assert learnware_id in table.stdout
    assert "FITS" in table.stdout
    assert "Verdict: fits: " in table.stderr
    assert type_in("search", "--text", "zebra").exit_code == 1
    drawn = type_in("map", "--data", flowers, "--target", "kind", "--out", "dock.png", "--json")
    assert [each["key"] for each in json.loads(drawn.stdout)["panels"][0]["learnwares"]] == [learnware_id]
    assert (tmp_path / "dock.png").stat().st_size > 1000

    here = type_in("predict", learnware_id, "--data", flowers, "--target", "kind")
    assert here.exit_code == 0, here.output
    there = type_in("predict", "--data", flowers, "--target", "kind", "--where", "dock")
    assert there.stdout == here.stdout
    told = [line.split(",")[1] for line in here.stdout.splitlines()[1:]]
    assert set(told) == {"big", "small"}

    pulled = type_in("pull", learnware_id, "--into", "pulled", "--unpack", "--json")
    assert (tmp_path / json.loads(pulled.stdout)[0]).with_suffix("").joinpath("learnware.yaml").exists()

    assert type_in("watch", learnware_id).exit_code == 0
    assert type_in("doctor").exit_code == 0

    (package / "__init__.py").write_text("class Model:\n    def __init__(self):\n        raise ValueError('broken')\n")
    updated = type_in("update", learnware_id, package, "--watch")
    assert updated.exit_code == 1
    assert "broken" in updated.output
    assert type_in("show", learnware_id, "--version", 1).exit_code == 0

    (tmp_path / "ids.txt").write_text(f"# old ones\n{learnware_id}  # flowers\n")
    preview = type_in("rm", "--from-file", "ids.txt", "--dry-run")
    assert learnware_id in preview.stdout
    assert type_in("rm", learnware_id).exit_code == 2
    assert type_in("rm", "--from-file", "ids.txt", "--yes").exit_code == 0
    assert type_in("show", learnware_id).exit_code == 2


@pytest.mark.e2e
def test_bad_input_is_refused_in_words(type_in, address, flowers, tmp_path, monkeypatch):
    monkeypatch.setenv("DOCK_URL", address)
    (tmp_path / "notes.zip").write_text("notes")
    done = type_in("push", "notes.zip")
    assert (done.exit_code, "ZIP_NOT_A_ZIP" in done.stderr) == (2, True)
    done = type_in("show", "nope")
    assert (done.exit_code, "LEARNWARE_NOT_FOUND" in done.stderr) == (2, True)
    done = type_in("predict", "--data", flowers, "--target", "kind", "--drop", "width")
    assert (done.exit_code, "NOTHING_FOUND" in done.stderr) == (2, True)
