"""Folders of tables: how rows are parted, and what each refusal says."""

from __future__ import annotations

import numpy as np
import pytest

from learndock.errors import DockError
from learndock.experiment import OwnedTable, leave_one_out, read_folder
from learndock.experiment.tests.stores import COLUMNS, store, stores, write


def refusal(call) -> DockError:
    with pytest.raises(DockError) as refused:
        call()
    assert refused.value.hint
    return refused.value


def test_a_folder_is_read_in_the_order_of_names(tmp_path):
    folder = write(tmp_path / "stores", stores()[::-1])
    (folder / "README.md").write_text("no table")
    tables = read_folder(folder, "sales")
    assert [table.name for table in tables] == [table.name for table in stores()]
    assert tables[0].columns == COLUMNS
    np.testing.assert_array_equal(tables[0].X, stores()[0].X)
    np.testing.assert_array_equal(tables[0].y, stores()[0].y)
    assert read_folder(folder, "sales", drop=["rain"])[0].columns == ("sun", "staff")


def test_by_order_the_past_is_learnt_from_and_the_last_rows_are_held_out():
    tables = stores()
    scenario = leave_one_out(tables, split="order", test=0.25, labels=(10, 40))
    task = scenario.tasks(0)[1]
    np.testing.assert_array_equal(scenario.owners[1].X, tables[1].X[:90])
    np.testing.assert_array_equal(task.X_unlabelled, tables[1].X[:90])
    np.testing.assert_array_equal(task.X_test, tables[1].X[90:])
    np.testing.assert_array_equal(task.y_test, tables[1].y[90:])
    assert task.apart_from == {"north-2"}
    assert len(task.X_labelled) == 40


def test_labelled_rows_belong_to_the_past_with_their_labels_and_change_with_the_seed():
    table = stores()[0]
    scenario = leave_one_out(stores(), split="order", labels=(10,))
    first, again, other = (scenario.tasks(seed)[0] for seed in (0, 0, 1))
    places = [int(np.flatnonzero((row == table.X).all(axis=1))[0]) for row in first.X_labelled]
    assert max(places) < 90
    np.testing.assert_array_equal(first.y_labelled, table.y[places])
    np.testing.assert_array_equal(first.X_labelled, again.X_labelled)
    assert not np.array_equal(first.X_labelled, other.X_labelled)


def test_rows_drawn_at_random_are_the_same_for_every_seed_and_in_one_part_only():
    scenario = leave_one_out(stores(), split="random", labels=(10,))
    first, other = scenario.tasks(0)[0], scenario.tasks(1)[0]
    np.testing.assert_array_equal(first.X_test, other.X_test)
    both = np.concatenate([first.X_test, first.X_unlabelled])
    np.testing.assert_array_equal(np.sort(both[:, 0]), np.sort(stores()[0].X[:, 0]))


def test_a_column_may_say_which_rows_are_held_out(tmp_path):
    tables = []
    for table in stores():
        late = (np.arange(120) >= 100).astype(float)
        tables.append(OwnedTable(table.name, (*COLUMNS, "late"), np.column_stack([table.X, late]), table.y))
    read = read_folder(write(tmp_path / "stores", tables), "sales", held_out="late")
    assert read[0].columns == COLUMNS
    task = leave_one_out(read, split="random", labels=(10,)).tasks(0)[0]
    np.testing.assert_array_equal(task.X_test, stores()[0].X[100:])
    assert len(task.X_unlabelled) == 100


def test_a_column_may_divide_owners_who_stay_one_family(tmp_path):
    tables = [
        OwnedTable(each.name, (*COLUMNS, "half"), np.column_stack([each.X, np.arange(120) % 2]), each.y)
        for each in stores()
    ]
    read = read_folder(write(tmp_path / "stores", tables), "sales", divide="half")
    scenario = leave_one_out(read, split="order", labels=(10,))
    assert [owner.name for owner in scenario.owners[:3]] == ["north-1 0", "north-1 1", "north-2 0"]
    assert {owner.family for owner in scenario.owners[:2]} == {"north-1"}
    np.testing.assert_array_equal(scenario.owners[1].X, stores()[0].X[1:90:2])
    assert len(scenario.tasks(0)) == 5
    assert scenario.owners[0].X.shape[1] == 3


