"""Write docs/reference/errors.md from the errors that the sources raise; `--check` fails where it is stale.

A reason is found where it stands in the code: given as `reason="..."`, given at the place of a parameter or field
named `reason` of something defined in these sources, or returned first of several things. What it says and what to do
next are found in the same way, by the names that such parameters have; a name stands for what its function assigned
to it; and what a table of hints has for a reason counts where the place itself says nothing.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from tools.reference import write_or_check

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


SAYS, NEXT = ("message", "text", "reason_text", "what", "detail"), ("hint", "after")
"""Names of parameters that hold what an error says, and what to do next."""


@dataclass(frozen=True)
class Maker:
    """A function or class of these sources that takes a reason: places of its parameters, and the kind it raises."""

    places: dict[str, int]
    kind: str


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
    makers = _makers(trees.values())
    hints = {reason: hint for tree in trees.values() for reason, hint in _hints(tree)}
    found = [use for path, tree in trees.items() for use in _uses_in(tree, makers, _area(path))]
    return [use if use.hint else replace(use, hint=hints.get(use.reason, "")) for use in found]


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
    told = {reason for found in areas.values() for reason, use in found.items() if use.message not in ("", "…")}
    rows = {area: [use for use in areas[area].values() if _tells(use) or use.reason not in told] for area in areas}
    return HEAD + "".join(_section(area, rows[area]) for area in sorted(areas) if rows[area])


def _tells(use: Use) -> bool:
    """Whether a row says anything; where it does not, another area's row of the same reason may."""
    return any(_fullness(use))


def _fullness(use: Use) -> tuple[bool, bool, bool]:
    return bool(use.kind), use.message not in ("", "…"), use.hint not in ("", "…")


def _area(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[1:3]) if parts[1] == "learndock" and len(parts) > 3 else parts[1]


def _makers(trees: Iterable[ast.Module]) -> dict[str, Maker]:
    """Everything that takes a reason, by name."""
    found: dict[str, Maker] = {}
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and "reason" in (names := _parameters(node)):
                raised = [_name(each.exc.func) for each in ast.walk(node) if _raises(each)]  # type: ignore[attr-defined]
                kind = next((CLASSES[name] for name in raised if name in CLASSES), "")
                found[node.name] = Maker({name: place for place, name in enumerate(names)}, kind)
    return found


def _raises(node: ast.AST) -> bool:
    return isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)


def _hints(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """(reason, what to do next) of tables whose keys are all reasons."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict) and node.keys:
            keys = [_text(key) for key in node.keys]
            if all(REASON.fullmatch(key) for key in keys):
                yield from ((key, _text(value)) for key, value in zip(keys, node.values, strict=True))


def _parameters(node: ast.FunctionDef | ast.ClassDef) -> list[str]:
    if isinstance(node, ast.FunctionDef):
        names = [each.arg for each in [*node.args.posonlyargs, *node.args.args]]
        return names[1:] if names[:1] in (["self"], ["cls"]) else names
    for each in node.body:
        if isinstance(each, ast.FunctionDef) and each.name == "__init__":
            return _parameters(each)
    fields = [each.target for each in node.body if isinstance(each, ast.AnnAssign)]
    return [target.id for target in fields if isinstance(target, ast.Name)]


def _uses_in(tree: ast.Module, makers: dict[str, Maker], area: str) -> Iterator[Use]:
    makers = {**makers, **_makers([tree])}
    for scope in _scopes(tree):
        said = _assigned(scope)
        for node in _within(scope):
            if isinstance(node, ast.Call):
                yield from _uses_of(node, makers, said, area)
            if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple) and len(node.value.elts) > 1:
                first, *rest = node.value.elts
                for reason in _reasons(first) if isinstance(first, ast.Constant) else []:
                    yield Use(reason, "", _text(rest[0]), "", area)


def _uses_of(call: ast.Call, makers: dict[str, Maker], said: dict[str, ast.expr], area: str) -> Iterator[Use]:
    name = _name(call.func)
    maker = makers.get(name, Maker({}, ""))
    given = _given(call, maker, "reason")
    if isinstance(given, ast.Name):
        given = said.get(given.id, given)
    texts = [] if given is None else [_text(_given(call, maker, each), said) for each in SAYS]
    message = _text(call.args[0], said) if name in CLASSES and call.args else next(filter(None, texts), "")
    kind = CLASSES.get(name, maker.kind)
    hint = next(filter(None, (_text(_given(call, maker, each), said) for each in NEXT)), "")
    for reason in _reasons(given):
        yield Use(reason, kind, message, hint, area)


def _scopes(tree: ast.Module) -> Iterator[ast.Module | ast.FunctionDef]:
    yield tree
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def _within(scope: ast.AST) -> Iterator[ast.AST]:
    """What belongs to a module or function, and not to a function in it."""
    for node in ast.iter_child_nodes(scope):
        if not isinstance(node, ast.FunctionDef):
            yield node
            yield from _within(node)


def _assigned(scope: ast.AST) -> dict[str, ast.expr]:
    """What names of a scope were given."""
    found = {}
    for node in _within(scope):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            found[node.targets[0].id] = node.value
    return found


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _given(call: ast.Call, maker: Maker, parameter: str) -> ast.expr | None:
    given, place = _keyword(call, parameter), maker.places.get(parameter, -1)
    return given if given is not None or not 0 <= place < len(call.args) else call.args[place]


def _keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((each.value for each in call.keywords if each.arg == name), None)


def _reasons(node: ast.expr | None) -> list[str]:
    """Constants in an expression: `"A_B"` and `"A_B" if x else "C_D"`."""
    found = [each.value for each in ast.walk(node) if isinstance(each, ast.Constant)] if node is not None else []
    return [value for value in found if isinstance(value, str) and REASON.fullmatch(value)]


def _text(node: ast.expr | None, said: dict[str, ast.expr] | None = None) -> str:
    """The text of a literal or f-string, with `…` where values come in."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
    if isinstance(node, ast.BinOp):
        return _text(node.left, said) + _text(node.right, said)
    if isinstance(node, ast.Name) and said:
        return _text(said[node.id]) if node.id in said else "…"
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


if __name__ == "__main__":
    write_or_check(PAGE, page, __doc__)
