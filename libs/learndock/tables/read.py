"""Reading tables from files: CSV, npy and Parquet, with errors that name the row and the column."""

from __future__ import annotations

import csv
import difflib
import io
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from learndock.errors import FailedPrecondition, InvalidInput

_DELIMITERS = ",;\t|"
_MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "?", "-"})


@dataclass(frozen=True)
class DataTable:
    """The inputs of a table: X of shape (n, d), and a name and a kind (int, float, bool) for each column."""

    path: Path
    names: tuple[str, ...]
    kinds: tuple[str, ...]
    X: npt.NDArray[np.float64]
    target: npt.NDArray[Any] | None = None
    """The column that was named as the target, of shape (n,), numbers or words."""

    @property
    def described(self) -> dict[int, str]:
        """`Input.Description` of these columns."""
        from learndock.semantic import describe_columns  # noqa: PLC0415

        return describe_columns([f"{name} ({kind})" for name, kind in zip(self.names, self.kinds, strict=True)])


@dataclass(frozen=True)
class _Raw:
    """Columns as they lie in a file; a cell is a number or a text. `line` gives the place of a row for people."""

    path: Path
    names: tuple[str, ...]
    columns: Sequence[Sequence[Any]] | Sequence[npt.NDArray[Any]]
    line: Callable[[int], str]


def read_table(path: Path, *, target: str = "", drop: Iterable[str] = ()) -> DataTable:
    """Read a file; `target` and `drop` are names of columns or their numbers from 0.

    InvalidInput DATA_FORMAT_UNKNOWN, DATA_UNREADABLE, DATA_EMPTY, DATA_SHAPE, DATA_NOT_NUMERIC, DATA_NOT_FINITE,
    COLUMN_UNKNOWN; FailedPrecondition EXTRA_MISSING for Parquet without pyarrow.
    """
    raw = _reader(path)(path)
    out = {_position(raw, name) for name in drop}
    aim = _position(raw, target) if target else None
    kept = [i for i in range(len(raw.names)) if i not in out and i != aim]
    if not kept:
        _refuse_table("DATA_EMPTY", f"{path} has no column left to be an input.", "Drop fewer columns.", path)
    if not len(raw.columns[kept[0]]):
        _refuse_table("DATA_EMPTY", f"{path} has no rows.", "Give a table with rows of data.", path)
    columns = _numbers(raw, kept)
    return DataTable(
        path=path,
        names=tuple(raw.names[i] for i in kept),
        kinds=tuple(_kind(raw.columns[i], column) for i, column in zip(kept, columns, strict=True)),
        X=np.ascontiguousarray(np.stack(columns, axis=1)),
        target=None if aim is None else _target(raw, aim),
    )


def _reader(path: Path) -> Callable[[Path], _Raw]:
    readers: Mapping[str, Callable[[Path], _Raw]] = {
        ".csv": _read_csv,
        ".tsv": _read_csv,
        ".txt": _read_csv,
        ".npy": _read_npy,
        ".parquet": _read_parquet,
        ".pq": _read_parquet,
    }
    if path.suffix.lower() not in readers:
        _refuse_table(
            "DATA_FORMAT_UNKNOWN", f"{path} is of no kind that is read here.", "Give CSV, npy or Parquet.", path
        )
    return readers[path.suffix.lower()]


def _refuse_table(reason: str, message: str, hint: str, path: Path, **details: object) -> NoReturn:
    raise InvalidInput(message, reason=reason, hint=hint, details={"file": path, **details})


def _read_csv(path: Path) -> _Raw:
    text = _text(path)
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(_DELIMITERS, key=first.count) if first else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    rows: list[list[str]] = []
    lines: list[int] = []
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append(row)
                lines.append(reader.line_num)
    except csv.Error as error:
        _refuse_table(
            "DATA_UNREADABLE", f"{path} line {reader.line_num} can't be read: {error}.", "Mend the line.", path
        )
    return _from_rows(path, rows, lines)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        hint = "Save it as UTF-8 (from a spreadsheet: 'CSV UTF-8')."
        _refuse_table("DATA_UNREADABLE", f"{path} is no UTF-8 text: byte {error.start} is wrong.", hint, path)


def _from_rows(path: Path, rows: list[list[str]], lines: list[int]) -> _Raw:
    if not rows:
        _refuse_table("DATA_EMPTY", f"{path} is empty.", "Give a table with rows of data.", path)
    headed = any(_is_word(cell) for cell in rows[0])
    names = tuple(cell.strip() for cell in rows[0]) if headed else tuple(f"column {i}" for i in range(len(rows[0])))
    body, places = (rows[1:], lines[1:]) if headed else (rows, lines)
    for row, line in zip(body, places, strict=True):
        if len(row) != len(names):
            message = f"{path} line {line} has {len(row)} cells, and the first line has {len(names)}."
            _refuse_table("DATA_SHAPE", message, "Give every row as many cells as the first.", path, line=line)
    columns = [[row[i] for row in body] for i in range(len(names))]
    return _Raw(path, names, columns, lambda row: f"line {places[row]}")


