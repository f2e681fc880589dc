"""JSON text from strangers: bounded in size and depth, with no repeated keys and no NaN."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from typing import Any, NoReturn

from learndock.errors import InvalidInput
from learndock.semantic.values import SEMANTIC_BYTES

MAX_DEPTH = 8
_STRING = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)', re.DOTALL)
"""Also one that never ends: otherwise every quote in it would be tried as a beginning."""
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")


def refuse(field: str, message: str, *, hint: str = "", allowed: tuple[str, ...] = ()) -> NoReturn:
    """Raise InvalidInput SEMANTIC_INVALID that names the field and, where there is a list, what it allows."""
    details = {"field": field} | ({"allowed": ", ".join(allowed)} if allowed else {})
    raise InvalidInput(
        f"Semantic specification, {field}: {message}",
        reason="SEMANTIC_INVALID",
        hint=hint or "Mend it; `dock init` writes a valid one to compare with.",
        details=details,
    )


def load_object(value: str | Mapping[str, Any], field: str = "document") -> dict[str, Any]:
    """Give the object that a JSON text (or a mapping) holds; InvalidInput SEMANTIC_INVALID."""
    found = _parse(value, field) if isinstance(value, str) else value
    if not isinstance(found, Mapping):
        refuse(field, f"an object is wanted here, and this is {kind_of(found)}.")
    return dict(found)


def kind_of(value: object) -> str:
    """Name a JSON value's kind for a message."""
    names = {bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "a list"}
    return "nothing" if value is None else names.get(type(value), "an object")


def clean_text(value: str, *, one_line: bool = False) -> str:
    """Give text without control and bidi characters (line ends and tabs stay unless `one_line`)."""
    keep = "" if one_line else "\n\t"
    text = value.replace("\r\n", "\n")
    if one_line:
        text = re.sub(r"[\r\n\t]+", " ", text)
    return "".join(c for c in text if c in keep or not _is_hidden(c)).strip()


def _is_hidden(character: str) -> bool:
    return character in _BIDI or unicodedata.category(character) in {"Cc", "Cs"}


def _parse(text: str, field: str) -> object:
    if len(text) > SEMANTIC_BYTES:
        refuse(field, f"{len(text)} characters are more than the {SEMANTIC_BYTES} that are taken.")
    if _depth(text) > MAX_DEPTH:
        refuse(field, f"it is nested deeper than {MAX_DEPTH} levels.")
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except InvalidInput:
        raise
    except ValueError as error:
        refuse(field, f"it is no JSON ({error}).", hint="`dock init` writes a valid one to start from.")


def _depth(text: str) -> int:
    deepest = depth = 0
    for character in re.findall(r"[\[\]{}]", _STRING.sub("", text)):
        depth += 1 if character in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            refuse(clean_text(key, one_line=True)[:80], "the key is there twice.")
        found[key] = value
    return found


def _no_constant(name: str) -> NoReturn:
    refuse("document", f"{name} is no number.")
