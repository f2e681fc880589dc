"""From tags and options to the query of a search."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Sequence
from typing import Any, NoReturn

from learndock.errors import InvalidInput
from learndock.semantic import VALUES, SemanticSpecification

_FIELDS = {
    "Data": "data_type",
    "Task": "task_type",
    "Library": "library",
    "License": "license",
    "Scenario": "scenarios",
    "Model": "model",
}
_ORDER = ("Scenario", "Task", "Library", "License", "Data", "Model")


def build_query(
    tags: Sequence[str], task: str = "", data_type: str = "", outputs: int | None = None
) -> SemanticSpecification:
    """The query that some tags make: `Health`, or `License=MIT`. InvalidInput TAG_UNKNOWN, TAG_UNCLEAR."""
    query = SemanticSpecification(model="", task_type=task, data_type=data_type, output_dimension=outputs)
    for tag in tags:
        key, word = _find(tag)
        name = _FIELDS[key]
        value: Any = (*query.scenarios, word) if key == "Scenario" else word
        if key != "Scenario" and getattr(query, name) not in ("", word):
            _refuse_tag(
                "TAG_UNCLEAR", f"Two values are asked for {key}: {getattr(query, name)} and {word}.", "Keep one."
            )
        query = dataclasses.replace(query, **{name: value})
    return query


def _find(tag: str) -> tuple[str, str]:
    key, equals, word = tag.partition("=")
    if equals:
        return _find_key(key.strip(), word.strip(), tag)
    found = [(key, word) for key in _ORDER for word in VALUES[key] if word.casefold() == tag.strip().casefold()]
    if not found:
        _refuse_unknown(tag, [word for key in _ORDER for word in VALUES[key]])
    if len(found) > 1:
        choices = ", ".join(f"{key}={word}" for key, word in found)
        _refuse_tag("TAG_UNCLEAR", f"The tag {tag!r} is a value of several keys.", f"Say which: {choices}.")
    return found[0]


def _find_key(key: str, word: str, tag: str) -> tuple[str, str]:
    keys = {name.casefold(): name for name in _ORDER} | {"licence": "License"}
    if key.casefold() not in keys:
        _refuse_tag("TAG_UNKNOWN", f"There is no kind of tag {key!r}.", f"Known: {', '.join(_ORDER)}.")
    values = VALUES[keys[key.casefold()]]
    found = next((value for value in values if value.casefold() == word.casefold()), None)
    return (keys[key.casefold()], found) if found else _refuse_unknown(tag, list(values))


def _refuse_unknown(tag: str, known: list[str]) -> NoReturn:
    by_fold = {word.casefold(): word for word in known}
    near = difflib.get_close_matches(tag.partition("=")[2].casefold() or tag.casefold(), by_fold, 3)
    names = [by_fold[each] for each in near] or list(dict.fromkeys(known))[:15]
    _refuse_tag(
        "TAG_UNKNOWN", f"There is no tag {tag!r}.", f"{'Near' if near else 'Some'}: {', '.join(names)}.", tag=tag
    )


def _refuse_tag(reason: str, message: str, hint: str, **details: object) -> NoReturn:
    raise InvalidInput(message, reason=reason, hint=hint, details=details)
