"""From the peer's JSON form to the fields of a SemanticSpecification, every refusal with its field."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, NoReturn

from learndock.semantic.document import clean_text, kind_of, load_object, refuse
from learndock.semantic.values import (
    DESCRIPTION_CHARACTERS,
    MAX_DIMENSION,
    NAME_CHARACTERS,
    VALUES,
)


def parse_fields(value: str | Mapping[str, Any], *, query: bool) -> dict[str, Any]:
    """Give the constructor's arguments; InvalidInput SEMANTIC_INVALID."""
    document = load_object(value)
    data_type = _word(document, "Data", query=query)
    task_type = _word(document, "Task", query=query)
    sides = _side(document, "Input"), _side(document, "Output")
    if not query:
        _need_sides(data_type, task_type, sides[0][0], sides[1][0])
    return {
        "data_type": data_type,
        "task_type": task_type,
        "library": _word(document, "Library", query=query),
        "scenarios": _scenarios(document, query=query),
        "license": _word(document, "License", query=query),
        "model": _word(document, "Model", query=True) or "Others",
        "name": _text(document, "Name", NAME_CHARACTERS, needed=not query),
        "description": _text(document, "Description", DESCRIPTION_CHARACTERS, needed=False),
        "input_dimension": sides[0][0],
        "input_description": sides[0][1],
        "output_dimension": sides[1][0],
        "output_description": sides[1][1],
    }


def _values(document: Mapping[str, Any], key: str) -> Any:
    if document.get(key) is None:
        return None
    return load_object(document[key], key).get("Values")


def _words(document: Mapping[str, Any], key: str) -> list[str]:
    values = _values(document, key)
    if values is None:
        return []
    if isinstance(values, str):
        values = [values] if values else []
    if not isinstance(values, list | tuple):
        refuse(key, f"Values is {kind_of(values)}, and a list of words is wanted.", allowed=VALUES[key])
    return [_known(word, key) for word in values]


def _known(word: object, key: str) -> str:
    if not isinstance(word, str) or word not in VALUES[key]:
        _refuse_word(str(word)[:80], key)
    return word


def _refuse_word(word: str, key: str) -> NoReturn:
    near = difflib.get_close_matches(word.title(), VALUES[key], 1)
    refuse(
        key,
        f"{word!r} is not among the values of {key}.",
        hint=(f"Did you mean {near[0]!r}? " if near else "") + f"Take one of: {', '.join(VALUES[key])}.",
        allowed=VALUES[key],
    )


def _word(document: Mapping[str, Any], key: str, *, query: bool) -> str:
    words = _words(document, key)
    if len(words) > 1:
        refuse(key, f"takes one value, and {len(words)} are given.", allowed=VALUES[key])
    if not words and not query:
        refuse(key, "is missing.", hint=f"Take one of: {', '.join(VALUES[key])}.", allowed=VALUES[key])
    return words[0] if words else ""


def _scenarios(document: Mapping[str, Any], *, query: bool) -> tuple[str, ...]:
    words = _words(document, "Scenario")
    if not words and not query:
        refuse("Scenario", "at least one value is wanted.", hint="Others will do.", allowed=VALUES["Scenario"])
    return tuple(dict.fromkeys(words))


def _text(document: Mapping[str, Any], key: str, most: int, *, needed: bool) -> str:
    value = _values(document, key)
    if value is None or value == []:
        value = ""
    if not isinstance(value, str):
        refuse(key, f"Values is {kind_of(value)}, and a text is wanted.")
    text = clean_text(value, one_line=key == "Name")
    if needed and not text:
        refuse(key, "is missing.", hint="Say in a few words what the model is for.")
    if len(text) > most:
        refuse(key, f"{len(text)} characters are more than the {most} that are taken.")
    return text


def _side(document: Mapping[str, Any], key: str) -> tuple[int | None, dict[int, str]]:
    value = document.get(key)
    if value is None or value == "":
        return None, {}
    # Clients of the peer send these two as JSON text within the JSON.
    side = load_object(value, key)
    dimension = _dimension(side.get("Dimension"), f"{key}.Dimension")
    return dimension, _description(side.get("Description"), f"{key}.Description", dimension)


def _dimension(value: object, field: str) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        refuse(field, f"a whole number is wanted, and this is {kind_of(value)}.")
    if not 1 <= value <= MAX_DIMENSION:
        refuse(field, f"{str(value)[:30]} lies outside 1 to {MAX_DIMENSION}.")
    return value


def _description(value: object, field: str, dimension: int | None) -> dict[int, str]:
    if value is None or value == "":
        return {}
    if not isinstance(value, Mapping):
        refuse(field, f'an object like {{"0": "age (float)"}} is wanted, and this is {kind_of(value)}.')
    return {_index(key, field, dimension): _column(text, field) for key, text in value.items()}


def _index(key: object, field: str, dimension: int | None) -> int:
    text = str(key)
    if not (text.isascii() and text.isdigit() and len(text) <= 7):
        refuse(field, f"{text[:40]!r} is no column number; columns are counted from 0.")
    if dimension is not None and int(text) >= dimension:
        refuse(field, f"column {text} does not exist: there are {dimension}, counted from 0.")
    return int(text)


def _column(text: object, field: str) -> str:
    if isinstance(text, bool | int | float):
        text = str(text)
    if not isinstance(text, str):
        refuse(field, f"a column's description is a text, and this is {kind_of(text)}.")
    return clean_text(text, one_line=True)[:NAME_CHARACTERS]


def _need_sides(data_type: str, task_type: str, inputs: int | None, outputs: int | None) -> None:
    if data_type == "Table" and inputs is None:
        refuse("Input.Dimension", "a table needs it: how many columns does the model take?")
    if task_type in {"Classification", "Regression"} and outputs is None:
        refuse("Output.Dimension", f"{task_type} needs it: how many classes or targets does the model give?")
    if task_type == "Classification" and outputs is not None and outputs < 2:
        refuse("Output.Dimension", f"a classification has two classes or more, and this says {outputs}.")
