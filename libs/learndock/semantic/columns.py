"""Words for a table's columns, which a search across different tables reads."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from learndock.semantic.document import clean_text

_KINDS = {"b": "bool", "i": "int", "u": "int", "f": "float", "M": "datetime", "m": "duration", "c": "complex"}
_NAMES = {"category": "category", "string": "text", "str": "text", "boolean": "bool"}


def describe_columns(table: Any) -> dict[int, str]:
    """Give `Input.Description` of a table: {0: "age (float)", …}.

    `table` is a DataFrame, an array of shape (n, d) or a list of column names (then without types).
    """
    if hasattr(table, "columns") and hasattr(table, "dtypes"):
        kinds = [_kind(dtype) for dtype in table.dtypes]
        return {i: f"{_name(n)} ({kind})" for i, (n, kind) in enumerate(zip(table.columns, kinds, strict=True))}
    if hasattr(table, "dtype") and hasattr(table, "shape"):
        return _describe_array(table)
    return _describe_names(table)


def _describe_array(table: Any) -> dict[int, str]:
    if len(table.shape) == 1 and _kind(table.dtype) == "text":
        return _describe_names(table)
    width = table.shape[1] if len(table.shape) > 1 else 1
    return {i: f"column {i} ({_kind(table.dtype)})" for i in range(width)}


def _describe_names(names: Iterable[object]) -> dict[int, str]:
    return {i: _name(name) for i, name in enumerate(names)}


def _name(name: object) -> str:
    return clean_text(str(name), one_line=True)


def _kind(dtype: Any) -> str:
    text = str(dtype).lower()
    known = _NAMES.get(text) or _KINDS.get(getattr(dtype, "kind", "O"))
    return known or "text"
