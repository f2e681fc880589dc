"""Write docs/reference/errors.md from the errors that the sources raise; `--check` fails where it is stale.

A reason is found where it stands in the code: given as `reason="..."`, given at the place of a parameter or field
named `reason` of something defined in these sources, or returned first of several things.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from learndock.errors import KINDS

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reference" / "errors.md"
REASON = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+")
CLASSES = {cls.__name__: kind for kind, cls in KINDS.items()}

HEAD = """\
# Errors

<!-- Written by tools/generate_errors_reference.py: `make generate`. -->

Every error has a kind (what sort of answer it is), a stable reason (what exactly), a message that says what and why,
and a hint that says what to do next. The reason is what programs should look at: it is in `error.reason` of
`learndock.errors`, in `ErrorInfo.reason` over gRPC, and in the record of a learnware that was rejected.

| kind | gRPC status | is it worth trying again? |
| --- | --- | --- |
| `invalid_input` | INVALID_ARGUMENT | No: what was given is wrong. |
| `not_found` | NOT_FOUND | No. |
| `already_exists` | ALREADY_EXISTS | No. |
| `failed_precondition` | FAILED_PRECONDITION | Once the state has changed. |
| `permission_denied` | PERMISSION_DENIED | No. |
| `overloaded` | RESOURCE_EXHAUSTED | Yes, after the time that it names. |
| `unavailable` | UNAVAILABLE | Yes. |
| `deadline_exceeded` | DEADLINE_EXCEEDED | Yes, with more time. |
| `internal` | INTERNAL | Perhaps; tell the operator the trace id. |

In the tables below `…` stands for what the message fills in.
"""


@dataclass(frozen=True)
class Use:
    """One place where a reason is given."""

    reason: str
    kind: str
    message: str
    hint: str
    area: str


def uses() -> list[Use]:
    """Every reason given in the sources, tests and generated code left out."""
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sources()}
    places = _places_of_reason(trees.values())
    return [use for path, tree in trees.items() for use in _uses_in(tree, places, _area(path))]


def sources() -> list[Path]:
    """The Python files that may give reasons."""
    found = [path for folder in ("libs", "services") for path in (ROOT / folder).rglob("*.py")]
    return sorted(path for path in found if not {"tests", "dockapi"} & set(path.relative_to(ROOT).parts))


def page() -> str:
    """The whole page: reasons by what raises them."""
    areas: dict[str, dict[str, Use]] = defaultdict(dict)
    for use in uses():
        known = areas[use.area].get(use.reason)
        if known is None or _fullness(use) > _fullness(known):
            areas[use.area][use.reason] = use
    return HEAD + "".join(_section(area, list(areas[area].values())) for area in sorted(areas))


def _fullness(use: Use) -> tuple[bool, bool, bool]:
    return bool(use.kind), bool(use.message), bool(use.hint)


def _area(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[1:3]) if parts[1] == "learndock" and len(parts) > 3 else parts[1]


def _places_of_reason(trees: Iterable[ast.Module]) -> dict[str, int]:
    """Where `reason` stands among the positional arguments of functions and fields of classes, by name."""
    places: dict[str, int] = {}
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and "reason" in (names := _parameters(node)):
                places[node.name] = names.index("reason")
    return places


def _parameters(node: ast.FunctionDef | ast.ClassDef) -> list[str]:
    if isinstance(node, ast.FunctionDef):
        names = [each.arg for each in [*node.args.posonlyargs, *node.args.args]]
        return names[1:] if names[:1] in (["self"], ["cls"]) else names
    for each in node.body:
        if isinstance(each, ast.FunctionDef) and each.name == "__init__":
            return _parameters(each)
    fields = [each.target for each in node.body if isinstance(each, ast.AnnAssign)]
    return [target.id for target in fields if isinstance(target, ast.Name)]


def _uses_in(tree: ast.Module, places: dict[str, int], area: str) -> Iterator[Use]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = _name(node.func)
            for reason in _reasons(_reason_of(node, places.get(name, -1))):
                yield Use(reason, CLASSES.get(name, ""), _message(node, name), _text(_keyword(node, "hint")), area)
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple) and len(node.value.elts) > 1:
            first, *rest = node.value.elts
            for reason in _reasons(first) if isinstance(first, ast.Constant) else []:
                yield Use(reason, "", _text(rest[0]), "", area)


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _reason_of(call: ast.Call, place: int) -> ast.expr | None:
    given = _keyword(call, "reason")
    return given if given is not None or not 0 <= place < len(call.args) else call.args[place]


def _keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((each.value for each in call.keywords if each.arg == name), None)


def _reasons(node: ast.expr | None) -> list[str]:
    """Constants in an expression: `"A_B"` and `"A_B" if x else "C_D"`."""
    found = [each.value for each in ast.walk(node) if isinstance(each, ast.Constant)] if node is not None else []
    return [value for value in found if isinstance(value, str) and REASON.fullmatch(value)]


def _message(call: ast.Call, name: str) -> str:
    return _text(call.args[0]) if name in CLASSES and call.args else ""


def _text(node: ast.expr | None) -> str:
    """The text of a literal or f-string, with `…` where values come in."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
    if isinstance(node, ast.BinOp):
        return _text(node.left) + _text(node.right)
    return "" if node is None else "…"


def _section(area: str, rows: list[Use]) -> str:
    table = ["| reason | kind | says | what next |", "| --- | --- | --- | --- |"]
    table += [_row(use) for use in sorted(rows, key=lambda use: use.reason)]
    return f"\n## {area}\n\n" + "\n".join(table) + "\n"


def _row(use: Use) -> str:
    kind = f"`{use.kind}`" if use.kind else ""
    return f"| `{use.reason}` | {kind} | {_cell(use.message)} | {_cell(use.hint)} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    fresh = page()
    if not parser.parse_args().check:
        PAGE.write_text(fresh, encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != fresh:
        sys.exit(f"{PAGE.relative_to(ROOT)} is stale: run `make generate`")


if __name__ == "__main__":
    main()