def _is_word(cell: str) -> bool:
    return cell.strip().lower() not in _MISSING and _number(cell) is None


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def _read_npy(path: Path) -> _Raw:
    try:
        array = np.load(path, allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        hint = "Save it with numpy.save as an array of numbers; objects are not read, for they can run code."
        _refuse_table("DATA_UNREADABLE", f"{path} can't be read: {str(error)[:120]}.", hint, path)
    if not isinstance(array, np.ndarray) or array.dtype.names or array.ndim not in (1, 2):
        shape = getattr(array, "shape", "several arrays")
        _refuse_table(
            "DATA_SHAPE", f"{path} holds {shape}, not rows and columns.", "Save one array of shape (n, d).", path
        )
    array = array.reshape(len(array), -1) if array.size else array.reshape(len(array), 0)
    names = tuple(f"column {i}" for i in range(array.shape[1]))
    return _Raw(path, names, list(array.T), lambda row: f"row {row}")


def _read_parquet(path: Path) -> _Raw:
    try:
        import pyarrow as pa  # noqa: PLC0415
        import pyarrow.parquet as pq  # noqa: PLC0415
    except ImportError as error:
        hint = "pip install 'learndock[parquet]', or save the table as CSV."
        raise FailedPrecondition("Parquet needs pyarrow.", reason="EXTRA_MISSING", hint=hint) from error
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError, ValueError) as error:
        said = str(error).splitlines()[0][:120]
        _refuse_table("DATA_UNREADABLE", f"{path} can't be read: {said}", "Is it a Parquet file?", path)
    columns = [_arrow_column(column) for column in table.columns]
    return _Raw(path, tuple(map(str, table.column_names)), columns, lambda row: f"row {row}")


def _arrow_column(column: Any) -> npt.NDArray[Any]:
    values: npt.NDArray[Any] = column.to_numpy()
    return values


def _position(raw: _Raw, name: str) -> int:
    if name in raw.names:
        return raw.names.index(name)
    if name.isdigit() and int(name) < len(raw.names):
        return int(name)
    near = difflib.get_close_matches(name, raw.names, 1)
    shown = ", ".join(raw.names[:8]) + (", …" if len(raw.names) > 8 else "")
    hint = f"Did you mean {near[0]}?" if near else f"It has: {shown}."
    _refuse_table("COLUMN_UNKNOWN", f"{raw.path} has no column {name!r}.", hint, raw.path, column=name)


def _numbers(raw: _Raw, kept: Sequence[int]) -> list[npt.NDArray[np.float64]]:
    return [_column(raw, i, kept) for i in kept]


def _column(raw: _Raw, index: int, kept: Sequence[int]) -> npt.NDArray[np.float64]:
    column = raw.columns[index]
    try:
        values = np.array(column, dtype=np.float64)
    except (ValueError, TypeError):
        _refuse_cell(raw, index, kept)
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        _refuse_missing(raw, index, int(bad[0]), int(bad.size))
    return values


def _refuse_cell(raw: _Raw, index: int, kept: Sequence[int]) -> NoReturn:
    """Name the first cell that is no number, and every column that has words."""
    for row, cell in enumerate(raw.columns[index]):
        if _is_missing(cell):
            _refuse_missing(raw, index, row, sum(map(_is_missing, raw.columns[index])))
        if _as_number(cell) is None:
            where = f"{raw.path}, {raw.line(row)}, column {raw.names[index]!r}"
            message = f"{where}: {str(cell)[:40]!r} is no number."
            _refuse_table(
                "DATA_NOT_NUMERIC", message, _drop_hint(raw, kept), raw.path, column=raw.names[index], row=row
            )
    raise AssertionError(raw.names[index])


def _drop_hint(raw: _Raw, kept: Sequence[int]) -> str:
    wordy = [raw.names[i] for i in kept if any(_as_number(c) is None and not _is_missing(c) for c in raw.columns[i])]
    flags = " ".join(f"--drop '{name}'" if " " in name else f"--drop {name}" for name in wordy[:6])
    more = " …" if len(wordy) > 6 else ""
    return f"Encode it as numbers, or leave it out: {flags}{more} (--target for what is predicted)."


def _as_number(cell: object) -> float | None:
    try:
        return float(cell)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None


def _is_missing(cell: object) -> bool:
    if isinstance(cell, str):
        return cell.strip().lower() in _MISSING
    return cell is None or (isinstance(cell, float) and math.isnan(cell))


def _refuse_missing(raw: _Raw, index: int, row: int, count: int) -> NoReturn:
    name = raw.names[index]
    message = f"{raw.path}, {raw.line(row)}, column {name!r}: there is no finite number."
    if count > 1:
        message += f" {count} cells of the column are so."
    hint = "Fill or drop the rows as you did for training, or leave the column out with --drop."
    _refuse_table("DATA_NOT_FINITE", message, hint, raw.path, column=name, row=row)


def _kind(cells: Sequence[Any] | npt.NDArray[Any], values: npt.NDArray[np.float64]) -> str:
    if isinstance(cells, np.ndarray) and cells.dtype.kind in "biuf":
        return {"b": "bool", "i": "int", "u": "int", "f": "float"}[cells.dtype.kind]
    whole = bool(np.all(values == np.round(values)))
    return "int" if whole and not any("." in str(cell) or "e" in str(cell).lower() for cell in cells) else "float"


def _target(raw: _Raw, index: int) -> npt.NDArray[Any]:
    cells = raw.columns[index]
    missing = [row for row, cell in enumerate(cells) if _is_missing(cell)]
    if missing:
        _refuse_missing(raw, index, missing[0], len(missing))
    try:
        return np.array(cells, dtype=np.float64)
    except (ValueError, TypeError):
        return np.array([str(cell).strip() for cell in cells])
