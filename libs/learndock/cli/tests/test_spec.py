"""`dock spec`: made, shown and audited where the data lie."""

from __future__ import annotations

import json

import numpy as np
import pytest

from learndock.specification import TableSpecification


@pytest.fixture
def tables(tmp_path):
    """Two tables of one kind, 400 rows each, as train.npy and test.npy; the rows of the first."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(800, 4))
    np.save(tmp_path / "train.npy", X[:400])
    np.save(tmp_path / "test.npy", X[400:])
    return X[:400]


def test_make_may_be_said_or_not(type_in, flowers, tmp_path):
    assert type_in("spec", flowers, "--target", "kind", "-o", "a.json").exit_code == 0
    assert type_in("spec", "make", flowers, "--target", "kind", "-o", "b.json").exit_code == 0
    assert type_in("spec", "--target", "kind", flowers, "-o", "c.json").exit_code == 0
    assert len({(tmp_path / f"{name}.json").read_bytes() for name in "abc"}) == 1


def test_many_points_are_noted_and_too_many_refused(type_in, flowers):
    done = type_in("spec", flowers, "--target", "kind", "--k", 5)
    assert "8 rows for each" in " ".join(done.stderr.split())
    done = type_in("spec", flowers, "--target", "kind", "--k", 9)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "SPECIFICATION_MANY_POINTS" in done.stderr


def test_the_rules_can_be_left_out_and_that_is_said(type_in, flowers, tmp_path):
    done = type_in("spec", flowers, "--target", "kind", "--k", 9, "--privacy", "off")
    assert done.exit_code == 0
    assert "single rows may be read" in " ".join(done.stderr.split())
    assert len(TableSpecification.load(tmp_path / "stat.json").z) > 8


def test_init_takes_the_option_too(type_in, flowers, tmp_path):
    short = tmp_path / "short.csv"
    short.write_text("".join(flowers.read_text().splitlines(keepends=True)[:11]))
    words = ("init", "package", "--data", short, "--target", "kind", "--task", "classification")
    done = type_in(*words)
    assert (done.exit_code, "SPECIFICATION_FEW_ROWS" in done.stderr) == (2, True)
    assert type_in(*words, "--privacy", "off").exit_code == 0


def test_show_says_what_is_in_the_file(type_in, tables):
    type_in("spec", "train.npy", "--out", "s.json")
    facts = json.loads(type_in("spec", "show", "s.json", "--json").stdout)
    assert (facts["columns"], facts["rows"], facts["gamma"]) == (4, 400, 0.1)
    assert "effective points" in type_in("spec", "show", "s.json").stdout


def test_an_audit_passes_what_was_made_and_draws_it(type_in, tables, tmp_path):
    type_in("spec", "train.npy", "--k", 8, "--out", "s.json")
    done = type_in("spec", "audit", "s.json", "train.npy", "--held-out", "test.npy", "--picture", "a.png")
    assert done.exit_code == 0, done.output
    assert "nearest row" in done.stdout
    assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"
    assert json.loads(type_in("spec", "audit", "s.json", "train.npy", "--json").stdout)["membership"]["on"] == "halves"


def test_an_audit_refuses_published_rows(type_in, tables, tmp_path):
    TableSpecification(tables[:20], np.full(20, 0.05), 0.1, 400).save(tmp_path / "s.json")
    done = type_in("spec", "audit", "s.json", "train.npy", "--json")
    found = json.loads(done.stdout)
    assert (done.exit_code, found["verdict"]) == (1, "refuse")
    nearest = next(each for each in found["findings"] if each["rule"] == "nearest row")
    assert nearest["rows"] == list(range(20))


def test_what_can_not_be_audited_is_said_at_once(type_in, tables, flowers):
    type_in("spec", "train.npy", "--out", "s.json")
    done = type_in("spec", "audit", "s.json", flowers, "--target", "kind")
    assert (done.exit_code, "DATA_SHAPE" in done.stderr) == (2, True)
    done = type_in("spec", "audit", "s.json", "train.npy", "--picture", "a.txt")
    assert (done.exit_code, "PICTURE_FORMAT_UNKNOWN" in done.stderr) == (2, True)
    assert type_in("spec", "audit", "s.json").exit_code == 2
    assert type_in("spec", "nothing.csv").exit_code == 2


@pytest.mark.parametrize("part", ["make", "show", "audit"])
def test_each_part_has_help_with_an_example(type_in, part):
    text = type_in("spec", part, "--help").stdout
    assert "Example:" in text
    assert max(len(line) for line in text.splitlines()) <= 80