def test_words_are_classes_in_one_order_for_all_tables(tmp_path):
    tables = [
        OwnedTable("a", COLUMNS, stores()[0].X, np.array(["low", "high"] * 60)),
        OwnedTable("b", COLUMNS, stores()[1].X, np.array(["high", "mid"] * 60)),
    ]
    scenario = leave_one_out(read_folder(write(tmp_path / "stores", tables), "sales"), split="order", labels=(10,))
    assert (scenario.kind, scenario.n_classes) == ("classification", 3)
    assert scenario.owners[0].y[:2].tolist() == [1, 0]
    assert scenario.owners[1].y[:2].tolist() == [0, 2]


def test_numbers_may_be_classes_where_that_is_said():
    tables = [OwnedTable(name, COLUMNS, stores()[0].X, np.arange(120) % 2 * 7.0) for name in "ab"]
    assert leave_one_out(tables, labels=(10,)).kind == "regression"
    scenario = leave_one_out(tables, kind="classification", labels=(10,))
    assert scenario.n_classes == 2
    assert set(scenario.owners[0].y.tolist()) == {0, 1}


def test_numbers_of_labels_that_no_table_has_are_left_out_and_said():
    scenario = leave_one_out(stores(), labels=(10, 50, 1000, 5000))
    assert scenario.labels == [10, 50]
    assert scenario.notes == ["Left out: 1000, 5000 labels; the shortest table has 90 rows to label."]


def test_a_folder_without_tables(tmp_path):
    assert refusal(lambda: read_folder(tmp_path, "sales")).reason == "FOLDER_UNUSABLE"
    assert refusal(lambda: read_folder(tmp_path / "nowhere", "sales")).reason == "FOLDER_UNUSABLE"


def test_a_missing_target_names_the_file_and_what_there_is(tmp_path):
    folder = write(tmp_path / "stores", stores())
    refused = refusal(lambda: read_folder(folder, "sale"))
    assert refused.reason == "COLUMN_UNKNOWN"
    assert "north-1.csv" in refused.message
    assert "sales" in refused.hint
    assert refusal(lambda: read_folder(folder, "sales", divide="half")).reason == "COLUMN_UNKNOWN"
    assert refusal(lambda: read_folder(folder, "sales", held_out="late")).reason == "COLUMN_UNKNOWN"


@pytest.mark.parametrize(
    ("cell", "reason"), [("nan", "DATA_NOT_FINITE"), ("", "DATA_NOT_FINITE"), ("wet", "DATA_NOT_NUMERIC")]
)
def test_a_bad_cell_names_its_place(tmp_path, cell, reason):
    folder = write(tmp_path / "stores", stores())
    path = folder / "south-1.csv"
    lines = path.read_text().splitlines()
    cells = lines[7].split(",")
    lines[7] = ",".join([cells[0], cell, *cells[2:]])
    path.write_text("\n".join(lines))
    refused = refusal(lambda: read_folder(folder, "sales"))
    assert refused.reason == reason
    assert "south-1.csv, line 8, column 'rain'" in refused.message


def test_tables_of_other_columns(tmp_path):
    odd = OwnedTable("zoo", ("sun", "snow", "staff"), stores()[0].X, stores()[0].y)
    refused = refusal(lambda: read_folder(write(tmp_path / "stores", [*stores(), odd]), "sales"))
    assert refused.reason == "TABLES_DIFFER"
    assert "rain, snow" in refused.message


def test_a_short_table(tmp_path):
    folder = write(tmp_path / "stores", [*stores(), store("north-1", 9, rows=9)])
    assert refusal(lambda: read_folder(folder, "sales")).reason == "TABLE_SHORT"


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"split": "time"}, "SPLIT_UNKNOWN"),
        ({"test": 1.0}, "SPLIT_UNKNOWN"),
        ({"labels": (500,)}, "TABLE_SHORT"),
        ({"labels": ()}, "EXPERIMENT_LABELS"),
        ({"metric": "error"}, "METRIC_UNKNOWN"),
    ],
)
def test_terms_that_the_tables_cannot_meet(given, reason):
    assert refusal(lambda: leave_one_out(stores(), **{"labels": (10,), **given})).reason == reason


def test_one_table_is_not_enough():
    assert refusal(lambda: leave_one_out(stores()[:1])).reason == "OWNERS_TOO_FEW"


def test_targets_of_one_class_or_of_two_kinds():
    X = stores()[0].X
    words = OwnedTable("a", COLUMNS, X, np.array(["x"] * 120))
    assert refusal(lambda: leave_one_out([words, words])).reason == "TARGET_KIND"
    assert refusal(lambda: leave_one_out([words, stores()[1]])).reason == "TARGET_KIND"
    assert refusal(lambda: leave_one_out([words, words], kind="regression")).reason == "TARGET_KIND"
