"""A folder of tables as an experiment: each table belongs to an owner, and each owner in turn has the task."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn

import numpy as np
from numpy.typing import NDArray

from learndock.errors import InvalidInput
from learndock.experiment.scenario import LABELS, SEEDS, Array, Kind, Owner, Scenario, TaskOwner
from learndock.tables import DataTable, read_table

Split = Literal["order", "random"]
SUFFIXES = frozenset({".csv", ".tsv", ".parquet", ".pq"})
FEWEST_ROWS = 10
_SPLIT_SEED = 17


@dataclass(frozen=True)
class OwnedTable:
    """An owner's rows X (n, d) and what is predicted y (n,), in the order of the file.

    `part` (n,), where a column divides the rows, makes several owners of one: a model for each of its values. `held`
    bool (n,), where a column says so, are the rows that are held out.
    """

    name: str
    columns: tuple[str, ...]
    X: Array
    y: NDArray[Any]
    part: Array | None = None
    held: Array | None = None


def read_folder(
    folder: Path, target: str, *, drop: Iterable[str] = (), divide: str = "", held_out: str = ""
) -> list[OwnedTable]:
    """Read every CSV or Parquet file of a folder; a file's name is its owner's, `target` the column to predict.

    All have the same columns, numbers but for the target. `divide` names a column of numbers whose values part the
    rows of each owner, `held_out` one that is 0 for rows to learn from and 1 for rows to measure with; neither is an
    input. InvalidInput FOLDER_UNUSABLE, TABLES_DIFFER, TABLE_SHORT, or what a table is refused for: COLUMN_UNKNOWN,
    DATA_NOT_NUMERIC, DATA_NOT_FINITE, DATA_….
    """
    if not folder.is_dir():
        _refuse("FOLDER_UNUSABLE", f"{folder} is no folder.", "Name a folder with a table for each owner.")
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    if not paths:
        _refuse("FOLDER_UNUSABLE", f"{folder} holds no table.", "Put a file <owner>.csv there for each owner.")
    tables = [_owned(read_table(path, target=target, drop=drop), divide, held_out) for path in paths]
    for table in tables[1:]:
        _check_columns(tables[0], table)
    return tables


def leave_one_out(
    tables: Sequence[OwnedTable],
    *,
    name: str = "leave one out",
    kind: Kind | None = None,
    split: Split = "random",
    test: float = 0.25,
    metric: str = "",
    labels: Sequence[int] = LABELS,
    seeds: Sequence[int] = SEEDS,
) -> Scenario:
    """Make every owner in turn the one with the task, whom all the others help.

    Where the tables do not say which rows are held out, it is the share `test` of each: the last by order, or rows
    drawn once at random. (By order, tables in which hours are missing do not part at the same hour; then say it.)
    The others are what an owner trains on and, when the task is the owner's, what is searched with; of them the seed
    draws the labelled ones. No model is trained on held-out rows of any table. Unsaid, `kind` is
    classification where the target has words. Numbers of labels that some table has no rows for are left out, and the
    report says so. InvalidInput OWNERS_TOO_FEW, TABLE_SHORT, SPLIT_UNKNOWN or TARGET_KIND.
    """
    if len(tables) < 2:
        _refuse("OWNERS_TOO_FEW", f"{name} has {len(tables)} table.", "Leaving one out needs two tables at least.")
    kind, classes, targets = _targets(tables, kind)
    parts = [_parts(table, split, test) for table in tables]
    fewest = min(len(past) for past, _ in parts)
    kept = [count for count in labels if count <= fewest]
    if labels and not kept:
        _refuse("TABLE_SHORT", f"The shortest table has {fewest} rows to label.", f"Ask for at most {fewest} labels.")
    owners = [
        owner for table, y, (past, _) in zip(tables, targets, parts, strict=True) for owner in _owners(table, y, past)
    ]
    people = list(zip(tables, targets, parts, strict=True))

    def tasks(seed: int) -> list[TaskOwner]:
        return [_task(place, table, y, part, seed, kept[-1]) for place, (table, y, part) in enumerate(people)]

    left_out = [str(count) for count in labels if count > fewest]
    notes = [f"Left out: {', '.join(left_out)} labels; the shortest table has {fewest} rows to label."] * bool(left_out)
    return Scenario(name, kind, tasks, owners, classes, metric, kept, seeds, notes=notes)


def _owned(table: DataTable, divide: str, held_out: str) -> OwnedTable:
    assert table.target is not None
    if len(table.X) < FEWEST_ROWS:
        message = f"{table.path} has {len(table.X)} rows; an owner needs {FEWEST_ROWS} at least."
        _refuse("TABLE_SHORT", message, "Leave the file out, or give more rows.")
    taken = {role: _place(table, role) for role in (divide, held_out) if role}
    inputs = [place for place in range(len(table.names)) if place not in taken.values()]
    if not inputs:
        _refuse("DATA_EMPTY", f"{table.path} has no column left to be an input.", "Drop fewer columns.")
    return OwnedTable(
        name=table.path.stem,
        columns=tuple(table.names[place] for place in inputs),
        X=np.ascontiguousarray(table.X[:, inputs]),
        y=table.target,
        part=table.X[:, taken[divide]] if divide else None,
        held=table.X[:, taken[held_out]] != 0 if held_out else None,
    )


def _place(table: DataTable, column: str) -> int:
    if column not in table.names:
        _refuse("COLUMN_UNKNOWN", f"{table.path} has no column {column!r}.", f"It has: {', '.join(table.names[:8])}.")
    return table.names.index(column)


def _check_columns(first: OwnedTable, other: OwnedTable) -> None:
    if other.columns == first.columns:
        return
    odd = sorted(set(first.columns) ^ set(other.columns))
    what = f"not in both: {', '.join(odd[:5])}" if odd else "their order differs"
    message = f"The tables of {first.name} and {other.name} have different columns ({what})."
    _refuse(
        "TABLES_DIFFER",
        message,
        "Give every table the same columns in the same order, or --drop those that not all have.",
    )


def _targets(tables: Sequence[OwnedTable], kind: Kind | None) -> tuple[Kind, int | None, list[Array]]:
    """The kind, the number of classes, and targets as numbers; classes are numbered in their sorted order."""
    words = [table.name for table in tables if table.y.dtype.kind not in "fiub"]
    if words and kind == "regression":
        _refuse(
            "TARGET_KIND",
            f"The target of {words[0]} has words.",
            "Regression predicts numbers; is it --task classification?",
        )
    if not words and kind != "classification":
        return "regression", None, [table.y for table in tables]
    classes = sorted({each for table in tables for each in table.y.tolist()}, key=lambda each: (str(type(each)), each))
    if words and len(words) < len(tables):
        _refuse("TARGET_KIND", "Some tables have words as target and others numbers.", "Give all of them one kind.")
    numbers = {each: place for place, each in enumerate(classes)}
    if len(classes) < 2:
        _refuse("TARGET_KIND", f"The target has one class, {classes[0]!r}.", "Choose a column that tells rows apart.")
    return "classification", len(classes), [np.array([numbers[each] for each in table.y.tolist()]) for table in tables]


def _parts(table: OwnedTable, split: str, test: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Places of the rows to learn from and of those held out."""
    if split not in ("order", "random") or not 0 < test < 1:
        _refuse(
            "SPLIT_UNKNOWN",
            f"There is no split {split!r} with the share {test}.",
            "Use order or random, and a share between 0 and 1.",
        )
    if table.held is not None:
        return _said(table.name, np.flatnonzero(~table.held), np.flatnonzero(table.held))
    count = len(table.y)
    held = min(max(1, round(count * test)), count - FEWEST_ROWS // 2)
    order = np.arange(count) if split == "order" else np.random.default_rng(_SPLIT_SEED).permutation(count)
    return order[: count - held], order[count - held :]


def _said(name: str, past: NDArray[np.intp], future: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    if len(past) < FEWEST_ROWS // 2 or not len(future):
        message = f"{name} has {len(past)} rows to learn from and {len(future)} held out."
        _refuse("TABLE_SHORT", message, "Leave the file out, or hold out other rows.")
    return past, future


def _owners(table: OwnedTable, y: Array, past: NDArray[np.intp]) -> list[Owner]:
    if table.part is None:
        return [Owner(table.name, table.X[past], y[past])]
    values = table.part[past]
    rows = {value: past[values == value] for value in np.unique(values)}
    return [
        Owner(f"{table.name} {value:g}", table.X[chosen], y[chosen], family=table.name)
        for value, chosen in rows.items()
        if len(chosen) >= FEWEST_ROWS
    ]


def _task(
    place: int, table: OwnedTable, y: Array, part: tuple[NDArray[np.intp], NDArray[np.intp]], seed: int, most: int
) -> TaskOwner:
    past, future = part
    drawn = np.random.default_rng([seed, place]).permutation(past)[:most]
    return TaskOwner(
        name=table.name,
        X_unlabelled=table.X[past],
        X_labelled=table.X[drawn],
        y_labelled=y[drawn],
        X_test=table.X[future],
        y_test=y[future],
        apart_from=frozenset({table.name}),
    )


def _refuse(reason: str, message: str, hint: str) -> NoReturn:
    raise InvalidInput(message, reason=reason, hint=hint)
