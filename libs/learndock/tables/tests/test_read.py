"""Tables from files: what is read, and what each refusal says."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learndock.errors import DockError, InvalidInput
from learndock.tables import read_table


def _csv(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "table.csv"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_csv_with_a_header_whatever_divides_its_cells(tmp_path, delimiter):
    table = read_table(_csv(tmp_path, "age,weight\n30,70.5\n\n31,80.0\n".replace(",", delimiter)))
    assert table.names == ("age", "weight")
    assert table.kinds == ("int", "float")
    np.testing.assert_array_equal(table.X, [[30, 70.5], [31, 80]])
    assert table.described == {0: "age (int)", 1: "weight (float)"}


def test_csv_without_a_header_numbers_its_columns(tmp_path):
    table = read_table(_csv(tmp_path, "1,2,3\n4,5,6\n"), target="2")
    assert table.names == ("column 0", "column 1")
    np.testing.assert_array_equal(table.target, [3, 6])


def test_a_byte_order_mark_and_windows_line_ends_are_read(tmp_path):
    table = read_table(_csv(tmp_path, "a,b\r\n1,2\r\n", encoding="utf-8-sig"))
    assert table.names == ("a", "b")


def test_target_and_dropped_columns_are_no_inputs(tmp_path):
    table = read_table(_csv(tmp_path, "id,a,kind\nx1,1,big\nx2,2,small\n"), target="kind", drop=["id"])
    assert table.names == ("a",)
    assert table.target.tolist() == ["big", "small"]


@pytest.mark.parametrize(
    ("text", "reason", "said"),
    [
        ("", "DATA_EMPTY", "empty"),
        ("a,b\n", "DATA_EMPTY", "no rows"),
        ("a,b\n1,2\n3\n", "DATA_SHAPE", "line 3"),
        ("a,city\n1,2\n3,Rome\n", "DATA_NOT_NUMERIC", "line 3, column 'city'"),
        ("a,b\n1,\n3,4\n", "DATA_NOT_FINITE", "line 2, column 'b'"),
        ("a,b\n1,nan\n3,NA\n", "DATA_NOT_FINITE", "line 2, column 'b'"),
        ("a,b\n1,inf\n", "DATA_NOT_FINITE", "column 'b'"),
    ],
)
def test_bad_csv_is_refused_with_its_place(tmp_path, text, reason, said):
    with pytest.raises(InvalidInput) as refused:
        read_table(_csv(tmp_path, text))
    assert refused.value.reason == reason
    assert said in refused.value.message
    assert refused.value.hint


def test_every_column_of_words_is_named_at_once(tmp_path):
    with pytest.raises(InvalidInput) as refused:
        read_table(_csv(tmp_path, "a,city,full name\n1,Rome,Ann Ba\n"))
    assert "--drop city --drop 'full name'" in refused.value.hint


def test_an_unknown_column_is_met_with_the_nearest(tmp_path):
    with pytest.raises(InvalidInput) as refused:
        read_table(_csv(tmp_path, "length,width\n1,2\n"), target="lenght")
    assert refused.value.reason == "COLUMN_UNKNOWN"
    assert "length" in refused.value.hint


def test_no_column_left_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match="no column left"):
        read_table(_csv(tmp_path, "a\n1\n"), target="a")


def test_what_is_no_utf8_is_refused(tmp_path):
    with pytest.raises(InvalidInput) as refused:
        read_table(_csv(tmp_path, "größe,b\n1,2\n", encoding="latin-1"))
    assert refused.value.reason == "DATA_UNREADABLE"


def test_an_unknown_kind_of_file_is_refused(tmp_path):
    (tmp_path / "table.xlsx").write_bytes(b"PK")
    with pytest.raises(InvalidInput) as refused:
        read_table(tmp_path / "table.xlsx")
    assert refused.value.reason == "DATA_FORMAT_UNKNOWN"


def test_npy_is_read_and_objects_are_not(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(6, dtype=np.int32).reshape(3, 2))
    table = read_table(tmp_path / "a.npy")
    assert table.kinds == ("int", "int")
    assert table.X.shape == (3, 2)
    np.save(tmp_path / "o.npy", np.array([[object()]], dtype=object), allow_pickle=True)
    with pytest.raises(InvalidInput) as refused:
        read_table(tmp_path / "o.npy")
    assert refused.value.reason == "DATA_UNREADABLE"


@pytest.mark.parametrize("array", [np.zeros((2, 2, 2)), np.float64(3)])
def test_npy_of_another_shape_is_refused(tmp_path, array):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(InvalidInput) as refused:
        read_table(tmp_path / "a.npy")
    assert refused.value.reason == "DATA_SHAPE"


def test_parquet_is_read(tmp_path):
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    pq.write_table(pa.table({"a": [1, 2], "b": [0.5, None], "kind": ["x", "y"]}), tmp_path / "t.parquet")
    table = read_table(tmp_path / "t.parquet", target="kind", drop=["b"])
    assert table.X.tolist() == [[1], [2]]
    assert table.target.tolist() == ["x", "y"]
    with pytest.raises(InvalidInput) as refused:
        read_table(tmp_path / "t.parquet", target="kind")
    assert refused.value.reason == "DATA_NOT_FINITE"
    assert "row 1, column 'b'" in refused.value.message


def test_what_only_calls_itself_parquet_is_refused(tmp_path):
    pytest.importorskip("pyarrow")
    (tmp_path / "t.parquet").write_bytes(b"no")
    with pytest.raises(InvalidInput) as refused:
        read_table(tmp_path / "t.parquet")
    assert refused.value.reason == "DATA_UNREADABLE"


@settings(derandomize=True, deadline=None, max_examples=60)
@given(
    st.lists(
        st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=3, max_size=3),
        min_size=1,
        max_size=8,
    )
)
def test_numbers_survive_csv(tmp_path_factory, rows):
    text = io.StringIO()
    csv.writer(text).writerows([["a", "b", "c"], *rows])
    table = read_table(_csv(tmp_path_factory.mktemp("csv"), text.getvalue()))
    np.testing.assert_array_equal(table.X, np.array(rows))


@settings(derandomize=True, deadline=None, max_examples=80)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_in_words(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("any") / "table.csv"
    path.write_bytes(content)
    try:
        assert np.isfinite(read_table(path).X).all()
    except DockError as error:
        assert error.message
