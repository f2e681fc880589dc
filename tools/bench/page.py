"""The page of benchmarks: which tables it holds, and how new results get into it."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

BEGIN, END = "<!-- results: begin, written by `make bench` -->", "<!-- results: end -->"
_MODULE = re.compile(r"^<!-- module: (\w+) -->\n", flags=re.MULTILINE)
_TABLE = re.compile(r"^<!-- table: ([\w.-]+) -->$", flags=re.MULTILINE)
ORDER = ("specification", "privacy", "scan", "mixture", "verdict", "reuse", "footprint", "peer")
"""Modules in the page's order; others follow by name."""


def modules(folder: Path) -> dict[str, Path]:
    """Benchmarks in `folder`: files with a function `tables`, by name, in the page's order."""
    found = {path.stem: path for path in sorted(folder.glob("*.py")) if _has_tables(path)}
    rank = {name: place for place, name in enumerate(ORDER)}
    return {name: found[name] for name in sorted(found, key=lambda name: (rank.get(name, len(rank)), name))}


def declared_keys(path: Path) -> list[str]:
    """Keys of the tables that a benchmark makes, read from its source: every `Table(...)` has a literal key.

    Modules beside it that it imports count too, unless they are benchmarks themselves.
    """
    keys = _keys_in(path)
    for name in _imported(path):
        beside = path.with_name(f"{name}.py")
        if name != "table" and beside.is_file() and not _has_tables(beside):
            keys += _keys_in(beside)
    return list(dict.fromkeys(keys))


def _keys_in(path: Path) -> list[str]:
    keys: list[str] = []
    for node in ast.walk(_parse(path)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Table"):
            continue
        given = [*node.args[:1], *(word.value for word in node.keywords if word.arg == "key")]
        if not given or not isinstance(given[0], ast.Constant):
            raise ValueError(f"{path.name}, line {node.lineno}: the key of a table is a literal string")
        keys.append(str(given[0].value))
    return keys


def _imported(path: Path) -> list[str]:
    names: list[str] = []
    for node in ast.walk(_parse(path)):
        if isinstance(node, ast.ImportFrom) and node.module:
            names.append(node.module)
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
    return names


def summary(path: Path) -> str:
    """First line of the module's docstring."""
    return (ast.get_docstring(_parse(path)) or path.stem).splitlines()[0].rstrip(".")


def page_keys(text: str) -> dict[str, list[str]]:
    """Keys of the tables that the page shows, by module."""
    return {name: _TABLE.findall(section) for name, section in _sections(text).items()}


def section(title: str, made_with: str, tables: Sequence[tuple[str, str]]) -> str:
    """One module's part of the page from (key, markdown) of its tables."""
    parts = "\n".join(f"<!-- table: {key} -->\n{markdown}" for key, markdown in tables)
    return f"## {title}\n\n{made_with}\n\n{parts}"


def merge(text: str, new: Mapping[str, str], known: Sequence[str]) -> str:
    """The page with `new` sections in place of old ones; sections of modules that are no longer `known` go."""
    head, _, rest = text.partition(BEGIN)
    tail = rest.partition(END)[2]
    if not tail:
        raise ValueError(f"the page has no {BEGIN} … {END}")
    sections = _sections(text) | dict(new)
    parts = [f"<!-- module: {name} -->\n{sections[name].strip()}\n" for name in known if name in sections]
    return f"{head}{BEGIN}\n\n" + "\n".join(parts) + f"\n{END}{tail}"


def _sections(text: str) -> dict[str, str]:
    inside = text.partition(BEGIN)[2].partition(END)[0]
    _, *parts = _MODULE.split(inside)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def _has_tables(path: Path) -> bool:
    return any(isinstance(node, ast.FunctionDef) and node.name == "tables" for node in _parse(path).body)


def _parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
